import { createActor } from "xstate";
import { hostMachine } from "../../machines/host.ts";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import { fingerprintsOf } from "../core/fingerprint.ts";
import { beatIntervalMs } from "../core/lease.ts";
import { PROTOCOL } from "../core/protocol.ts";
import type { Member, Sign } from "../ports/leases.ts";
import { Leaving } from "./leaving.ts";
import type { HostParts } from "./host-parts.ts";
import { DEFAULT_KNOWN_IDS } from "./known-ids.ts";
import { demandFit } from "./fit-in.ts";
import { Partition, type PartitionParts } from "./partition.ts";
import { Pulse } from "./pulse.ts";
import { Purges } from "./purges.ts";
import { Seats } from "./seats.ts";
import type { Session } from "./session.ts";
import { Stage } from "./stage.ts";
import { Suspicion } from "./suspicion.ts";

const DEFAULT_SILENCE_MS = 5_000;

/**
 * A process that runs actors: it gives signs of life (pulse.ts), has its share of the partitions (seats.ts), and runs a scheduler
 * for each, until it leaves (leaving.ts).
 *
 * Owns: the partitions and the stage they share. Calls out: leases.
 * H1. A host that cannot give signs of life drops every session before others may claim (the fence protects what is stored even
 *     where that comes too late).
 */
export class Host {
  readonly id: string;
  readonly life = createActor(hostMachine).start();
  readonly stage: Stage;
  readonly partitions: readonly Partition[];
  readonly #parts: HostParts;
  readonly #suspicion: Suspicion;
  readonly #traits: Omit<Sign, "host" | "phase">;
  readonly #pulse: Pulse;
  readonly #seats: Seats;
  readonly #leaving: Leaving;

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
    this.stage = this.#newStage();
    this.#suspicion = this.#newSuspicion();
    const shared = this.#partitionParts();
    this.partitions = Array.from({ length: parts.partitions }, (_, number) => new Partition(number, shared));
    this.#pulse = this.#newPulse();
    this.#seats = this.#newSeats();
    this.#leaving = this.#newLeaving();
  }

  #newStage(): Stage {
    const parts = this.#parts;
    return new Stage({
      ...parts,
      host: this.id,
      labels: parts.labels ?? [],
      silenceMs: parts.silenceMs ?? DEFAULT_SILENCE_MS,
      slotsEveryMs: beatIntervalMs(parts.leases.ttlMs),
      knownIds: parts.knownIds ?? DEFAULT_KNOWN_IDS,
      nearMail: parts.nearMail ?? true,
      isTrusted: () => this.#pulse.isTrusted,
      lost: (session, why) => this.#lost(session, why),
      sessionOf: (partition) => this.partitions[partition]?.session,
      relieved: () => {
        for (const partition of this.partitions) partition.relieve();
      },
    });
  }

  #newSuspicion(): Suspicion {
    const lost = (session: Session, why: TroupeError): void => this.#lost(session, why);
    return new Suspicion({ ...this.#parts, host: this.id, doubt: (session) => this.stage.doubt(session), lost });
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

  #newLeaving(): Leaving {
    const { life, stage, partitions } = this;
    return new Leaving({ ...this.#parts, host: this.id, life, stage, partitions, pulse: this.#pulse, seats: this.#seats });
  }

  #partitionParts(): PartitionParts {
    return {
      ...this.#parts,
      host: this.id,
      stage: this.stage,
      purges: new Purges(this.#parts.clock),
      suspect: (session) => this.#suspicion.look(session),
      failed: (session, why) => this.#lost(session, why),
      waitingPerLane: Math.max(256, 2 * this.#parts.concurrency),
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
  drain(timeoutMs: number): Promise<void> {
    return this.#leaving.drain(timeoutMs);
  }

  /** Leaves now: attempts are aborted and go on elsewhere by their crash policy. */
  stop(): Promise<void> {
    return this.#leaving.stop();
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

  get #sign(): Sign {
    const { phase } = this;
    return { host: this.id, phase: phase === "left" ? "draining" : phase, ...this.#traits };
  }

  get #stance(): "claim" | "leave" | "none" {
    if (this.phase !== "active") return "leave";
    return this.#pulse.isTrusted ? "claim" : "none";
  }

  #lost(session: Session, why: TroupeError): void {
    if (!session.open) return;
    this.#parts.log.warn({ host: this.id, partition: session.partition, code: why.code }, why.message);
    this.partitions[session.partition]?.lose(why);
  }
}
