import { createActor } from "xstate";
import { hostMachine } from "../../machines/host.ts";
import type { Definition } from "../core/definition.ts";
import { TroupeError } from "../core/errors.ts";
import { beatIntervalMs, isTrusted, termFrom, type LeaseTerm } from "../core/lease.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases, Ownership } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import { DEFAULT_KNOWN_IDS, type KnownIdsOptions } from "./known-ids.ts";
import { Partition } from "./partition.ts";
import type { Session } from "./session.ts";
import { Stage } from "./stage.ts";

export interface HostParts {
  readonly id: string;
  readonly partitions: number;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly outlet: Outlet;
  readonly clock: Clock;
  readonly log: Log;
  readonly definitions: ReadonlyMap<string, Definition>;
  /** Attempts that may run at once. */
  readonly concurrency: number;
  /** Bound on what idle actors may take in memory. */
  readonly cacheBytes: number;
  readonly knownIds?: KnownIdsOptions;
  /** False sends all mail over the store: tests see both ways. */
  readonly nearMail?: boolean;
}

/** How often a host looks for partitions that nobody has. */
const CLAIM_EVERY_MS = 250;
const TRUST_CHECKS_PER_TTL = 10;

/**
 * A process that runs actors: it gives signs of life, takes partitions that nobody alive has, and runs a scheduler for each.
 *
 * Owns: the partitions and the stage they share. Calls out: leases.
 * H1. Leases are trusted from before a sign of life was sent until a margin before it lapses; afterwards every session is dropped
 *     before others may claim (the fence protects what is stored even where that comes too late).
 * H2. Draining gives partitions back only once nothing of them is going on.
 */
export class Host {
  readonly id: string;
  readonly life = createActor(hostMachine).start();
  readonly stage: Stage;
  readonly partitions: readonly Partition[];
  readonly #parts: HostParts;
  #term: LeaseTerm = { trustedUntil: -Infinity };
  readonly #suspected = new Set<Session>();
  #claiming = false;
  #goodbye: Promise<void> | undefined;

  constructor(parts: HostParts) {
    this.id = parts.id;
    this.#parts = parts;
    const { store, mailbox, outlet, clock, log, definitions, concurrency, cacheBytes } = parts;
    this.stage = new Stage({
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
      isTrusted: () => this.#isTrusted,
      lost: (session, why) => this.#lost(session, why),
      sessionOf: (partition) => this.partitions[partition]?.session,
      relieved: () => {
        for (const partition of this.partitions) partition.relieve();
      },
    });
    const shared = {
      host: parts.id,
      store,
      mailbox,
      leases: parts.leases,
      clock,
      log,
      stage: this.stage,
      suspect: (session: Session) => this.#suspect(session),
      failed: (session: Session, why: TroupeError) => this.#lost(session, why),
      waitingPerLane: Math.max(256, 2 * concurrency),
    };
    this.partitions = Array.from({ length: parts.partitions }, (_, number) => new Partition(number, shared));
  }

  get phase(): "joining" | "active" | "draining" | "left" {
    return this.life.getSnapshot().value;
  }

  get #isTrusted(): boolean {
    return isTrusted(this.#term, this.#parts.clock.monotonic());
  }

  /** Whether its signs of life are stored: if not, its partitions may become another's. */
  get isTrusted(): boolean {
    return this.#isTrusted;
  }

  get hasLeft(): boolean {
    return this.phase === "left";
  }

  get definitions(): ReadonlyMap<string, Definition> {
    return this.#parts.definitions;
  }

  /** Joins: resolves once every partition that was free is running here. @throws no_answer, no_connection, not_provisioned */
  async start(): Promise<void> {
    await this.#beat();
    this.life.send({ type: "joined" });
    await this.#claimVacant();
    this.#beatLater();
    this.#claimLater();
    this.#watchTrust();
  }

  /** Finishes what is accepted, for at most `timeoutMs`, gives the partitions back and leaves. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.phase !== "active") return;
    this.#parts.log.info({ host: this.id, timeoutMs }, "finishes what runs; nothing new is begun");
    this.life.send({ type: "drain" });
    this.stage.stopAdmitting();
    for (const partition of this.partitions) partition.drain();
    await Promise.race([this.stage.drained(), this.#deadline(timeoutMs)]);
    await this.#leave("drained");
  }

  /** Leaves now: attempts are aborted and go on elsewhere by their crash policy. */
  async stop(): Promise<void> {
    this.stage.stopAdmitting();
    await this.#leave("stop");
  }

  /** Once: whoever comes second waits for the first's goodbyes. */
  #leave(how: "drained" | "stop"): Promise<void> {
    this.life.send({ type: how });
    return (this.#goodbye ??= this.#sayGoodbye());
  }

  async #sayGoodbye(): Promise<void> {
    const settled = await Promise.allSettled([
      ...this.partitions.map((partition) => partition.release()),
      this.#parts.leases.leave(this.id),
    ]);
    for (const result of settled) {
      if (result.status === "rejected")
        this.#parts.log.warn({ host: this.id, err: result.reason }, "a goodbye was not heard; others notice by the missing signs of life");
    }
  }

  #deadline(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(timeoutMs, resolve));
  }

  async #beat(): Promise<void> {
    const sentAt = this.#parts.clock.monotonic();
    await this.#parts.leases.beat(this.id);
    this.#term = termFrom(sentAt, this.#parts.leases.ttlMs);
  }

  #beatLater(): void {
    this.#parts.clock.after(beatIntervalMs(this.#parts.leases.ttlMs), () => {
      if (this.phase === "left") return;
      this.#beatLater();
      this.#beat().catch((error: unknown) => this.#parts.log.warn({ host: this.id, err: error }, "a sign of life was not heard"));
    });
  }

  #watchTrust(): void {
    this.#parts.clock.after(this.#parts.leases.ttlMs / TRUST_CHECKS_PER_TTL, () => {
      if (this.phase === "left") return;
      this.#watchTrust();
      if (this.#isTrusted) return;
      for (const partition of this.partitions) {
        if (partition.session !== undefined)
          partition.lose(
            new TroupeError(
              "lost_partition",
              `Host ${this.id} could not give a sign of life; partition ${partition.number} may be another's`,
            ),
          );
      }
    });
  }

  #claimLater(): void {
    this.#parts.clock.after(CLAIM_EVERY_MS, () => {
      if (this.phase !== "active") return;
      this.#claimLater();
      if (this.#claiming || this.partitions.every((partition) => partition.phase !== "vacant")) return;
      this.#claimVacant().catch((error: unknown) =>
        this.#parts.log.warn({ host: this.id, err: error }, "partitions could not be looked at"),
      );
    });
  }

  async #claimVacant(): Promise<void> {
    this.#claiming = true;
    try {
      const owners = await this.#parts.leases.owners();
      const alive = new Map<string, Promise<boolean>>();
      await Promise.all(owners.map((owner) => this.#claimIfFree(owner, alive)));
    } finally {
      this.#claiming = false;
    }
  }

  async #claimIfFree({ partition, fence, host }: Ownership, alive: Map<string, Promise<boolean>>): Promise<void> {
    const mine = this.partitions[partition];
    if (mine === undefined || mine.phase !== "vacant") return;
    if (host !== undefined && host !== this.id) {
      let answer = alive.get(host);
      if (answer === undefined) alive.set(host, (answer = this.#parts.leases.alive(host)));
      if (await answer) return;
    }
    if (!this.#isTrusted || this.phase !== "active") return;
    await mine.claim(fence);
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
