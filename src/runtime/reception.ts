import type { StartLane } from "../core/address.ts";
import { refusal } from "../core/asking.ts";
import { HEADERS, type ActorEvent, type Envelope } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { versionFor } from "../core/fit.ts";
import { scopeOf } from "../core/interpret.ts";
import { acknowledgementOf, delayOf, isReady, outcomeOf } from "../core/lifecycle.ts";
import { lacksPermit, limited, permitted } from "../core/permit.ts";
import { isEnded, type ActorRecord, type ParentRecord } from "../core/record.ts";
import { start, type Actor, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import { decodeEvents, decodeStart, isResult, parentOf, type EventEnvelope } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Outcomes } from "./outcomes.ts";
import { isReminder } from "./reminder.ts";
import { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { hearAgain } from "./unheard.ts";

/**
 * What a delivery that changes nothing more waits for: whatever is open, which its last host may have left so; the same, known to be in
 * hand here; nothing.
 */
export type Stance = "open" | "held" | "done";

/** What reception asks of the performer. */
export interface Turns {
  at(activation: Activation, hold?: Hold): TurnAt;
  /** The turn as far as its commit has room. @throws bad_payload, too_large */
  fit(activation: Activation, turn: Turn): Turn;
  apply(activation: Activation, turn: Turn, handed: readonly Hold[], causes: readonly Hold[]): void;
  step(
    activation: Activation,
    envelope: Exclude<Envelope, { kind: "start" }>,
    handed: readonly Hold[],
    causes: readonly Hold[],
    at?: TurnAt,
  ): void;
  adopt(activation: Activation, hold: Hold, stance?: Stance): void;
  /** What has just been adopted stands alone for all that goes on. */
  relieve(activation: Activation, hold: Hold): void;
  /** How work ended that somebody took. */
  result(activation: Activation, hold: Hold): void;
  readonly outcomes: Outcomes;
  /** What is open of the actor and does not go on in this host. */
  takeUp(activation: Activation, causes: readonly Hold[]): void;
}

export interface ReceptionParts {
  readonly store: Store;
  readonly log: Log;
  readonly dead: (session: Session, hold: Hold, error: unknown) => void;
  readonly retire: (activation: Activation) => void;
}

/**
 * What a delivery means to a loaded actor: a first start, the same start once more, an event, something it has seen before, or
 * nothing that it can take.
 */
export class Reception {
  readonly #parts: ReceptionParts;
  readonly #turns: Turns;
  readonly #room: Room;

  constructor(parts: ReceptionParts, turns: Turns) {
    this.#parts = parts;
    this.#turns = turns;
    this.#room = new Room(parts.store);
  }

  start(activation: Activation, hold: Hold, others: "none" | "events"): void {
    const { delivery } = hold;
    const { actor } = activation;
    if (actor !== undefined) {
      if ((actor.record.marks[delivery.source] ?? 0) >= delivery.sequence) this.#turns.adopt(activation, hold);
      else if (isOfEarlierLife(actor.record, parentOf(delivery))) this.#begin(activation, hold, others, actor.record.marks);
      else this.#duplicate(activation, actor, hold);
    } else this.#begin(activation, hold, others);
  }

  #begin(activation: Activation, hold: Hold, others: "none" | "events", marks?: ActorRecord["marks"]): void {
    const { delivery } = hold;
    const at = this.#turns.at(activation, hold);
    // What an earlier life under this address has sent may still be on its way.
    if (marks === undefined) activation.near = "all";
    try {
      const envelope = decodeStart(delivery, activation.definition, at.now, this.#room.recordBytes);
      if (envelope.version !== undefined) activation.definition = versionFor(activation.definition, envelope.version);
      const first = start(activation.definition, activation.address, envelope, at);
      const entered = limited(
        activation.definition,
        marks === undefined ? first : marked(first, marks),
        envelope.input,
        delivery.lane as StartLane,
        activation.key,
      );
      const turn = this.#turns.fit(activation, entered);
      this.#turns.apply(activation, turn, [], [hold]);
    } catch (error) {
      this.#parts.dead(activation.session, hold, error);
      this.#parts.retire(activation);
      return;
    }
    const { record } = activation.actor as unknown as Actor;
    if (lacksPermit(record)) {
      const first = firstEvent(record, at.now);
      if (first !== BEGIN) this.#turns.step(activation, { kind: "event", event: first }, [], [hold]);
      return;
    }
    if (!isReady(activation.definition, record)) return;
    // What has its permit already waits for a slot like any other.
    if (record.permit !== undefined || (others === "events" && delayOf(record) === 0)) {
      this.#turns.takeUp(activation, [hold]);
      return;
    }
    this.#turns.step(activation, { kind: "event", event: firstEvent(record, at.now) }, [], [hold]);
  }

  /** The same id again: the same actor. The second input is ignored and its sender told. */
  #duplicate(activation: Activation, actor: Actor, hold: Hold): void {
    const { delivery } = hold;
    this.#parts.log.info({ actor: activation.key, lane: delivery.lane }, "a start of an actor that exists already was ignored");
    const parent = parentOf(delivery);
    if (parent !== undefined && isSame(parent, actor.record.parent)) this.#turns.adopt(activation, hold, "done");
    else if (parent !== undefined) {
      this.#parts.dead(
        activation.session,
        hold,
        new TroupeError("id_taken", `The id of ${activation.key} is in use`, { about: activation.key }),
      );
    }
    if (parent !== undefined) return;
    const replyTo = delivery.header(HEADERS.replyTo);
    const tell = isEnded(actor.record) ? outcomeOf : acknowledgementOf;
    const told = replyTo === "" ? undefined : tell(delivery.type, delivery.id, actor.record);
    if (replyTo === "") this.#turns.adopt(activation, hold, "done");
    else if (told !== undefined && activation.pending === undefined && activation.committing === undefined) {
      this.#turns.outcomes.answer(replyTo, { ...told, duplicate: true });
      this.#turns.adopt(activation, hold, "done");
    } else {
      hold.take();
      activation.listeners = [...activation.listeners, { replyTo, hold }];
    }
  }

  event(activation: Activation, hold: Hold): void {
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
      hearAgain(this.#turns, this.#room, activation, { actor, hold, retry: envelope });
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

  /** Cancels, timers and names given back that come too late have been answered by the end itself; anything else is a dead letter (invariant 12). */
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

function isSame(one: ParentRecord, other: ParentRecord | undefined): boolean {
  return isSamePlace(one, other) && one.since === other?.since;
}

function isSamePlace(one: ParentRecord, other: ParentRecord | undefined): boolean {
  return one.type === other?.type && one.id === other.id && one.child === other.child && one.generation === other.generation;
}

/** A child whose parent's record has expired before its own: the next actor of the parent's id gives its children the same addresses. */
function isOfEarlierLife(record: ActorRecord, parent: ParentRecord | undefined): boolean {
  return parent !== undefined && isEnded(record) && isSamePlace(parent, record.parent) && parent.since !== record.parent?.since;
}

/** What was absorbed in an earlier life under the same address stays absorbed. */
function marked(turn: Turn, marks: ActorRecord["marks"]): Turn {
  const { record } = turn.actor;
  return { ...turn, actor: { ...turn.actor, record: { ...record, marks: { ...marks, ...record.marks } } } };
}

/** What the host has to say to a task that has just been started and has a slot. */
function firstEvent(record: ActorRecord, now: number): ActorEvent {
  if (record.deadlineAt !== undefined && record.deadlineAt <= now) return EXPIRE;
  return delayOf(record) > 0 ? DELAY : BEGIN;
}

export const BEGIN: ActorEvent = { type: "troupe.begin" };
export const EXPIRE: ActorEvent = { type: "troupe.expire" };
const DELAY: ActorEvent = { type: "troupe.delay" };
