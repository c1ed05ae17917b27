import type { StartLane } from "../core/address.ts";
import { HEADERS } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { versionFor } from "../core/fit.ts";
import { acknowledgementOf, BEGIN, delayOf, firstEvent, isReady, outcomeOf } from "../core/lifecycle.ts";
import { lacksPermit, limited } from "../core/permit.ts";
import { isEnded, type ActorRecord, type ParentRecord } from "../core/record.ts";
import { start, type Actor, type Turn } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import { decodeStart, parentOf } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import type { Turns } from "./turns.ts";

export interface StartReceptionParts {
  readonly room: Room;
  readonly log: Log;
  readonly dead: (session: Session, hold: Hold, error: unknown) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * What a start means: a first one, the same once more, one for another actor at the address of an earlier one, or one whose id is taken.
 *
 * Owns: nothing; all state is the activation's. Calls in: performer.ts. Calls out: turns, dead letters.
 * T1. Only a start creates an actor (invariant 12).
 * T2. The same id again is the same actor: the second input is ignored, and its sender told of the first.
 */
export class StartReception {
  readonly #parts: StartReceptionParts;
  readonly #turns: Turns;

  constructor(parts: StartReceptionParts, turns: Turns) {
    this.#parts = parts;
    this.#turns = turns;
  }

  receive(activation: Activation, hold: Hold, others: "none" | "events"): void {
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
      const envelope = decodeStart(delivery, activation.definition, at.now, this.#parts.room.recordBytes);
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
    this.#goOn(activation, hold, others, at.now);
  }

  /** There is a new actor: its host says to it what it has to, at once or when its turn comes. */
  #goOn(activation: Activation, hold: Hold, others: "none" | "events", now: number): void {
    const { record } = activation.actor as unknown as Actor;
    if (lacksPermit(record)) {
      const first = firstEvent(record, now);
      if (first !== BEGIN) this.#turns.step(activation, { kind: "event", event: first }, [], [hold]);
      return;
    }
    if (!isReady(activation.definition, record)) return;
    // What has its permit already waits for a slot like any other.
    if (record.permit !== undefined || (others === "events" && delayOf(record) === 0)) {
      this.#turns.takeUp(activation, [hold]);
      return;
    }
    this.#turns.step(activation, { kind: "event", event: firstEvent(record, now) }, [], [hold]);
  }

  /** T2. */
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
