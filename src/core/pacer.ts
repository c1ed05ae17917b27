/**
 * A rate that is never exceeded: within any t seconds at most `perSecond · t` may pass, and a second's worth (at least one) that a pause
 * has saved up. Begins with nothing saved up, so that whoever goes on in another's place needs to know nothing of what has passed. Its
 * one number is the moment by which everything so far would have passed had it come evenly.
 */
export class Pacer {
  readonly #intervalMs: number;
  readonly #savedMs: number;
  readonly #beganAtMs: number;
  readonly #evenAtMs = new Map<string, number>();
  #sweepAt = LEAST_SWEEP;

  /** @param nowMs by a clock that only ever rises */
  constructor(perSecond: number, nowMs: number) {
    this.#intervalMs = 1_000 / perSecond;
    this.#savedMs = Math.max(1, Math.floor(perSecond)) * this.#intervalMs;
    this.#beganAtMs = nowMs;
  }

  /** When the next of a key may pass, by the same clock; in the past where it may now. */
  nextAtMs(key: string): number {
    return this.#even(key) - this.#savedMs + this.#intervalMs;
  }

  pass(key: string, nowMs: number): void {
    this.#evenAtMs.set(key, Math.max(nowMs, this.#even(key)) + this.#intervalMs);
    if (this.#evenAtMs.size > this.#sweepAt) this.#sweep(nowMs);
  }

  #even(key: string): number {
    return this.#evenAtMs.get(key) ?? this.#beganAtMs + this.#savedMs;
  }

  /** A key that has saved up all it can is like one that was never heard of, once that has too. */
  #sweep(nowMs: number): void {
    if (nowMs >= this.#beganAtMs + this.#savedMs)
      for (const [key, evenAtMs] of this.#evenAtMs) if (evenAtMs <= nowMs) this.#evenAtMs.delete(key);
    this.#sweepAt = Math.max(LEAST_SWEEP, 2 * this.#evenAtMs.size);
  }
}

const LEAST_SWEEP = 1_024;
