import { spill, unspill } from "../core/outbox.ts";
import type { Turn, TurnAt } from "../core/turn.ts";
import { NOTHING, type Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import { messagesIn } from "./pending.ts";

export interface OverflowParts {
  /** The most writes one commit may hold. */
  readonly maxWrites: number;
  readonly at: (activation: Activation) => TurnAt;
  readonly apply: (activation: Activation, turn: Turn, handed: readonly Hold[]) => void;
}

/** With some left for the records, timers and history that come with the mail. */
const SHARE = 0.8;

/**
 * Where one commit has no room for all that an actor's turns want stored: their mail and schedules wait in the record, further turns
 * wait for the next commit (invariant 4).
 *
 * Owns: nothing; all state is the activation's and its record's. Calls in: ledger.ts (`fitted`), release.ts,
 * recovery.ts (`sendOn`), and whatever makes turns in numbers (`whenRoom`).
 * V1. Mail leaves in the order in which it was sent, whichever commits it leaves with.
 * V2. The deliveries that caused it stay unacknowledged until all of it has left, so that whoever gets them next sends the rest.
 */
export class Overflow {
  readonly #parts: OverflowParts;
  readonly #most: number;

  constructor(parts: OverflowParts) {
    this.#parts = parts;
    this.#most = Math.floor(parts.maxWrites * SHARE);
  }

  /** The turn as far as the commit that it joins has room; what comes out of the outbox was measured already. */
  fitted({ pending }: Activation, turn: Turn): Turn {
    const used = messagesIn(pending);
    const fits = turn.effects.length + used < this.#most && turn.actor.record.outbox === undefined;
    return fits || turn.isMeasured === true ? turn : spill(turn, this.#most - used);
  }

  /** The next of what waits in the record, with the deliveries that caused it. */
  sendOn(activation: Activation, holds: readonly Hold[]): void {
    const { actor, pending } = activation;
    if (actor?.record.outbox === undefined) return;
    const room = this.#most - messagesIn(pending);
    const turn = unspill(actor, Math.max(1, room), this.#parts.at(activation));
    this.#parts.apply(activation, { ...turn, isMeasured: true }, holds);
  }

  /** Turns at once, or once there is room: the commit is full, or others wait before it. Whatever makes turns in numbers asks here. */
  whenRoom(activation: Activation, turn: () => void): void {
    if (this.hasRoom(activation)) turn();
    else if (activation.stalled.length === 0) activation.stalled = [turn];
    else activation.stalled.push(turn);
  }

  hasRoom(activation: Activation): boolean {
    return activation.stalled.length === 0 && !this.#isFull(activation);
  }

  /** There is a new commit: what waited for it is turned, as far as there is room again. */
  goOn(activation: Activation): void {
    const turns = activation.stalled;
    activation.stalled = NOTHING;
    let next = 0;
    activation.inHand++;
    while (next < turns.length && !this.#isFull(activation)) turns[next++]?.();
    activation.inHand--;
    activation.stalled = next === turns.length ? activation.stalled : [...turns.slice(next), ...activation.stalled];
  }

  #isFull({ pending }: Activation): boolean {
    return messagesIn(pending) >= this.#most;
  }
}
