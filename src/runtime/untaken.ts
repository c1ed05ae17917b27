import { isLate } from "../core/lifecycle.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { QueueName, Work, WorkItem } from "../ports/work.ts";
import type { OfferedAttempt } from "./offered-attempt.ts";
import type { SlotBoard } from "./slot-board.ts";

export interface UntakenParts {
  readonly host: string;
  readonly work: Work;
  readonly clock: Clock;
  readonly log: Log;
  readonly board: SlotBoard;
  readonly expired: (attempt: OfferedAttempt) => void;
  /** It is offered once more. */
  readonly givenBack: (attempt: OfferedAttempt) => void;
  /** Attempts that could begin here now. */
  readonly free: () => number;
  /** A slot here takes it, as another host's would. */
  readonly takeBack: (item: WorkItem) => void;
}

const RING_EVERY_MS = 1_000;
/** What nobody has taken for so long, though it could begin here, is in the hand of somebody who died before asking for it. */
const TAKE_BACK_MS = 2_000;
/** So often it is looked whether what nobody takes is still there to be taken. */
const LOOK_EVERY_MS = 60_000;
const MOST_LOOKED_AT = 256;
/** Waiting for so long is worth a word. */
const LONG_MS = 10_000;
const LEAST_BETWEEN_WORDS_MS = 60_000;

/**
 * Offered attempts that nobody has taken: hosts are told of them, at once and every second, since what is told may be lost. What this
 * host could run itself it takes back once it has slots.
 *
 * Owns: the list of them. Calls in: offers.ts. Calls out: the work port.
 */
export class Untaken {
  readonly #parts: UntakenParts;
  readonly #all = new Set<OfferedAttempt>();
  readonly #rings = new Map<string, QueueName>();
  readonly #spokeAt = new Map<string, number>();
  /** Those for which another host's slot was counted on. */
  spilled = 0;
  #ticking: Alarm | undefined;
  #lookedAt = -Infinity;
  #isLooking = false;

  constructor(parts: UntakenParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#all.size;
  }

  add(attempt: OfferedAttempt): void {
    this.#all.add(attempt);
    if (attempt.isSpill) this.spilled++;
    this.#ticking ??= this.#parts.clock.every(RING_EVERY_MS, () => this.#tick());
  }

  remove(attempt: OfferedAttempt): void {
    if (this.#all.delete(attempt) && attempt.isSpill) this.spilled--;
  }

  /** Tells every host that something waits in a lane for a type; once for all that is offered in one round. */
  ring({ lane, activation }: OfferedAttempt): void {
    if (this.#rings.size === 0) this.#parts.clock.soon(() => this.#ring());
    const { type } = activation.address;
    this.#rings.set(`${lane} ${type}`, { lane, type });
  }

  #ring(): void {
    this.#parts.work.announce({ kind: "offers", host: this.#parts.host, queues: [...this.#rings.values()] });
    this.#rings.clear();
  }

  #tick(): void {
    if (this.#all.size === 0) {
      this.#ticking?.cancel();
      this.#ticking = undefined;
      return;
    }
    const now = this.#parts.clock.now();
    const long = new Map<string, OfferedAttempt[]>();
    for (const attempt of this.#all) {
      const { stage, activation, since } = attempt;
      const record = activation.actor?.record;
      if (stage.kind !== "open" || record === undefined) continue;
      if (isLate(record, now)) {
        this.#parts.expired(attempt);
        continue;
      }
      this.ring(attempt);
      if (now - since < LONG_MS) continue;
      const { type } = activation.address;
      long.set(type, [...(long.get(type) ?? []), attempt]);
    }
    for (const [type, attempts] of long) this.#speak(type, attempts, now);
    this.#lookFor(now);
  }

  #lookFor(now: number): void {
    if (this.#isLooking) return;
    const { clock, log, free } = this.#parts;
    const mayBegin = [...this.#all].filter(({ isSpill, since }) => isSpill && now - since >= TAKE_BACK_MS).slice(0, free());
    const isDue = clock.monotonic() - this.#lookedAt >= LOOK_EVERY_MS;
    if (isDue) this.#lookedAt = clock.monotonic();
    const long = isDue ? [...this.#all].filter(({ since }) => now - since >= LOOK_EVERY_MS).slice(0, MOST_LOOKED_AT) : [];
    if (mayBegin.length + long.length === 0) return;
    this.#isLooking = true;
    this.#takeBack(mayBegin)
      .then(() => this.#look(long))
      .catch((error: unknown) => log.debug({ err: error }, "whether offered work is still there could not be found out"))
      .finally(() => (this.#isLooking = false));
  }

  /** What is not there may only be on its way from CORE to WORK. */
  async #takeBack(attempts: readonly OfferedAttempt[]): Promise<void> {
    const { work, free, takeBack } = this.#parts;
    for (const attempt of attempts) {
      const item = await work.find(attempt.lane, attempt.activation.address);
      if (item !== undefined && attempt.stage.kind === "open" && free() > 0) takeBack(item);
    }
  }

  /** A worker that acknowledges before it asks, and dies, takes the offer along: nobody else would ever see it. */
  async #look(attempts: readonly OfferedAttempt[]): Promise<void> {
    const { work, givenBack } = this.#parts;
    for (const attempt of attempts) {
      const item = await work.find(attempt.lane, attempt.activation.address);
      if (item === undefined && attempt.stage.kind === "open") givenBack(attempt);
    }
  }

  #speak(type: string, attempts: readonly OfferedAttempt[], now: number): void {
    if (now - (this.#spokeAt.get(type) ?? -Infinity) < LEAST_BETWEEN_WORDS_MS) return;
    this.#spokeAt.set(type, now);
    const labels = attempts[0]?.labels ?? [];
    const fields = { type, labels, count: attempts.length, since: attempts[0]?.since };
    const why =
      this.#parts.board.hasHostFor(labels) || attempts[0]?.isSpill === true ? "no host has had a free slot" : "no live host has its labels";
    this.#parts.log.warn(fields, `work waits for somebody to take it: ${why}`);
  }
}
