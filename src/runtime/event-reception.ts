import { refusal } from "../core/asking.ts";
import type { Envelope } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { scopeOf } from "../core/interpret.ts";
import { EXPIRE } from "../core/lifecycle.ts";
import { permitted } from "../core/permit.ts";
import { isEnded } from "../core/record.ts";
import type { Actor } from "../core/turn.ts";
import type { Activation } from "./activation.ts";
import { decodeEvents, isResult, type EventEnvelope } from "./decode.ts";
import type { Hold } from "./hold.ts";
import { isReminder } from "./reminder.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import type { Turns } from "./turns.ts";
import { hearAgain } from "./unheard.ts";

export interface EventReceptionParts {
  readonly room: Room;
  readonly dead: (session: Session, hold: Hold, error: unknown) => void;
}

/**
 * What a delivery that is no start means to its actor: something to hear, something it has heard before, or nothing that it can take.
 *
 * Owns: nothing; all state is the activation's. Calls in: performer.ts. Calls out: turns, dead letters.
 * E1. What its mark covers is not heard again: it stands for what is still open (invariant 6).
 * E2. What comes too late for an actor, or for no actor, is a dead letter, unless its end has answered it (invariant 12).
 */
export class EventReception {
  readonly #parts: EventReceptionParts;
  readonly #turns: Turns;

  constructor(parts: EventReceptionParts, turns: Turns) {
    this.#parts = parts;
    this.#turns = turns;
  }

  receive(activation: Activation, hold: Hold): void {
    const { delivery } = hold;
    const { actor } = activation;
    if (isReminder(delivery)) {
      // One of this host's own: nothing was lost meanwhile that would have to be said again.
      const stance = activation.reminder === "stored" ? "held" : "open";
      activation.reminder = "none";
      this.#turns.adopt(activation, hold, stance);
      this.#turns.relieve(activation, hold);
      return;
    }
    if (actor === undefined) {
      this.#parts.dead(
        activation.session,
        hold,
        new TroupeError("unknown_id", `There is no actor ${activation.key}`, { about: activation.key }),
      );
      return;
    }
    if ((actor.record.marks[delivery.source] ?? 0) >= delivery.sequence) {
      this.#turns.adopt(activation, hold);
      return;
    }
    if (isResult(delivery)) return this.#turns.result(activation, hold);
    let envelopes: readonly EventEnvelope[];
    try {
      envelopes = decodeEvents(delivery, activation.definition.eventSchemas, scopeOf(activation.definition).relay);
    } catch (error) {
      this.#parts.dead(activation.session, hold, error);
      return;
    }
    const [only] = envelopes;
    if (only !== undefined && envelopes.length === 1) this.#hear(activation, actor, hold, only);
    else this.#hearAll(activation, hold, envelopes);
  }

  /** One delivery: none of what it brings lets it go before all is turned, and all its turns are one commit's. */
  #hearAll(activation: Activation, hold: Hold, envelopes: readonly EventEnvelope[]): void {
    hold.take();
    activation.inHand++;
    for (const envelope of envelopes) this.#hear(activation, activation.actor as Actor, hold, envelope);
    activation.inHand--;
    this.#turns.adopt(activation, hold, "done");
    hold.release();
  }

  #hear(activation: Activation, actor: Actor, hold: Hold, envelope: EventEnvelope): void {
    if (envelope.kind === "permit") this.#permit(activation, actor, hold, envelope);
    else if (isEnded(actor.record)) this.#afterEnd(activation, hold, envelope);
    else if (actor.record.parked !== undefined && envelope.kind === "event" && envelope.event.type === "retry") {
      hearAgain(this.#turns, this.#parts.room, activation, { actor, hold, retry: envelope });
    } else {
      this.#turns.step(activation, envelope, [], [hold], this.#turns.at(activation, hold));
      if (envelope.kind === "resume" && actor.record.parked !== undefined) this.#turns.takeUp(activation, [hold]);
    }
  }

  /** One that is not wanted any more goes back (dead-letters.ts). */
  #permit(activation: Activation, actor: Actor, hold: Hold, { name, late }: Extract<Envelope, { kind: "permit" }>): void {
    const at = this.#turns.at(activation, hold);
    const { permit } = actor.record;
    const isWanted = permit?.stance === "waits" && permit.name === name;
    const turn = late === true ? undefined : permitted(actor, name, at);
    if (turn !== undefined) {
      this.#turns.apply(activation, turn, [], [hold]);
      this.#turns.takeUp(activation, [hold]);
    } else if (late === true && isWanted) this.#turns.step(activation, { kind: "event", event: EXPIRE }, [], [hold], at);
    else if (permit?.name === name) this.#turns.adopt(activation, hold);
    else this.#parts.dead(activation.session, hold, new TroupeError("not_running", `${activation.key} waits for no permit ${name}`));
  }

  /** E2. Cancels, timers and names given back that come too late have been answered by the end itself. */
  #afterEnd(activation: Activation, hold: Hold, envelope: Envelope): void {
    if (envelope.kind === "event" && envelope.event.type === "cancel" && envelope.asker !== undefined)
      this.#turns.outcomes.refuse(envelope.asker, refusal("not_running", `${activation.key} has ended`, activation.key));
    if (
      envelope.kind === "timer" ||
      envelope.kind === "report" ||
      envelope.kind === "stop" ||
      envelope.kind === "name" ||
      envelope.kind === "resume" ||
      (envelope.kind === "event" && envelope.event.type === "cancel")
    )
      this.#turns.adopt(activation, hold, "done");
    else
      this.#parts.dead(activation.session, hold, new TroupeError("not_running", `${activation.key} has ended`, { about: activation.key }));
  }
}
