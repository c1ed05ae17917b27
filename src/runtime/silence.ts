import type { Clock } from "../ports/clock.ts";
import type { OfferedAttempt, TakenStage } from "./offered-attempt.ts";

export interface SilenceParts {
  readonly clock: Clock;
  /** After so long without a word a worker is believed dead. */
  readonly silenceMs: number;
  /** Nobody has heard of its worker for so long. */
  readonly silent: (attempt: OfferedAttempt, worker: string) => void;
}

/** A worker that has not been heard of for too long is looked for once more: this host may have stalled, and its word be waiting in the socket. */
const SECOND_LOOK_MS = 250;

/**
 * How long the workers of attempts say nothing.
 *
 * Owns: the watch over every attempt that is taken. Calls in: workers.ts. Calls out: `silent`.
 */
export class Silence {
  readonly #parts: SilenceParts;

  constructor(parts: SilenceParts) {
    this.#parts = parts;
  }

  /** From now on, while it is in that stage. */
  watch(attempt: OfferedAttempt, stage: TakenStage, waitMs = this.#parts.silenceMs): void {
    const { clock, silenceMs, silent } = this.#parts;
    // As signs of life are: where nobody lives through some time, no silence is counted either.
    const watch = clock.every(waitMs, () => {
      watch.cancel();
      if (attempt.stage !== stage) return;
      const leftMs = stage.heardAt + silenceMs - clock.monotonic();
      if (leftMs > 0) this.watch(attempt, stage, leftMs);
      else if (leftMs > -SECOND_LOOK_MS) this.watch(attempt, stage, SECOND_LOOK_MS);
      else silent(attempt, stage.worker.worker);
    });
    stage.watch = watch;
  }
}
