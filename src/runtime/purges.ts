import type { Clock } from "../ports/clock.ts";

/** A purge that took longer has found much that waits, and the server does little else meanwhile. */
const SLOW_MS = 25;
/** After a slow one the host rests for so many times as long, and at most for so long: what is absorbed must be forgotten before its record. */
const REST_FACTOR = 10;
const MOST_REST_MS = 2_000;

/**
 * A host's purges, one after another. The server looks at everything that waits under a purge's subjects, with the stream held: 1 ms
 * where little waits, 75 ms for each partition where 200,000 starts wait in all, 0.4 s where a million do (nats-server 2.15.1, file
 * store). All at once, every second, they would leave it no time for anything else.
 *
 * Owns: the order of purges. Calls in: source-reader.ts.
 */
export class Purges {
  readonly #clock: Clock;
  #last: Promise<void> = Promise.resolve();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves, or rejects, as `purge` does once it was its turn. */
  run(purge: () => Promise<void>): Promise<void> {
    let tookMs = 0;
    const turn = this.#last.then(async () => {
      const since = this.#clock.monotonic();
      await purge();
      tookMs = this.#clock.monotonic() - since;
    });
    this.#last = turn.then(
      () => this.#rest(tookMs),
      () => {},
    );
    return turn;
  }

  #rest(tookMs: number): Promise<void> {
    if (tookMs < SLOW_MS) return Promise.resolve();
    return new Promise((resolve) => this.#clock.after(Math.min(REST_FACTOR * tookMs, MOST_REST_MS), resolve));
  }
}
