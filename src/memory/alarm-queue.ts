import type { Alarm } from "../ports/clock.ts";

interface Entry {
  readonly dueAt: number;
  readonly number: number;
  action: (() => void) | undefined;
}

/** Alarms by due time, then by number: a binary heap. Cancelled ones stay until they come to the top. */
export class AlarmQueue {
  readonly #heap: Entry[] = [];

  add(dueAt: number, number: number, action: () => void): Alarm {
    const entry: Entry = { dueAt, number, action };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return {
      cancel() {
        entry.action = undefined;
      },
    };
  }

  /** The next alarm. */
  get next(): { readonly dueAt: number; readonly number: number } | undefined {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (top.action !== undefined) return top;
      this.#removeTop();
    }
    return undefined;
  }

  /** The next alarm's action; it will not run again, and cancelling it has no effect any more. */
  take(): (() => void) | undefined {
    if (this.next === undefined) return undefined;
    const top = this.#heap[0] as Entry;
    this.#removeTop();
    return top.action;
  }

  #removeTop(): void {
    const last = this.#heap.pop() as Entry;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let i = from; i > 0;) {
      const parent = (i - 1) >> 1;
      if (!this.#swapped(parent, i)) return;
      i = parent;
    }
  }

  #sink(from: number): void {
    for (let i = from; ;) {
      const left = 2 * i + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const child = right < this.#heap.length && isBefore(this.#heap[right] as Entry, this.#heap[left] as Entry) ? right : left;
      if (!this.#swapped(i, child)) return;
      i = child;
    }
  }

  /** Puts the earlier of the two above. `false`: it was. */
  #swapped(above: number, below: number): boolean {
    const [upper, lower] = [this.#heap[above] as Entry, this.#heap[below] as Entry];
    if (!isBefore(lower, upper)) return false;
    this.#heap[above] = lower;
    this.#heap[below] = upper;
    return true;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.dueAt < other.dueAt || (one.dueAt === other.dueAt && one.number < other.number);
}
