/** How long a pull waits for messages, and how often the server says meanwhile that it still knows of it. */
export interface PullPace {
  readonly expiresMs: number;
  readonly heartbeatMs: number;
}

/**
 * The first pull after a reset is short and beats fast: that is when somebody else's outstanding pull, which outlives the reset,
 * may swallow what is delivered again, and only the beats tell.
 */
export const FIRST_PULL: PullPace = { expiresMs: 5000, heartbeatMs: 500 };
export const PULL: PullPace = { expiresMs: 30_000, heartbeatMs: 5000 };

const NANOS_PER_MS = 1_000_000;

/** @param maxBytes bounds what one pull may bring into memory */
export function pullRequest(batch: number, maxBytes: number, { expiresMs, heartbeatMs }: PullPace): Uint8Array {
  return Buffer.from(
    JSON.stringify({ batch, expires: expiresMs * NANOS_PER_MS, idle_heartbeat: heartbeatMs * NANOS_PER_MS, max_bytes: maxBytes }),
  );
}

/** After so long without a heartbeat, two of which are due, the server is believed to have forgotten the pull. */
export function longestSilenceMs({ heartbeatMs }: PullPace): number {
  return heartbeatMs * 2 + 1000;
}

const LONGEST_WAIT_MS = 2000;
/** Without a failure for so long, the next one is an incident of its own. */
const CALM_MS = 5000;

/**
 * How long to wait before starting over. Once is at once; what goes on and on slows down, with some chance in it: two hosts that
 * both believe in their lease would otherwise take turns as fast as they can.
 */
export class StartOverPace {
  #streak = 0;
  #lastAt = Number.NEGATIVE_INFINITY;

  nextWaitMs(nowMs: number): number {
    this.#streak = nowMs - this.#lastAt > CALM_MS ? 0 : this.#streak + 1;
    this.#lastAt = nowMs;
    return this.#streak === 0 ? 0 : Math.min(5 * 2 ** Math.min(this.#streak, 10), LONGEST_WAIT_MS) * (0.5 + Math.random() / 2);
  }
}
