import type { StartLane } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Delivery, Inlet, Source } from "../ports/mailbox.ts";
import { Floor, FlooredDelivery, type Noted } from "./floor.ts";
import type { PartitionParts } from "./partition.ts";
import type { Session } from "./session.ts";

/**
 * Starts asked for at a time, of each lane and partition. More of them come in gusts, and what waits for its turn in one outlives the
 * garbage collector's young generation: with 64 a backlog's peak was 314 MiB instead of 157, and a tenth less was done in a second. Fewer
 * are a request for every few.
 */
const START_CREDIT = 16;
/** Events wait for no slot: the more come together, the more turns of one actor share a record. */
const EVENT_CREDIT = 256;
/** What is acknowledged and not forgotten comes again to the next owner: that much of it. */
const FORGET_EVERY_MS = 1_000;
/** Of so many times, once also what lies above the floor: most of that is below it a few seconds later. */
const LOOK_EVERY = 5;
const MOST_PURGES_AT_ONCE = 64;
/** So many purges of single messages cost as much as one delivery that is left to a reminder: that is stored, delivered, acknowledged. */
const WORTH = 3;

/** One source of a session: credit for its inlet, and the floor below which it can be forgotten. */
export class SourceReader {
  readonly #source: Source;
  readonly #session: Session;
  readonly #parts: PartitionParts;
  readonly #floor = new Floor();
  readonly #mostCredit: number;
  #inlet: Inlet | undefined;
  #credit = 0;
  #reading = { over: false };
  #forgotten = 0;
  #ticks = 0;
  /** What was to be relieved after the last look. */
  #relieved: ReadonlySet<number> = new Set();
  #isForgetting = false;
  #isPaused = false;

  constructor(source: Source, session: Session, parts: PartitionParts) {
    this.#source = source;
    this.#session = session;
    this.#parts = parts;
    this.#mostCredit = source.endsWith(".event") ? EVENT_CREDIT : START_CREDIT;
  }

  async open(): Promise<void> {
    this.#inlet = await this.#parts.mailbox.open(this.#session.partition, this.#source, {
      receive: (delivery) => this.#receive(delivery),
      rewound: () => {
        this.#parts.suspect(this.#session);
        this.#reading.over = true;
        this.#reading = { over: false };
        this.#floor.rewind();
      },
    });
    this.refill();
    this.#forgetLater();
  }

  refill(): void {
    if (this.#isPaused || this.#credit > this.#mostCredit / 2 || this.#isFull()) return;
    this.#credit = this.#mostCredit;
    this.#inlet?.want(this.#mostCredit);
  }

  pause(): void {
    this.#isPaused = true;
    this.#inlet?.want(0);
  }

  async close(): Promise<void> {
    const inlet = this.#inlet;
    this.#inlet = undefined;
    this.#reading.over = true;
    await inlet?.close();
  }

  /** Called from the socket's callback, where an exception would stop the client from reading: a defect ends the session instead. */
  #receive(delivery: Delivery): void {
    this.#credit--;
    try {
      this.#parts.stage.receive(this.#session, new FlooredDelivery(delivery, this.#floor), this.#reading);
    } catch (cause) {
      this.#parts.log.error({ partition: this.#session.partition, err: cause }, "a delivery met a defect");
      this.#parts.failed(
        this.#session,
        new TroupeError("defect", `A delivery of partition ${this.#session.partition} met a defect`, { cause }),
      );
    }
    this.refill();
  }

  #isFull(): boolean {
    const lane = this.#source.slice(3);
    if (lane === "event" || !this.#source.startsWith("in.")) return false;
    const { stage, waitingPerLane } = this.#parts;
    return stage.waitingIn(lane as StartLane) >= waitingPerLane || stage.sharing.isFull;
  }

  #forgetLater(): void {
    const alarm = this.#parts.clock.every(FORGET_EVERY_MS, () => {
      if (!this.#session.open || this.#inlet === undefined) return alarm.cancel();
      if (this.#isForgetting) return;
      this.#isForgetting = true;
      this.#forget(++this.#ticks)
        .catch((error: unknown) => {
          const about = { partition: this.#session.partition, source: this.#source, err: error };
          this.#parts.log.warn(about, "what is absorbed could not be purged; the next purge covers it");
        })
        .finally(() => (this.#isForgetting = false));
    });
  }

  /** What is found above the floor by two looks was acknowledged well before any record that absorbed it can have expired. */
  async #forget(tick: number): Promise<void> {
    const { store, purges } = this.#parts;
    const { partition } = this.#session;
    if (this.#floor.floor > this.#forgotten) await purges.run(() => this.forget());
    if (tick % LOOK_EVERY !== 0) return;
    if (this.#source === "mail.event") await store.tidy(partition);
    const { lingering, stuck } = this.#floor.look();
    if (this.#relieve(stuck, lingering)) return this.#floor.keep(lingering);
    const { places, single } = this.#floor.scatter(lingering);
    try {
      await inLots(places, (each) => store.forget(partition, this.#source, each.through, each));
      await inLots(single, (sequence) => store.forgetOne(partition, this.#source, sequence));
    } catch (error) {
      // No purge below the floor may cover it for as long as the gap stays.
      this.#floor.keep(lingering);
      throw error;
    }
  }

  /** Relieves what keeps the floor, where that is little. `true`: the floor will pass all that lingers. */
  #relieve(stuck: readonly Noted[], lingering: readonly Noted[]): boolean {
    const relieved = this.#relieved;
    this.#relieved = new Set();
    if (stuck.length * WORTH > lingering.length || stuck.some(({ sequence }) => relieved.has(sequence))) return false;
    if (!this.#parts.stage.relieve(this.#session, this.#source, stuck)) return false;
    this.#relieved = new Set(stuck.map(({ sequence }) => sequence));
    return true;
  }

  /** Everything below the floor. */
  async forget(): Promise<void> {
    const through = this.#floor.floor;
    if (through <= this.#forgotten) return;
    await this.#parts.store.forget(this.#session.partition, this.#source, through);
    this.#forgotten = Math.max(this.#forgotten, through);
  }
}

async function inLots<Each>(all: readonly Each[], purge: (each: Each) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += MOST_PURGES_AT_ONCE)
    await Promise.all(all.slice(from, from + MOST_PURGES_AT_ONCE).map(purge));
}
