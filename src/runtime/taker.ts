import { START_LANES, type StartLane } from "../core/address.ts";
import type { Activity } from "../core/definition.ts";
import { HEADERS } from "../core/envelope.ts";
import type { Log } from "../ports/log.ts";
import type { Listening, Notice, Work, WorkItem } from "../ports/work.ts";
import { Taken, type TakenParts } from "./taken.ts";
import type { Turnover } from "./turnover.ts";
import { rankOf, WorkQueues, type WorkQueue, type WorkQueuesParts } from "./work-queues.ts";

export interface TakerParts extends WorkQueuesParts {
  readonly host: string;
  readonly work: Work;
  readonly log: Log;
  readonly turnover: Turnover;
  /** A slot is in use. */
  readonly takeSlot: () => void;
  /** A slot that was reserved is free. */
  readonly slotFreed: () => void;
}

/**
 * Takes work that other owners offer, highest lane first, when this host has slots for it.
 *
 * Owns: what was taken, and the queues it comes from (work-queues.ts). Calls in: admission.ts, sharing.ts, untaken.ts. Calls out: the work
 * port.
 * K1. Nothing is fetched without a slot, and none is asked for where nobody has offered anything.
 * K2. A slot is reserved until the fetch is answered; then it is the taken work's, or free again.
 */
export class Taker {
  readonly #parts: TakerParts;
  readonly #queues: WorkQueues;
  readonly #taken = new Map<string, Taken>();
  #reserved = 0;
  /** The rank of the lowest lane for which slots are reserved. */
  #lowest = 0;
  #isFetching = false;
  #isOpen = false;
  #isOwnTurn = false;
  #listening: readonly Listening[] = [];
  #takenParts: TakenParts | undefined;
  #idle: (() => void)[] = [];

  constructor(parts: TakerParts) {
    this.#parts = parts;
    this.#queues = new WorkQueues(parts);
  }

  open(): void {
    const { work, host, clock, log, turnover } = this.#parts;
    this.#isOpen = true;
    const inbox = work.listen(({ token, ...word }) => this.#taken.get(token)?.told(word));
    this.#listening = [inbox, work.hear((notice) => this.#heard(notice))];
    this.#queues.open();
    this.#takenParts = {
      host,
      work,
      clock,
      log,
      turnover,
      tell: inbox.subject,
      freed: () => this.#freed(),
      over: (taken) => this.#over(taken),
    };
  }

  /** Takes nothing more; what runs goes on, what has not begun is given back. */
  drain(): void {
    this.#isOpen = false;
    this.#queues.close();
    for (const taken of this.#taken.values()) taken.drain();
  }

  /** Resolves once nothing that was taken runs, and every result is stored: whoever only waits to hear so is not waited for. */
  async idle(): Promise<void> {
    if (this.#isBusy) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  stop(): void {
    this.drain();
    for (const taken of this.#taken.values()) taken.stop();
    for (const each of this.#listening) each.close();
  }

  /** Whether a free slot is to be reserved for what others offer, rather than for what waits here in that lane. Takes turns within a lane. */
  reserves(waiting: StartLane | undefined): boolean {
    const best = this.#queues.best;
    if (best === undefined) return false;
    const rank = waiting === undefined ? Infinity : START_LANES.indexOf(waiting);
    const isEqual = rankOf(best) === rank;
    if (isEqual) this.#isOwnTurn = !this.#isOwnTurn;
    if (isEqual ? this.#isOwnTurn : rankOf(best) > rank) return false;
    this.#reserved++;
    this.#lowest = Math.max(this.#lowest, waiting === undefined ? Infinity : rankOf(best));
    void this.#fetch();
    return true;
  }

  /** What this host offered itself, and nobody begins. Whoever calls has seen a free slot. */
  takeBack(item: WorkItem): void {
    const activity = this.#parts.abilities.takeable(item.type)?.activities.get("run");
    if (!this.#isOpen || activity === undefined || this.#taken.has(item.header(HEADERS.token))) return;
    this.#parts.takeSlot();
    this.#reserved++;
    this.#begin(item, activity);
  }

  #heard(notice: Notice): void {
    if (notice.kind !== "offers" || !this.#isOpen) return;
    this.#queues.heard(notice.queues);
  }

  async #fetch(): Promise<void> {
    if (this.#isFetching) return;
    this.#isFetching = true;
    // Slots that become free in one round are used together.
    await Promise.resolve();
    for (;;) {
      const queue = this.#queues.best;
      // Where that lane is empty, what waits here goes before what others have in lower ones.
      if (queue === undefined || this.#reserved === 0 || rankOf(queue) > this.#lowest) break;
      await this.#fetchFrom(queue);
    }
    this.#isFetching = false;
    this.#lowest = 0;
    for (; this.#reserved > 0; this.#reserved--) this.#parts.slotFreed();
    this.#tellIdle();
  }

  async #fetchFrom(queue: WorkQueue): Promise<void> {
    const { lane, type } = queue;
    const count = this.#reserved;
    let items: Awaited<ReturnType<Work["fetch"]>> = [];
    try {
      items = await this.#parts.work.fetch(lane, type, count);
    } catch (error) {
      this.#parts.log.debug({ type, lane, err: error }, "offered work could not be fetched");
    }
    for (const item of items) {
      if (!this.#isOpen) {
        item.giveBack();
        continue;
      }
      this.#begin(item, queue.activity);
    }
    if (items.length < count) this.#queues.rest(queue);
    else this.#queues.putLast(queue);
  }

  /** With a slot that is reserved. */
  #begin(item: WorkItem, activity: Activity): void {
    const taken = new Taken(item, activity, this.#takenParts as TakenParts);
    // The same attempt twice: delivered again, or offered anew by an owner that did not know. The first one stands.
    if (this.#taken.has(taken.token)) return item.acknowledge();
    this.#reserved--;
    this.#taken.set(taken.token, taken);
    taken.begin();
  }

  #freed(): void {
    this.#parts.slotFreed();
    this.#tellIdle();
  }

  #over({ token }: Taken): void {
    this.#taken.delete(token);
    this.#tellIdle();
  }

  get #isBusy(): boolean {
    return this.#isFetching || [...this.#taken.values()].some(({ phase }) => phase !== "parting");
  }

  #tellIdle(): void {
    if (this.#idle.length === 0 || this.#isBusy) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
