import { createActor } from "xstate";
import { hostMachine } from "../../machines/host.ts";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import { fingerprintsOf } from "../core/fingerprint.ts";
import { beatIntervalMs } from "../core/lease.ts";
import { PROTOCOL } from "../core/protocol.ts";
import type { Member, Sign } from "../ports/leases.ts";
import type { HostParts } from "./host-parts.ts";
import { DEFAULT_KNOWN_IDS } from "./known-ids.ts";
import { demandFit } from "./fit-in.ts";
import { inTurns } from "./in-turns.ts";
import { Partition, type PartitionParts } from "./partition.ts";
import { Pulse } from "./pulse.ts";
import { Purges } from "./purges.ts";
import { Seats } from "./seats.ts";
import type { Session } from "./session.ts";
import { Stage } from "./stage.ts";

const DEFAULT_SILENCE_MS = 5_000;
/** How long a host that drains waits until others know. */
const ANNOUNCE_MS = 1_000;

/**
 * A process that runs actors: it gives signs of life (pulse.ts), has its share of the partitions (seats.ts), and runs a scheduler
 * for each.
 *
 * Owns: the partitions and the stage they share. Calls out: leases.
 * H1. A host that cannot give signs of life drops every session before others may claim (the fence protects what is stored even
 *     where that comes too late).
 * H2. Draining gives partitions back only once nothing of them is going on.
 */
export class Host {
  readonly id: string;
  readonly life = createActor(hostMachine).start();
  readonly stage: Stage;
  readonly partitions: readonly Partition[];
  readonly #parts: HostParts;
  readonly #suspected = new Set<Session>();
  readonly #traits: Omit<Sign, "host" | "phase">;
  readonly #pulse: Pulse;
  readonly #seats: Seats;
  #goodbye: Promise<void> | undefined;

