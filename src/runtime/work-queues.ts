import { START_LANES, type StartLane } from "../core/address.ts";
import type { Activity } from "../core/definition.ts";
import type { Clock } from "../ports/clock.ts";
import type { QueueName } from "../ports/work.ts";
import type { Abilities } from "./abilities.ts";

export interface WorkQueuesParts {
  readonly clock: Clock;
  readonly abilities: Pick<Abilities, "takeable">;
  /** There may be something in one of them: a free slot may be for it. */
  readonly woken: () => void;
}

/** A queue of one lane and type that may hold something. */
export interface WorkQueue {
  readonly lane: StartLane;
  readonly type: string;
  readonly activity: Activity;
  /** So often it was found empty since it was last heard of. */
  looks: number;
  isAsleep: boolean;
}

/** A queue that was ever heard of is looked at so often in any case: what a dead worker had in hand comes again without a word. */
const LOOK_EVERY_MS = 30_000;
/** What was committed is in its queue a moment later: an empty one is looked at again, so often and after so long. */
const LOOK_AGAIN_MS = [5, 30, 200] as const;

/**
 * Queues in which others may have offered work that this host can do.
 *
 * Owns: those that were heard of and not found empty since. Calls in: taker.ts. Calls out: `woken`.
 * Q1. None is looked at of which nobody has ever spoken.
 * Q2. Those of one lane are looked at in turns.
 */
export class WorkQueues {
  readonly #parts: WorkQueuesParts;
  readonly #all = new Map<string, WorkQueue>();
  readonly #known = new Set<string>();
  #isOpen = false;

  constructor(parts: WorkQueuesParts) {
    this.#parts = parts;
  }

  open(): void {
    this.#isOpen = true;
    const alarm = this.#parts.clock.every(LOOK_EVERY_MS, () => {
      if (!this.#isOpen) return alarm.cancel();
      if (this.#known.size === 0) return;
      for (const type of this.#known) for (const lane of START_LANES) this.#look(lane, type);
      this.#parts.woken();
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#all.clear();
  }

  /** Somebody has offered something in them. */
  heard(queues: readonly QueueName[]): void {
    for (const { lane, type } of queues) {
      // Whoever hears of a type for the first time may have missed what was said of its other lanes.
      for (const each of this.#known.has(type) ? [lane] : START_LANES) this.#look(each, type);
      this.#known.add(type);
    }
    this.#parts.woken();
  }

  /** Of the highest lane, the one that was looked at longest ago. */
  get best(): WorkQueue | undefined {
    let best: WorkQueue | undefined;
    for (const queue of this.#all.values()) if (!queue.isAsleep && (best === undefined || rankOf(queue) < rankOf(best))) best = queue;
    return best;
  }

  /** It was empty: another look, or none until it is heard of again. */
  rest(queue: WorkQueue): void {
    const key = `${queue.lane} ${queue.type}`;
    // It was heard of meanwhile.
    if (this.#all.get(key) !== queue) return;
    const againMs = LOOK_AGAIN_MS[queue.looks++];
    if (againMs === undefined) {
      this.#all.delete(key);
      return;
    }
    queue.isAsleep = true;
    this.#parts.clock.after(againMs, () => {
      queue.isAsleep = false;
      if (this.#all.get(key) === queue) this.#parts.woken();
    });
  }

  /** Others of its lane come before it is looked at again. */
  putLast(queue: WorkQueue): void {
    const key = `${queue.lane} ${queue.type}`;
    if (this.#all.get(key) !== queue) return;
    this.#all.delete(key);
    this.#all.set(key, queue);
  }

  #look(lane: StartLane, type: string): void {
    const activity = this.#parts.abilities.takeable(type)?.activities.get("run");
    if (activity !== undefined) this.#all.set(`${lane} ${type}`, { lane, type, activity, looks: 0, isAsleep: false });
  }
}

/** The lower, the more it hurries. */
export function rankOf({ lane }: Pick<WorkQueue, "lane">): number {
  return START_LANES.indexOf(lane);
}
