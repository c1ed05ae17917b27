import { spill, unspill } from "../core/outbox.ts";
import type { Turn, TurnAt } from "../core/turn.ts";
import { NOTHING, type Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";

export interface OverflowParts {
  /** The most writes one commit may hold. */
  readonly maxWrites: number;
  readonly at: (activation: Activation) => TurnAt;
  readonly apply: (activation: Activation, turn: Turn, handed: readonly Hold[]) => void;
  readonly perform: (activation: Activation, hold: Hold) => void;
}

/** With some left for the records, timers and history that come with the mail. */
const SHARE = 0.8;

/**
 * Where one commit has no room for all that an actor's turns want stored: their mail waits in the record, further events wait for the
 * next commit (invariant 4).
 *
 * Owns: nothing; all state is the activation's and its record's. Calls in: performer.ts.
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
    const used = pending?.writes?.size ?? 0;
    const fits = turn.effects.length + used < this.#most && turn.actor.record.outbox === undefined;
    return fits || turn.isMeasured === true ? turn : spill(turn, this.#most - used);
  }

  /** The next of what waits in the record, with the deliveries that caused it. */
  sendOn(activation: Activation, holds: readonly Hold[]): void {
    const { actor, pending } = activation;
    if (actor?.record.outbox === undefined) return;
    const room = this.#most - (pending?.writes?.size ?? 0);
    const turn = unspill(actor, Math.max(1, room), this.#parts.at(activation));
    this.#parts.apply(activation, { ...turn, isMeasured: true }, holds);
  }

  /** Whether an event must wait: the commit is full, or others wait before it. */
  stalls(activation: Activation, hold: Hold): boolean {
    if (activation.stalled.length === 0 && !this.#isFull(activation)) return false;
    activation.stalled = [...activation.stalled, hold];
    return true;
  }

  /** There is a new commit: what waited for it is turned. */
  goOn(activation: Activation): void {
    const holds = activation.stalled;
    if (holds.length === 0 || this.#isFull(activation)) return;
    activation.stalled = NOTHING;
    let next = 0;
    while (next < holds.length && !this.#isFull(activation)) this.#parts.perform(activation, holds[next++] as Hold);
    activation.stalled = [...holds.slice(next), ...activation.stalled];
  }

  #isFull({ pending }: Activation): boolean {
    return (pending?.writes?.size ?? 0) >= this.#most;
  }
}
