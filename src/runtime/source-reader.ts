import type { StartLane } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Delivery, Inlet, MailSource, Source } from "../ports/mailbox.ts";
import { FlooredDelivery, MailFloor } from "./mail-floor.ts";
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
const FORGET_EVERY_MS = 5_000;
/** Of so many times, once also what lies above the floor. */
const LOOK_EVERY = 2;
const MOST_PURGES_AT_ONCE = 64;

/** One source of a session: credit for its inlet, and the floor below which its mail can be forgotten. */
export class SourceReader {
  readonly #source: Source;
  readonly #session: Session;
  readonly #parts: PartitionParts;
  readonly #floor: MailFloor | undefined;
  readonly #mostCredit: number;
  #inlet: Inlet | undefined;
  #credit = 0;
  #reading = { over: false };
  #forgotten = 0;
  #ticks = 0;
  #isPaused = false;

  constructor(source: Source, session: Session, parts: PartitionParts) {
    this.#source = source;
    this.#session = session;
    this.#parts = parts;
    this.#mostCredit = source.endsWith(".event") ? EVENT_CREDIT : START_CREDIT;
    this.#floor = source.startsWith("mail.") ? new MailFloor() : undefined;
  }

  async open(): Promise<void> {
    this.#inlet = await this.#parts.mailbox.open(this.#session.partition, this.#source, {
      receive: (delivery) => this.#receive(delivery),
      rewound: () => {
        this.#parts.suspect(this.#session);
        this.#reading.over = true;
        this.#reading = { over: false };
        this.#floor?.rewind();
      },
    });
    this.refill();
    if (this.#floor !== undefined) this.#forgetLater(this.#floor, this.#source as MailSource);
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
      const noted = this.#floor === undefined ? delivery : new FlooredDelivery(delivery, this.#floor);
      this.#parts.stage.receive(this.#session, noted, this.#reading);
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

  #forgetLater(floor: MailFloor, source: MailSource): void {
    const alarm = this.#parts.clock.every(FORGET_EVERY_MS, () => {
      if (!this.#session.open || this.#inlet === undefined) return alarm.cancel();
      this.#forget(floor, source).catch((error: unknown) => {
        this.#parts.log.warn(
          { partition: this.#session.partition, source, err: error },
          "absorbed mail could not be purged; the next purge covers it",
        );
      });
    });
  }

  /** What is found above the floor by two looks was acknowledged well before any record that absorbed it can have expired. */
  async #forget(floor: MailFloor, source: MailSource): Promise<void> {
    const { store } = this.#parts;
    const { partition } = this.#session;
    const through = floor.floor;
    if (through > this.#forgotten) {
      await store.forget(partition, source, through);
      this.#forgotten = Math.max(this.#forgotten, through);
    }
    if (source === "mail.event") await store.tidy(partition);
    if (++this.#ticks % LOOK_EVERY !== 0) return;
    const absorbed = floor.look();
    for (let from = 0; from < absorbed.length; from += MOST_PURGES_AT_ONCE)
      await Promise.all(
        absorbed.slice(from, from + MOST_PURGES_AT_ONCE).map((each) => store.forget(partition, source, each.through, each)),
      );
  }
}
