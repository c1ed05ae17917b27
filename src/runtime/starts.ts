import type { StartLane } from "../core/address.ts";
import { START_LANES } from "../core/address.ts";
import { Fifo } from "../core/fifo.ts";
import { LaneShare } from "../core/lane-share.ts";

/** Behind so many that may not go, nobody is looked for. */
const MOST_LOOKED_AT = 32;

/**
 * What waits for a slot: by lane, then by arrival; while a lane is never empty, one in eight goes to the next one down. Bounded by what the
 * inlets are allowed to deliver, never by dropping.
 */
export class StartQueue<T extends Waiting> {
  readonly #share = new LaneShare();
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

  /** The highest lane that has something. */
  get nextLane(): StartLane | undefined {
    for (const lane of START_LANES) if (this.#lanes[lane].size > 0) return lane;
    return undefined;
  }

  /** The first that passes, of those that stand near the head of their lane. */
  nextThat(passes: (item: T) => boolean): T | undefined {
    for (const lane of START_LANES) {
      const item = this.#lanes[lane].take((each) => !each.void() && passes(each), MOST_LOOKED_AT);
      if (item !== undefined) return item;
    }
    return undefined;
  }

  /** The one that should run next. */
  next(): T | undefined {
    const lane = this.#share.next(this.#has);
    return lane === undefined ? undefined : this.#lanes[lane].shift();
  }

  readonly #has = (lane: StartLane): boolean => {
    const items = this.#lanes[lane];
    while (items.first?.void() === true) items.shift();
    return items.first !== undefined;
  };
}

/** One waiting start. It becomes void when its session ends; it is then delivered again elsewhere. */
export interface Waiting {
  readonly lane: StartLane;
  void(): boolean;
}
