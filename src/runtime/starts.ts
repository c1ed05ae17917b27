import type { StartLane } from "../core/address.ts";
import { START_LANES } from "../core/address.ts";
import { Fifo } from "./fifo.ts";

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