  constructor(parts: HostParts) {
    this.id = parts.id;
    this.#parts = parts;
    this.#traits = {
      protocol: PROTOCOL,
      release: parts.release,
      types: fingerprintsOf(parts.definitions.values()),
      labels: parts.labels ?? [],
      slots: parts.concurrency,
    };
    const { store, mailbox, outlet, clock, log, definitions, concurrency, cacheBytes } = parts;
    this.stage = new Stage({
      host: parts.id,
      work: parts.work,
      labels: parts.labels ?? [],
      silenceMs: parts.silenceMs ?? DEFAULT_SILENCE_MS,
      slotsEveryMs: beatIntervalMs(parts.leases.ttlMs),
      store,
      mailbox,
      outlet,
      clock,
      log,
      definitions,
      partitions: parts.partitions,
      concurrency,
      cacheBytes,
      knownIds: parts.knownIds ?? DEFAULT_KNOWN_IDS,
      nearMail: parts.nearMail ?? true,
      isTrusted: () => this.#pulse.isTrusted,
      lost: (session, why) => this.#lost(session, why),
      sessionOf: (partition) => this.partitions[partition]?.session,
      relieved: () => {
        for (const partition of this.partitions) partition.relieve();
      },
    });
    const shared = this.#partitionParts();
    this.partitions = Array.from({ length: parts.partitions }, (_, number) => new Partition(number, shared));
    this.#pulse = this.#newPulse();
    this.#seats = this.#newSeats();
  }

  #newPulse(): Pulse {
    return new Pulse({
      ...this.#parts,
      sign: () => this.#sign,
      hasLeft: () => this.hasLeft,
      cutOff: (why) => {
        for (const partition of this.partitions) if (partition.session !== undefined) partition.lose(why);
      },
    });
  }

  #newSeats(): Seats {
    return new Seats({
      ...this.#parts,
      host: this.id,
      partitions: this.partitions,
      bound: () => this.stage.bound,
      stance: () => this.#stance,
      lost: (session, why) => this.#lost(session, why),
      steadyForMs: () => this.#pulse.steadyForMs,
    });
  }

  #partitionParts(): PartitionParts {
    const { store, mailbox, leases, clock, log, concurrency } = this.#parts;
    return {
      host: this.id,
      store,
      mailbox,
      leases,
      clock,
      log,
      stage: this.stage,
      purges: new Purges(clock),
      suspect: (session) => this.#suspect(session),
      failed: (session, why) => this.#lost(session, why),
      waitingPerLane: Math.max(256, 2 * concurrency),
    };
  }

  get phase(): "joining" | "active" | "draining" | "left" {
    return this.life.getSnapshot().value;
  }

  /** Whether its signs of life are stored: if not, its partitions may become another's. */
  get isTrusted(): boolean {
    return this.#pulse.isTrusted;
  }

  get hasLeft(): boolean {
    return this.phase === "left";
  }

  get definitions(): ReadonlyMap<string, Definition> {
    return this.#parts.definitions;
  }

  /** Why nothing can run here now: it is cut off from NATS, or the streams are gone; undefined where neither is so. */
  get failure(): TroupeError | undefined {
    const { failure } = this.#seats;
    return this.#pulse.failure ?? (failure?.code === "not_provisioned" ? failure : undefined);
  }

  /** Hosts that live, as far as this one knows. */
  get members(): readonly Member[] {
    return this.#seats.members;
  }

  /**
   * Joins: resolves once every partition that was free and is its own runs here; others hand theirs over afterwards.
   * @throws no_answer, no_connection, not_provisioned, incompatible_release, clashing_definition, stopped
   */
  async start(): Promise<void> {
    this.#parts.leases.listen(this.id, (free) => this.#seats.left(free));
    await this.#pulse.beat();
    await this.#demandFit();
    if (this.hasLeft) throw new TroupeError("stopped", `Host ${this.id} was stopped while it joined`);
    this.life.send({ type: "joined" });
    this.stage.sharing.open();
    await this.#pulse.beat();
    await this.#seats.look();
    this.#pulse.goOn();
    this.#seats.goOn();
  }

  /** Finishes what is accepted, for at most `timeoutMs`, gives each partition back as soon as nothing runs in it, and leaves. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.phase !== "active") return;
    this.#parts.log.info({ host: this.id, timeoutMs }, "finishes what runs; nothing new is begun");
    this.life.send({ type: "drain" });
    this.stage.sharing.drain();
    await Promise.race([Promise.all([this.#handAllOver(timeoutMs), this.stage.sharing.taker.idle()]), this.#deadline(timeoutMs)]);
    await this.#leave("drained");
  }

  /** Leaves now: attempts are aborted and go on elsewhere by their crash policy. */
  async stop(): Promise<void> {
    await this.#leave("stop");
  }

  async #handAllOver(graceMs: number): Promise<void> {
    await Promise.race([this.#announceLeaving(), this.#deadline(ANNOUNCE_MS)]);
    const leaving = await inTurns(this.partitions, this.#seats, graceMs, (ms) => this.#deadline(ms));
    this.stage.stopAdmitting();
    this.#reportUnheard(await Promise.allSettled(leaving));
  }

  async #announceLeaving(): Promise<void> {
    try {
      await this.#pulse.beat();
      await this.#seats.look();
    } catch (error) {
      this.#parts.log.warn({ host: this.id, err: error }, "others were not told that this host leaves; they notice by its goodbye");
    }
  }

  async #demandFit(): Promise<void> {
    try {
      await demandFit({ ...this.#parts, sign: this.#sign, beat: () => this.#pulse.beat() });
    } catch (error) {
      await this.#parts.leases.leave(this.id).catch(() => {}); // its sign of life runs out
      if (!this.hasLeft) this.life.send({ type: "stop" });
      throw error;
    }
  }

  /** Once: whoever comes second waits for the first's goodbyes. */
  #leave(how: "drained" | "stop"): Promise<void> {
    this.stage.stopAdmitting();
    if (!this.hasLeft) this.life.send({ type: how });
    this.stage.sharing.leave();
    return (this.#goodbye ??= this.#sayGoodbye());
  }

  async #sayGoodbye(): Promise<void> {
    const settled = await Promise.allSettled([
      ...this.partitions.map((partition) => partition.release(this.#seats.nextOf(partition.number))),
      this.#parts.leases.leave(this.id),
    ]);
    this.#reportUnheard(settled);
  }

  #reportUnheard(settled: readonly PromiseSettledResult<void>[]): void {
    for (const result of settled) {
      if (result.status === "rejected")
        this.#parts.log.warn({ host: this.id, err: result.reason }, "a goodbye was not heard; others notice by the missing signs of life");
    }
  }

  #deadline(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(timeoutMs, resolve));
  }

  get #sign(): Sign {
    const { phase } = this;
    return { host: this.id, phase: phase === "left" ? "draining" : phase, ...this.#traits };
  }

  get #stance(): "claim" | "leave" | "none" {
    if (this.phase !== "active") return "leave";
    return this.#pulse.isTrusted ? "claim" : "none";
  }

  /** Looks whether the claim still holds. Two hosts that both believe in theirs would otherwise rewind each other for ever. */
  #suspect(session: Session): void {
    this.stage.doubt(session);
    if (this.#suspected.has(session)) return;
    this.#suspected.add(session);
    this.#parts.leases
      .owners()
      .then((owners) => {
        const { fence, host } = owners[session.partition] ?? {};
        if (fence !== session.fence)
          this.#lost(session, new TroupeError("lost_partition", `Partition ${session.partition} belongs to ${host ?? "nobody"} now`));
      })
      .catch((error: unknown) =>
        this.#parts.log.warn({ host: this.id, err: error }, "a claim could not be looked at; its fence protects what is stored"),
      )
      .finally(() => this.#suspected.delete(session));
  }

  #lost(session: Session, why: TroupeError): void {
    if (!session.open) return;
    this.#parts.log.warn({ host: this.id, partition: session.partition, code: why.code }, why.message);
    this.partitions[session.partition]?.lose(why);
  }
}
