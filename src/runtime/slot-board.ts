import type { Clock } from "../ports/clock.ts";
import type { Listening, Notice, Work } from "../ports/work.ts";

export interface SlotBoardParts {
  readonly host: string;
  readonly labels: readonly string[];
  readonly work: Work;
  readonly clock: Clock;
  /** How often a host says how it is, and of that the third time in vain it is forgotten. */
  readonly everyMs: number;
  readonly free: () => number;
  /** Another host has slots that it had not. */
  readonly news: () => void;
}

/** Changes that follow each other are told together. */
const LEAST_BETWEEN_MS = 50;

interface Entry {
  free: number;
  readonly labels: readonly string[];
  readonly heardAt: number;
}

/**
 * What hosts say of their free slots: said at every change while others are there, and now and then in any case.
 *
 * Owns: the newest word of every other host. Calls in: admission.ts (`changed`), offers.ts. Calls out: the work port.
 * B1. It is a guess. A wrong one costs time: work that is offered for a slot which is gone waits for the next, wherever that is.
 */
export class SlotBoard {
  readonly #parts: SlotBoardParts;
  readonly #others = new Map<string, Entry>();
  #said = -1;
  #saidAt = -Infinity;
  #isDue = false;
  #isOpen = false;
  #hearing: Listening | undefined;

  constructor(parts: SlotBoardParts) {
    this.#parts = parts;
  }

  open(): void {
    this.#isOpen = true;
    this.#hearing = this.#parts.work.hear((notice) => this.#heard(notice));
    this.#say();
    const alarm = this.#parts.clock.every(this.#parts.everyMs, () => {
      if (!this.#isOpen) return alarm.cancel();
      this.#forget();
      this.#say();
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#hearing?.close();
    this.#others.clear();
  }

  get isAlone(): boolean {
    return this.#others.size === 0;
  }

  /** Free slots of other hosts that have these labels, as far as is known. */
  freeFor(labels: readonly string[]): number {
    let free = 0;
    for (const entry of this.#others.values()) if (hasAll(entry, labels)) free += entry.free;
    return free;
  }

  /** Whether another host that has these labels was heard of lately. */
  hasHostFor(labels: readonly string[]): boolean {
    return [...this.#others.values()].some((entry) => hasAll(entry, labels));
  }

  /** A host has used one of those that it spoke of. */
  used(host: string): void {
    const entry = this.#others.get(host);
    if (entry !== undefined && entry.free > 0) entry.free--;
  }

  /** The number of free slots here may be another. */
  changed(): void {
    if (this.isAlone || this.#isDue || this.#parts.free() === this.#said) return;
    this.#isDue = true;
    const waitMs = Math.max(0, this.#saidAt + LEAST_BETWEEN_MS - this.#parts.clock.monotonic());
    this.#parts.clock.after(waitMs, () => {
      this.#isDue = false;
      if (this.#isOpen && this.#parts.free() !== this.#said) this.#say();
    });
  }

  #say(): void {
    const { work, host, labels, clock } = this.#parts;
    this.#said = this.#parts.free();
    this.#saidAt = clock.monotonic();
    work.announce({ kind: "slots", host, free: this.#said, labels });
  }

  #heard(notice: Notice): void {
    if (notice.kind !== "slots" || notice.host === this.#parts.host || !this.#isOpen) return;
    const known = this.#others.get(notice.host);
    this.#others.set(notice.host, { free: notice.free, labels: notice.labels, heardAt: this.#parts.clock.monotonic() });
    // Whoever comes late hears of everybody at once.
    if (known === undefined) this.#say();
    if (notice.free > (known?.free ?? 0)) this.#parts.news();
  }

  #forget(): void {
    const oldest = this.#parts.clock.monotonic() - 3 * this.#parts.everyMs;
    for (const [host, { heardAt }] of this.#others) if (heardAt < oldest) this.#others.delete(host);
  }
}

function hasAll(entry: Entry, labels: readonly string[]): boolean {
  return labels.every((label) => entry.labels.includes(label));
}
