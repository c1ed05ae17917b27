import type { Clock } from "../ports/clock.ts";

/** So long the work is looked at before anything is said of it. */
const LEAST_LOOK_MS = 25;
/** Longer ago is of no account. */
const MOST_LOOK_MS = 250;
/**
 * Where user code takes less than this on average, a slot here is worth more than a free one elsewhere: to offer an attempt, to have it
 * taken and to hear its result are three commits instead of one, and as much again on the other side.
 */
const WORTH_SHARING_MS = 10;
/** Turns of the event loop that a gust lasts: what begins in one, and is awaited, is heard in the next or the one after. */
const TURNS_OF_GUST = 3;
const NO_GUST = -1;

/**
 * How long user code holds this host's slots, for whether it is worth its while to offer what waits for one.
 *
 * Owns: the number of attempts that run, and their time since the look began. Calls in: attempt.ts, admission.ts.
 * T1. What else a slot is held for, a read or a commit, does not count: it takes as long elsewhere, and being offered costs more of it.
 *     A busy host that counted it would offer what is done in no time, be busier for that, and offer more.
 * T2. Attempts that begin in one gust count as one until the event loop has turned a few times. A hundred that end at once have not each
 *     taken as long as all of them; and where a turn takes long, because the host is busy, whatever was waited for is heard late: that
 *     says nothing of how long it took.
 */
export class Turnover {
  readonly #clock: Clock;
  /** Those of earlier gusts. */
  #running = 0;
  /** Those of this one. */
  #fresh = 0;
  #gust = 0;
  #isGusty = false;
  #ended = 0;
  /** Of all attempts together, up to `#countedAt`. */
  #workedMs = 0;
  #countedAt = 0;
  /** When the look began; -Infinity while nobody looks, and no clock is read. */
  #since = -Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** User code begins, with a slot. @returns its gust, for `ended` */
  began(): number {
    if (!this.#isLooking()) {
      this.#running++;
      return NO_GUST;
    }
    if (!this.#isGusty) this.#blow(TURNS_OF_GUST);
    this.#isGusty = true;
    this.#fresh++;
    return this.#gust;
  }

  /** It has ended, or nobody waits for it any more. */
  ended(gust: number): void {
    this.#isLooking();
    if (gust === this.#gust) this.#fresh--;
    else this.#running--;
    this.#ended++;
  }

  /**
   * To be asked while all slots are out and something waits. 0: the work is slow, what waits is worth offering. Otherwise the milliseconds
   * after which to ask again: where nothing ends and nothing comes, nobody else would.
   */
  get slowInMs(): number {
    const now = this.#clock.monotonic();
    this.#count(now);
    if (this.#since === -Infinity) return this.#begin(now);
    const lookedMs = now - this.#since;
    if (lookedMs < LEAST_LOOK_MS) return LEAST_LOOK_MS - lookedMs;
    const isSlow = this.#workedMs > 0 && this.#workedMs >= (this.#ended + this.#fresh) * WORTH_SHARING_MS;
    if (lookedMs > MOST_LOOK_MS) {
      // What follows is judged by the newer half.
      this.#ended /= 2;
      this.#workedMs /= 2;
      this.#since += lookedMs / 2;
    }
    return isSlow ? 0 : LEAST_LOOK_MS;
  }

  /** Counts up to now, unless nobody looks. */
  #isLooking(): boolean {
    if (this.#since === -Infinity) return false;
    this.#count(this.#clock.monotonic());
    return true;
  }

  #blow(turns: number): void {
    this.#clock.soon(() => (turns > 1 ? this.#blow(turns - 1) : this.#calm()));
  }

  #calm(): void {
    this.#isLooking();
    this.#running += this.#fresh;
    this.#fresh = 0;
    this.#isGusty = false;
    this.#gust++;
  }

  #count(now: number): void {
    if (now - this.#since > 2 * MOST_LOOK_MS) this.#since = -Infinity;
    this.#workedMs += (this.#running + Math.min(1, this.#fresh)) * (now - this.#countedAt);
    this.#countedAt = now;
  }

  #begin(now: number): number {
    this.#ended = 0;
    this.#workedMs = 0;
    this.#since = now;
    return LEAST_LOOK_MS;
  }
}
