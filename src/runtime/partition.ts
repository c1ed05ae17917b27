import { createActor, type ActorRefFrom } from "xstate";
import { schedulerMachine } from "../../machines/scheduler.ts";
import type { StartLane } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import { SOURCES, type Delivery, type Inlet, type Mailbox, type MailSource, type Source } from "../ports/mailbox.ts";
import type { Store } from "../ports/store.ts";
import type { Listening } from "../ports/work.ts";
import { FlooredDelivery, MailFloor } from "./mail-floor.ts";
import { Session } from "./session.ts";
import type { Stage } from "./stage.ts";

export interface PartitionParts {
  readonly host: string;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Log;
  readonly stage: Stage;
  /** Deliveries went astray: perhaps to another host that believes in its own claim. */
  readonly suspect: (session: Session) => void;
  /** The session cannot go on. */
  readonly failed: (session: Session, why: TroupeError) => void;
  /** Starts that may wait in one lane of this host before its inlets pause. */
  readonly waitingPerLane: number;
}

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

/**
 * One partition in this host: the loop beside machines/scheduler.ts.
 *
 * Owns: the session, its inlets, and how much they may deliver. Calls in: host.ts. Calls out: leases, mailbox, stage.
 * R1. Sources are read only while the claim holds, and from their first unacknowledged message (invariants 3, 6).
 * R2. A full host stops reading; it never drops (invariant 10).
 * R3. Mail is forgotten only below everything unacknowledged.
 */
export class Partition {
  readonly number: number;
  readonly scheduler: ActorRefFrom<typeof schedulerMachine>;
  readonly #parts: PartitionParts;
  readonly #readers: SourceReader[] = [];
  #session: Session | undefined;
  #attending: Listening | undefined;

  constructor(number: number, parts: PartitionParts) {
    this.number = number;
    this.#parts = parts;
    this.scheduler = createActor(schedulerMachine, { input: { partition: number } }).start();
  }

  get phase(): "vacant" | "claiming" | "recovering" | "running" | "draining" {
    return this.scheduler.getSnapshot().value;
  }

  get session(): Session | undefined {
    return this.#session;
  }

  /** Takes the partition if its fence is still `seen`, and starts reading. Resolves once it runs or is vacant again. */
  async claim(seen: number): Promise<void> {
    const { leases, host, log } = this.#parts;
    this.scheduler.send({ type: "claim" });
    let session: Session | undefined;
    try {
      const fence = await leases.claim(this.number, host, seen);
      if (fence === undefined) {
        this.scheduler.send({ type: "refused" });
        return;
      }
      // Meanwhile the host may have been drained or stopped.
      if (this.phase !== "claiming") {
        await leases.release(this.number, host, fence);
        return;
      }
      this.scheduler.send({ type: "claimed", fence });
      session = new Session(this.number, fence);
      this.#session = session;
      await this.#read(session);
    } catch (error) {
      log.warn({ partition: this.number, err: error }, "the partition could not be taken");
      this.scheduler.send({ type: "refused" });
      // A later session may have taken the place of the one that failed.
      if (this.#session === session)
        this.lose(new TroupeError("lost_partition", `Partition ${this.number} could not be read`, { cause: error }));
    }
  }

  /** The partition is not ours any more, or not to be trusted: everything of its session is dropped. */
  lose(why: TroupeError): void {
    const session = this.#session;
    this.#session = undefined;
    this.scheduler.send({ type: "lost" });
    if (session === undefined) return;
    this.#parts.stage.drop(session, why);
    void this.#close();
  }

  /** Asks for no more; what was accepted goes on, and is acknowledged as it ends. */
  drain(): void {
    this.scheduler.send({ type: "drain" });
    for (const reader of this.#readers) reader.pause();
  }

  /** Gives the partition back. Nothing of it may be going on. */
  async release(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.scheduler.send({ type: this.phase === "draining" ? "drained" : "lost" });
    if (session === undefined) return;
    this.#parts.stage.drop(session, new TroupeError("stopped", "The host was stopped"));
    await this.#close();
    await this.#parts.leases.release(this.number, this.#parts.host, session.fence);
  }

  /** There is room again. */
  relieve(): void {
    for (const reader of this.#readers) reader.refill();
  }

  async #read(session: Session): Promise<void> {
    this.#attending = this.#parts.stage.attend(session);
    await Promise.all(
      SOURCES.map(async (source) => {
        const reader = new SourceReader(source, session, this.#parts);
        await reader.open();
        if (session.open) this.#readers.push(reader);
        else await reader.close();
      }),
    );
    if (session.open) this.scheduler.send({ type: "recovered" });
  }

  async #close(): Promise<void> {
    this.#attending?.close();
    this.#attending = undefined;
    await Promise.all(this.#readers.splice(0).map((reader) => reader.close()));
  }
}

/** One source of a session: credit for its inlet, and the floor below which its mail can be forgotten. */
class SourceReader {
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
    return stage.waitingIn(lane as StartLane) >= waitingPerLane || stage.isFull;
  }

  #forgetLater(floor: MailFloor, source: MailSource): void {
    this.#parts.clock.after(FORGET_EVERY_MS, () => {
      if (!this.#session.open || this.#inlet === undefined) return;
      this.#forgetLater(floor, source);
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
