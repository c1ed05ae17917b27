import { TroupeError } from "../core/errors.ts";
import { seatingOf } from "../core/seating.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases, Member, Ownership } from "../ports/leases.ts";
import type { Log } from "../ports/log.ts";
import type { Partition } from "./partition.ts";
import type { Session } from "./session.ts";

export interface SeatsParts {
  readonly host: string;
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Log;
  readonly partitions: readonly Partition[];
  /** Partitions in which something runs that may not run twice. */
  readonly bound: () => ReadonlySet<number>;
  /** `claim`: takes and gives up partitions. `leave`: only wants to know who is next. `none`: has nothing to do with any. */
  readonly stance: () => "claim" | "leave" | "none";
  /** The session has ended without anybody here having noticed. */
  readonly lost: (session: Session, why: TroupeError) => void;
  /** How long this host has been in touch without a break. */
  readonly steadyForMs: () => number;
}

const LOOK_EVERY_MS = 250;
/** With more hosts each looks less often: what all of them read together grows with their number and not with its square. */
const HOSTS_PER_LOOK = 16;
/** Of so many looks, one is at the owners too where no host has come or gone. */
const FULL_LOOK_EVERY = 20;
/** Hosts after oneself, in the order of their coming, to whom one listens more closely. */
const NEIGHBOURS = 3;
/** How soon others can see that a host is buried. */
const BURIED_MS = 20;
/** Each costs its partition a moment, which is longer where the server opens the sources of many at once. */
const MOST_MOVES_AT_ONCE = 2;
/** How long short work may go on in a partition that moves. */
const MOVE_GRACE_MS = 100;

/**
 * Which partitions this host has: claims what is free and its own by the seating (core/seating.ts), and hands over what it has too much of.
 *
 * Owns: what was last seen of the cluster. Calls in: host.ts. Calls out: leases, the partitions.
 * S1. Nothing is taken from a host that lives: it is waited for.
 * S2. A claim carries the fence that was seen; whoever saw older owners than another is refused.
 * S3. Some host notices one that has gone without a word, and buries it (`alive`); all see that then.
 */
export class Seats {
  readonly #parts: SeatsParts;
  /** Since when hosts that own partitions have given no sign. */
  readonly #signless = new Map<string, number>();
  readonly #moving = new Set<number>();
  #seats: readonly (string | undefined)[] = [];
  #members: readonly Member[] = [];
  /** The hosts under which everything was in its place; "" where something was not. */
  #settledWith = "";
  #looksSince = 0;
  #looking: Promise<void> | undefined;
  /** A look will be taken soon. */
  #isAsked = false;
  #failure: TroupeError | undefined;

  constructor(parts: SeatsParts) {
    this.#parts = parts;
  }

  /** Hosts that lived at the last look. */
  get members(): readonly Member[] {
    return this.#members;
  }

  /** Whether somebody is there to hand partitions over to. */
  get hasHeirs(): boolean {
    return this.#seats.some((seat) => seat !== undefined && seat !== this.#parts.host);
  }

  /** Who is to have a partition of this host's instead of it. */
  nextOf(partition: number): string | undefined {
    const seat = this.#seats[partition];
    return seat === this.#parts.host ? undefined : seat;
  }

