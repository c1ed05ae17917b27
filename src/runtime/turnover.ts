import type { Clock } from "../ports/clock.ts";

/** So long slots are looked at before anything is said of them. */
const LEAST_LOOK_MS = 25;
/** Longer ago is of no account. */
const MOST_LOOK_MS = 250;
/**
 * Held for less than this on average, a slot here is worth more than a free one elsewhere: to offer an attempt, to have it taken and to
 * hear its result are three commits instead of one, and as much again on the other side.
 */
const WORTH_SHARING_MS = 10;

/** How long this host's slots are held, for whether it is worth its while to offer what waits for one. */
export class Turnover {
  readonly #clock: Clock;
  readonly #slots: number;
  #freed = 0;
  #since = -Infinity;

  constructor(clock: Clock, slots: number) {
    this.#clock = clock;
    this.#slots = slots;
  }

  freed(): void {
    this.#freed++;
  }

  /** To be asked while all slots are out. Otherwise the milliseconds after which it can be said. */
  get isSlow(): boolean | number {
    const now = this.#clock.monotonic();
    const lookedMs = now - this.#since;
    if (lookedMs > 2 * MOST_LOOK_MS) return this.#begin(now);
    if (lookedMs < LEAST_LOOK_MS) return LEAST_LOOK_MS - lookedMs;
    const isSlow = this.#slots * lookedMs >= this.#freed * WORTH_SHARING_MS;
    if (lookedMs > MOST_LOOK_MS) {
      // What follows is judged by the newer half.
      this.#freed /= 2;
      this.#since += lookedMs / 2;
    }
    return isSlow;
  }

  #begin(now: number): number {
    this.#freed = 0;
    this.#since = now;
    return LEAST_LOOK_MS;
  }
}
