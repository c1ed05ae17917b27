import type { StartLane } from "../core/address.ts";
import { START_LANES } from "../core/address.ts";

/**
 * What waits for a slot: by lane, then by arrival. Bounded by what the inlets are allowed to deliver, never by dropping.
 */
export class StartQueue<T extends Waiting> {
  readonly #lanes = { high: new Fifo<T>(), normal: new Fifo<T>(), low: new Fifo<T>() };

  get size(): number {
    return this.#lanes.high.size + this.#lanes.normal.size + this.#lanes.low.size;
  }

  waitingIn(lane: StartLane): number {
    return this.#lanes[lane].size;
  }

  add(item: T): void {
    this.#lanes[item.lane].push(item);
  }

  /** The one that should run next. */
  next(): T | undefined {
    for (const lane of START_LANES) {
      for (let item = this.#lanes[lane].shift(); item !== undefined; item = this.#lanes[lane].shift()) if (!item.void()) return item;
    }
    return undefined;
  }
}

/** One waiting start. It becomes void when its session ends; it is then delivered again elsewhere. */
export interface Waiting {
  readonly lane: StartLane;
  void(): boolean;
}

/** A queue that gives its memory back: the consumed head is cut off once it is half of the whole. */
class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    if (this.#head >= this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