  /** Another host has left it to this one. */
  left({ partition, fence }: Ownership): void {
    const mine = this.#parts.partitions[partition];
    if (mine?.phase === "vacant" && this.#parts.stance() === "claim") void mine.claim(fence);
  }

  /** Looks at hosts and owners, and acts. Resolves once what was free and this host's own runs. @throws no_answer, no_connection, not_provisioned */
  async look(): Promise<void> {
    // What is under way may have been looked at before the caller's reason came up.
    while (this.#looking !== undefined) await this.#looking.catch(() => {});
    this.#looking = this.#look().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  /** From now on, until the host leaves. */
  goOn(): void {
    const everyMs = LOOK_EVERY_MS * Math.max(1, this.#members.length / HOSTS_PER_LOOK);
    this.#parts.clock.after(everyMs, () => {
      if (this.#parts.stance() === "leave") return;
      this.goOn();
      if (this.#looking === undefined) this.#lookSoon(0);
    });
  }

  #lookSoon(delayMs: number): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#parts.clock.after(delayMs, () => {
      this.#isAsked = false;
      if (this.#parts.stance() !== "claim") return;
      this.look().catch((error: unknown) => this.#complain(error));
    });
  }

  /** Why hosts and owners could not be looked at the last time; undefined where they could. */
  get failure(): TroupeError | undefined {
    return this.#failure;
  }

  /** Four times a second the same would say nothing new. */
  #complain(error: unknown): void {
    const failure = error instanceof TroupeError ? error : new TroupeError("defect", "A look at hosts and owners failed", { cause: error });
    const { host, log } = this.#parts;
    const isGrave = failure.code === "not_provisioned" || failure.code === "defect";
    if (failure.code !== this.#failure?.code)
      log[isGrave ? "error" : "warn"](
        { host, code: failure.code, err: error },
        `hosts and owners could not be looked at: ${failure.message}`,
      );
    this.#failure = failure;
  }

  async #look(): Promise<void> {
    const { leases, host, partitions } = this.#parts;
    const stance = this.#parts.stance();
    this.#members = await leases.members();
    this.#listen();
    const hosts = this.#members.flatMap((member) => (member.phase === "active" && member.host !== host ? [member.host] : []));
    if (stance === "claim") hosts.push(host);
    const view = hosts.join(" ");
    const isComplete = partitions.every(({ phase, number }) => this.nextOf(number) !== undefined || phase === "running");
    if (stance === "claim" && view === this.#settledWith && isComplete && ++this.#looksSince < FULL_LOOK_EVERY) return;
    this.#looksSince = 0;
    const held = partitions.map(({ session }) => session);
    const owners = await leases.owners();
    for (const owner of owners) this.#compare(owner, held[owner.partition]);
    const bound = this.#hasTooMuch(owners, hosts.length) ? this.#parts.bound() : new Set<number>();
    this.#seats = seatingOf(
      owners.map((owner) => this.#holderOf(owner, hosts)),
      hosts,
      (partition) => bound.has(partition),
    );
    const isSettled = owners.every(({ partition, host: owner }) => owner !== undefined && owner === this.#seats[partition]);
    this.#settledWith = isSettled ? view : "";
    this.#failure = undefined;
    if (stance === "claim") await Promise.all(owners.map((owner) => this.#act(owner, bound)));
  }

  /** What was held before the owners were read must be among them: otherwise it was taken, or the stream is another one. */
  #compare({ partition, fence, host }: Ownership, held: Session | undefined): void {
    const mine = this.#parts.partitions[partition];
    if (held === undefined || mine?.session !== held || held.fence === fence) return;
    this.#parts.lost(held, new TroupeError("lost_partition", `Partition ${partition} belongs to ${host ?? "nobody"} now`));
  }

  #hasTooMuch(owners: readonly Ownership[], hosts: number): boolean {
    return owners.filter(({ host }) => host === this.#parts.host).length > Math.floor(owners.length / hosts);
  }

  /** Whoever has it or is about to; not one that has gone or is going. */
  #holderOf({ host, next }: Ownership, hosts: readonly string[]): string | undefined {
    const holder = host ?? next;
    return holder !== undefined && hosts.includes(holder) ? holder : undefined;
  }

  async #act(owner: Ownership, bound: ReadonlySet<number>): Promise<void> {
    const { host, partitions, leases } = this.#parts;
    const { partition, fence } = owner;
    const mine = partitions[partition];
    if (mine === undefined) return;
    if (this.#seats[partition] === host) {
      if (mine.phase === "vacant" && (await this.#isFree(owner)) && this.#parts.stance() === "claim" && mine.phase === "vacant")
        await mine.claim(fence);
    } else if (owner.host === host && mine.phase === "vacant" && !this.#moving.has(partition)) {
      // It was given up and the goodbye got lost.
      await leases.release(partition, host, fence, this.nextOf(partition));
    } else if (mine.phase === "running" && mine.session?.fence === fence && !bound.has(partition)) this.#move(mine);
  }

  #move(mine: Partition): void {
    const { number } = mine;
    if (this.#moving.size >= MOST_MOVES_AT_ONCE || this.#moving.has(number)) return;
    this.#moving.add(number);
    this.#parts.log.info({ host: this.#parts.host, partition: number, next: this.nextOf(number) }, "hands a partition over");
    mine
      .handOver({ graceMs: MOVE_GRACE_MS, whenBound: "stay" }, () => this.nextOf(number))
      .catch((error: unknown) =>
        this.#parts.log.warn(
          { host: this.#parts.host, partition: number, err: error },
          "a partition could not be given back; it is again soon",
        ),
      )
      .finally(() => {
        this.#moving.delete(number);
        this.#lookSoon(0);
      });
  }

  /** Nobody has it who lives. */
  async #isFree({ host }: Ownership): Promise<boolean> {
    if (host === undefined || host === this.#parts.host) return true;
    if (this.#members.some((member) => member.host === host)) return false;
    const { clock, leases, steadyForMs } = this.#parts;
    const now = clock.monotonic();
    const since = this.#signless.get(host) ?? now;
    this.#signless.set(host, since);
    if (now - since >= leases.ttlMs) return true;
    // After a break of our own, that others give no sign may mean that they come back a moment later than we.
    return steadyForMs() >= leases.ttlMs && !(await leases.alive(host));
  }

  #listen(): void {
    const { host, leases } = this.#parts;
    for (const each of this.#signless.keys()) if (this.#members.some((member) => member.host === each)) this.#signless.delete(each);
    const at = this.#members.findIndex((member) => member.host === host);
    const after = [...this.#members.slice(at + 1), ...this.#members.slice(0, Math.max(0, at))];
    for (const neighbour of after.slice(0, NEIGHBOURS))
      leases.alive(neighbour.host).then(
        (isAlive) => isAlive || this.#lookSoon(BURIED_MS),
        () => {}, // asked again with the next look
      );
  }
}
