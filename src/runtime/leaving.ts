import type { ActorRefFrom } from "xstate";
import type { hostMachine } from "../../machines/host.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import { inTurns } from "./in-turns.ts";
import type { Partition } from "./partition.ts";
import type { Pulse } from "./pulse.ts";
import type { Seats } from "./seats.ts";
import type { Stage } from "./stage.ts";

export interface LeavingParts {
  readonly host: string;
  readonly leases: Pick<Leases, "leave">;
  readonly clock: Clock;
  readonly log: Log;
  readonly life: ActorRefFrom<typeof hostMachine>;
  readonly stage: Pick<Stage, "sharing" | "stopAdmitting">;
  readonly partitions: readonly Partition[];
  readonly pulse: Pick<Pulse, "beat">;
  readonly seats: Pick<Seats, "look" | "nextOf" | "hasHeirs">;
}

/** How long a host that drains waits until others know. */
const ANNOUNCE_MS = 1_000;

/**
 * How a host leaves: once what it accepted is finished, or now.
 *
 * Owns: the goodbye. Calls in: host.ts. Calls out: the partitions, the stage, leases.
 * D1. Draining gives partitions back only once nothing of them is going on, or its time is over.
 * D2. A goodbye that is not heard costs time alone: others notice by the missing signs of life.
 */
export class Leaving {
  readonly #parts: LeavingParts;
  #goodbye: Promise<void> | undefined;

  constructor(parts: LeavingParts) {
    this.#parts = parts;
  }

  /** Finishes what is accepted, for at most `timeoutMs`, gives each partition back as soon as nothing runs in it, and leaves. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#phase !== "active") return;
    const { host, log, life, stage } = this.#parts;
    log.info({ host, timeoutMs }, "finishes what runs; nothing new is begun");
    life.send({ type: "drain" });
    stage.sharing.drain();
    await Promise.race([Promise.all([this.#handAllOver(timeoutMs), stage.sharing.taker.idle()]), this.#deadline(timeoutMs)]);
    await this.#leave("drained");
  }

  /** Leaves now: attempts are aborted and go on elsewhere by their crash policy. */
  async stop(): Promise<void> {
    await this.#leave("stop");
  }

  async #handAllOver(graceMs: number): Promise<void> {
    await Promise.race([this.#announceLeaving(), this.#deadline(ANNOUNCE_MS)]);
    const { partitions, seats, stage } = this.#parts;
    const leaving = await inTurns(partitions, seats, graceMs, (ms) => this.#deadline(ms));
    stage.stopAdmitting();
    this.#reportUnheard(await Promise.allSettled(leaving));
  }

  async #announceLeaving(): Promise<void> {
    const { host, log, pulse, seats } = this.#parts;
    try {
      await pulse.beat();
      await seats.look();
    } catch (error) {
      log.warn({ host, err: error }, "others were not told that this host leaves; they notice by its goodbye");
    }
  }

  /** Once: whoever comes second waits for the first's goodbyes. */
  #leave(how: "drained" | "stop"): Promise<void> {
    const { life, stage } = this.#parts;
    stage.stopAdmitting();
    if (this.#phase !== "left") life.send({ type: how });
    stage.sharing.leave();
    return (this.#goodbye ??= this.#sayGoodbye());
  }

  async #sayGoodbye(): Promise<void> {
    const { host, leases, partitions, seats } = this.#parts;
    const settled = await Promise.allSettled([
      ...partitions.map((partition) => partition.release(seats.nextOf(partition.number))),
      leases.leave(host),
    ]);
    this.#reportUnheard(settled);
  }

  #reportUnheard(settled: readonly PromiseSettledResult<void>[]): void {
    const { host, log } = this.#parts;
    for (const result of settled) {
      if (result.status === "rejected")
        log.warn({ host, err: result.reason }, "a goodbye was not heard; others notice by the missing signs of life");
    }
  }

  #deadline(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(timeoutMs, resolve));
  }

  get #phase(): "joining" | "active" | "draining" | "left" {
    return this.#parts.life.getSnapshot().value;
  }
}
