import { createActor, type ActorRefFrom } from "xstate";
import { schedulerMachine } from "../../machines/scheduler.ts";
import { TroupeError } from "../core/errors.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Leases } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import { SOURCES, type Mailbox } from "../ports/mailbox.ts";
import type { Store } from "../ports/store.ts";
import type { Listening } from "../ports/work.ts";
import type { Purges } from "./purges.ts";
import { Session } from "./session.ts";
import { SourceReader } from "./source-reader.ts";
import type { Stage } from "./stage.ts";
import type { Farewell } from "./vacating.ts";

export interface PartitionParts {
  readonly host: string;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Log;
  readonly stage: Stage;
  readonly purges: Purges;
  /** Deliveries went astray: perhaps to another host that believes in its own claim. */
  readonly suspect: (session: Session) => void;
  /** The session cannot go on. */
  readonly failed: (session: Session, why: TroupeError) => void;
  /** Starts that may wait in one lane of this host before its inlets pause. */
  readonly waitingPerLane: number;
}

/** How long the last purge of a partition may take. */
const LAST_PURGE_MS = 1_000;

/**
 * One partition in this host: the loop beside machines/scheduler.ts.
 *
 * Owns: the session, its inlets, and how much they may deliver. Calls in: host.ts. Calls out: leases, mailbox, stage.
 * R1. Sources are read only while the claim holds, and from their first unacknowledged message (invariants 3, 6).
 * R2. A full host stops reading; it never drops (invariant 10).
 * R3. What a source holds is forgotten only below everything unacknowledged.
 * R4. A partition is given back only once nothing of it is under way whose loss would cost others something, or its time is over.
 */
export class Partition {
  readonly number: number;
  readonly scheduler: ActorRefFrom<typeof schedulerMachine>;
  readonly #parts: PartitionParts;
  readonly #readers: SourceReader[] = [];
  #session: Session | undefined;
  #attending: Listening | undefined;
  #givingBack: Promise<void> | undefined;

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
  #drain(): void {
    this.scheduler.send({ type: "drain" });
    for (const reader of this.#readers) reader.pause();
  }

  /**
   * Brings the partition to rest and leaves it to another host, or to whoever finds it free; the rest of the host goes on. Resolves
   * once it has left, stays after all, or was lost on the way.
   */
  async handOver(farewell: Farewell, next: () => string | undefined): Promise<void> {
    const session = this.#session;
    this.#drain();
    if (session === undefined) return;
    const rest = await this.#parts.stage.vacate(session, farewell);
    if (rest === "rested") await this.#giveBack(session, next());
    else if (rest === "bound") await this.#stay(session);
  }

  /** Gives the partition back at once. What goes on in it is given up. */
  async release(next?: string): Promise<void> {
    if (this.#session !== undefined) await this.#giveBack(this.#session, next);
    else if (this.#givingBack !== undefined) await this.#givingBack;
    else if (this.phase !== "vacant") this.scheduler.send({ type: "lost" });
  }

  #giveBack(session: Session, next: string | undefined): Promise<void> {
    this.#session = undefined;
    this.#parts.stage.drop(session, new TroupeError("stopped", `Partition ${this.number} was given back`));
    return (this.#givingBack = this.#sayGoodbye(session, next).finally(() => (this.#givingBack = undefined)));
  }

  /** Only then vacant: whoever looks for vacant partitions must not claim it again meanwhile. */
  async #sayGoodbye(session: Session, next: string | undefined): Promise<void> {
    try {
      await this.#forget();
      await this.#close();
      await this.#parts.leases.release(this.number, this.#parts.host, session.fence, next);
    } finally {
      this.scheduler.send({ type: this.phase === "draining" ? "drained" : "lost" });
    }
  }

  /** What was not heard meanwhile comes again: every source is read from its first unacknowledged message. */
  async #stay(session: Session): Promise<void> {
    session.phase = "open";
    this.scheduler.send({ type: "stay" });
    await this.#close();
    try {
      await this.#read(session);
    } catch (cause) {
      if (this.#session === session)
        this.lose(new TroupeError("lost_partition", `Partition ${this.number} could not be read again`, { cause }));
    }
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

  /** What is absorbed comes again to the next owner, unless it is forgotten. Where that takes too long, it comes. */
  async #forget(): Promise<void> {
    const { clock, log } = this.#parts;
    let alarm: Alarm | undefined;
    const late = new Promise<void>((resolve) => (alarm = clock.after(LAST_PURGE_MS, resolve)));
    const purged = Promise.all(this.#readers.map((reader) => reader.forget())).catch((error: unknown) =>
      log.debug({ partition: this.number, err: error }, "what is absorbed could not be purged; it comes to the next owner again"),
    );
    await Promise.race([purged, late]);
    alarm?.cancel();
  }

  async #close(): Promise<void> {
    this.#attending?.close();
    this.#attending = undefined;
    await Promise.all(this.#readers.splice(0).map((reader) => reader.close()));
  }
}
