import { isSimple } from "../core/definition.ts";
import { isReady } from "../core/lifecycle.ts";
import { isEnded } from "../core/record.ts";
import { withPermit } from "../core/permit.ts";
import type { Turn, TurnAt } from "../core/turn.ts";
import type { Clock } from "../ports/clock.ts";
import { emptyPending, type Activation } from "./activation.ts";
import type { Committer } from "./committer.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Gates } from "./gates.ts";
import { keepTurn } from "./history.ts";
import type { Hold } from "./hold.ts";
import type { Measure } from "./measure.ts";
import { NearDelivery, NEVER_STORED } from "./near-delivery.ts";
import type { NearPermit } from "./near-permit.ts";
import type { Obligations } from "./obligations.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Overflow } from "./overflow.ts";
import type { Room } from "./room.ts";
import type { Stance } from "./turns.ts";

export interface LedgerParts {
  readonly clock: Clock;
  readonly committer: Committer;
  readonly dispatch: Dispatch;
  readonly overflow: Overflow;
  readonly obligations: Obligations;
  readonly outcomes: Outcomes;
  readonly room: Room;
  readonly measure: Measure;
  readonly gates: Gates;
  /** A task may begin as soon as a slot is free. */
  readonly ready: (activation: Activation) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

interface ApplyOptions {
  /** Its record, where that is written down. */
  readonly bytes?: Uint8Array | undefined;
  /** Some work ended in it. */
  readonly isEnd?: boolean;
  /** False where it says nothing new of the actor's end. */
  readonly tellsEnd?: boolean;
}

/**
 * Where turns are noted down: what they made of the actor, what is to be stored with it, and which deliveries wait for that.
 *
 * Owns: nothing; all state is the activation's. Calls in: turning.ts, recovery.ts, offer-turns.ts, overflow.ts, performer.ts. Calls out:
 * dispatch, the committer.
 * G1. A turn keeps the deliveries that caused it until it is stored.
 */
export class Ledger {
  readonly #parts: LedgerParts;
  /** With the turn that is being noted. */
  #given: NearPermit | undefined;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /**
   * The turn as far as its commit has room, and the record as bytes, where a turn might ask for what cannot be stored. What a task stores
   * is looked at where it enters. @throws bad_payload, too_large
   */
  fit(activation: Activation, made: Turn): { readonly turn: Turn; readonly bytes: Uint8Array | undefined } {
    if (isSimple(activation.definition) || made.kind !== "changed") return { turn: made, bytes: undefined };
    const turn = this.#parts.overflow.fitted(activation, made);
    if (activation.definition.kind === "actor" || activation.recordBytes > this.#parts.room.messageBytes / 2)
      return { turn, bytes: this.#parts.measure.check(activation, turn) };
    // What one turn adds to a plan's record is small: it is measured only where that has grown large.
    this.#parts.measure.checkMail(activation.key, turn.effects);
    return { turn, bytes: undefined };
  }

  /**
   * Notes down what a turn wants. `handed` holds are passed on with their count; `causes` are counted anew.
   */
  apply(
    activation: Activation,
    made: Turn,
    handed: readonly Hold[],
    causes: readonly Hold[] = [],
    { bytes, isEnd = false, tellsEnd = true }: ApplyOptions = {},
  ): void {
    const isLimited = made.actor.record.permit !== undefined;
    const turn = this.#parts.overflow.fitted(activation, isLimited ? this.#entitled(activation, made) : made);
    activation.actor = turn.actor;
    if (turn.kind === "unheard") {
      for (const hold of causes) this.adopt(activation, hold);
      activation.letGo(handed);
      return;
    }
    const pending = (activation.pending ??= emptyPending());
    if (isLimited && this.#given !== undefined) {
      pending.permit = this.#given;
      // What begins now is to be told of if this host dies, and nothing else would.
      if (handed.length + causes.length === 0 && activation.reminder === "none") activation.reminder = "due";
    }
    pending.bytes = turn === made ? bytes : undefined;
    for (const hold of causes) hold.take();
    const all = handed.length === 0 ? causes : causes.length === 0 ? handed : [...handed, ...causes];
    if (isEnd || all.some(followsEnd)) pending.followsEnd = true;
    if (tellsEnd) pending.tellsEnd = true;
    if (pending.holds.length < FEW) pending.holds = pending.holds.length === 0 ? all.slice() : pending.holds.concat(all);
    else pending.holds.push(...all);
    if (activation.definition.history) keepTurn(activation, pending, turn, this.#parts.room);
    for (const effect of turn.effects) this.#parts.dispatch.note(activation, pending, effect, all);
    this.#parts.committer.dirty(activation);
  }

  #entitled(activation: Activation, made: Turn): Turn {
    this.#given = undefined;
    if (made.kind === "unheard") return made;
    return withPermit(made, (wish) => (this.#given = this.#parts.gates.give(activation, wish)) !== undefined);
  }

  /** A task that could begin waits for a slot, and its deliveries with it: a host that dies now must be told again. */
  queueIfReady(activation: Activation, handed: readonly Hold[], causes: readonly Hold[] = []): void {
    if (activation.queued !== undefined || activation.actor === undefined || !isReady(activation.definition, activation.actor.record))
      return;
    activation.queued = [...handed, ...causes];
    for (const hold of activation.queued) hold.take();
    this.#parts.ready(activation);
  }

  /** A delivery that changes nothing more: it waits for what is still open of the actor, or is acknowledged. */
  adopt(activation: Activation, hold: Hold, stance: Stance = "open"): void {
    hold.take();
    if (stance !== "done") {
      this.#parts.obligations.adopt(activation, hold);
      activation.owing = activation.owing.map((owing) => {
        hold.take();
        return { ...owing, causes: [...owing.causes, hold] };
      });
    }
    if (stance === "open" && activation.actor !== undefined && isEnded(activation.actor.record)) {
      this.#parts.obligations.acts.repeat(activation, [hold]);
      this.#parts.outcomes.tellAgain(activation);
    }
    activation.letGo([hold]);
    this.#parts.retire(activation);
  }

  at(activation: Activation, hold?: Hold): TurnAt {
    const now = this.#parts.clock.now();
    const epoch = activation.session.fence;
    return hold === undefined || hold.delivery.sequence === NEVER_STORED
      ? { now, epoch }
      : { now, epoch, mark: { source: hold.delivery.source, sequence: hold.delivery.sequence } };
  }
}

function followsEnd({ delivery }: Hold): boolean {
  return delivery instanceof NearDelivery && delivery.followsEnd;
}

/** An array that grows makes room for half as many more: so few are made to measure. */
const FEW = 4;
