import { encodeMsgpack } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { Gate, type Waiting } from "../core/gate.ts";
import type { Wish } from "../core/permit.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Store, TicketChange, TicketFollower, Write } from "../ports/store.ts";
import type { Listening } from "../ports/work.ts";
import type { Committer } from "./committer.ts";
import { Deadlines } from "./deadlines.ts";
import { decodePlace, encodePlace, permitMail } from "./gate-talk.ts";
import { NearPermit, type Unsettled } from "./near-permit.ts";
import type { Session } from "./session.ts";

export interface GatekeeperParts {
  readonly host: string;
  readonly store: Pick<Store, "follow">;
  readonly clock: Clock;
  readonly committer: Pick<Committer, "loose">;
  readonly partitions: number;
  /** Of the type, given by this gatekeeper or one before it. */
  readonly unsettled: Unsettled;
}

/** Permits that are given and not stored yet: beyond, more would only wait for the server. */
const MOST_UNSTORED = 500;
/** Where tickets cannot be followed for now. */
const FOLLOW_AGAIN_MS = 250;

/**
 * The gate of one limited type, while this host has the partition that it belongs to. What it knows is what is stored: who waits, and
 * which permits are out. A task that waits says so in a ticket, stored with its turn; the gate stores a permit, and mail for the task, in
 * one commit; the turn that ends the attempt takes the permit back.
 *
 * | phase   | enters when                         | holds                                    | leaves when                       |
 * |---------|-------------------------------------|------------------------------------------|-----------------------------------|
 * | shut    | made, or its ears fell off          | nothing                                  | its own ticket is stored          |
 * | opening | its own ticket is stored            | the tickets that it has been told of     | it is told of its own ticket      |
 * | open    | it has been told of its own ticket  | every permit that is out, and who waits  | it is not told any more, closed   |
 *
 * Owns: the line and the permits' count, in memory. Calls in: gates.ts. Calls out: the store, the committer.
 * K1. No permit is given before every one that an earlier gate of the type has given is known: those are stored before this gate's own
 *     ticket, under a fence that has moved since, and the tickets are told in the order in which they were stored.
 * K2. A permit counts as out from when it is given until its return is stored and heard of: what is heard late is too many, never too few.
 * K3. A permit that is given to a task of this host is in that task's commit, under both fences. No ticket of this gate's own is stored
 *     while one is unsettled, and its session does not outlive a commit of which nobody knows what became of it (settlement.ts).
 * K4. Time comes from a clock that only rises, and nothing is saved up at first: what another gate has let pass need not be known.
 */
export class Gatekeeper implements TicketFollower, Listening {
  readonly #parts: GatekeeperParts;
  readonly #definition: Definition;
  readonly #session: Session;
  #gate: Gate;
  #phase: "shut" | "opening" | "open" | "closed" = "shut";
  #following: Listening | undefined;
  #openings = 0;
  #unstored = 0;
  #isLooking = false;
  #alarm: Alarm | undefined;
  #leaptMs = 0;
  readonly #deadlines: Deadlines;

  constructor(definition: Definition, session: Session, parts: GatekeeperParts) {
    this.#parts = parts;
    this.#definition = definition;
    this.#session = session;
    this.#deadlines = new Deadlines(parts.clock);
    this.#gate = this.#newGate();
    this.#begin();
  }

  get isOpen(): boolean {
    return this.#phase === "open";
  }

  get waiting(): number {
    return this.#gate.waiting;
  }

  get out(): number {
    return this.#gate.out;
  }

  heard({ id, ticket, bytes }: TicketChange): void {
    if (this.#phase === "closed" || this.#phase === "shut") return;
    const { stand, name } = ticket;
    const place = `${id} ${name}`;
    if (stand === "gate") {
      if (bytes !== undefined && Buffer.from(bytes).equals(this.#own)) this.#phase = "open";
    } else if (bytes === undefined && stand === "permit") this.#gate.isBack(place);
    else if (bytes === undefined) this.#leaves(place);
    else this.#enters(stand, { place, id, name }, bytes);
    this.#lookSoon();
  }

  broken(): void {
    if (this.#phase === "closed") return;
    this.#forget();
    this.#phase = "shut";
    this.#parts.clock.after(FOLLOW_AGAIN_MS, () => this.#begin());
  }

  close(): void {
    this.#phase = "closed";
    this.#forget();
  }

  /**
   * A permit for a task of this host, where nobody waits and one is to be had: stored with the task's turn, under this gate's fence too.
   * `settled` is told once it is known what became of that.
   */
  give(id: string, { ticket: { name }, lane, key }: Wish, settled: () => void): NearPermit | undefined {
    if (this.#phase !== "open" || !this.#session.accepts || this.#gate.waiting > 0) return undefined;
    const place = `${id} ${name}`;
    this.#gate.wait({ place, id, name, lane, key });
    if (this.#gate.next(this.#nowMs) === undefined) {
      this.#gate.leave(place);
      return undefined;
    }
    return new NearPermit(this.#session, this.#parts.unsettled, (isStored) => {
      if (!isStored) this.#gate.isBack(place);
      settled();
    });
  }

  /** Something of this type is stored, or never will be. */
  settled(): void {
    this.#begin();
    this.#lookSoon();
  }

  /** Once nothing that was given before is under way: its ticket comes after all of that. */
  #begin(): void {
    if (this.#phase !== "shut" || this.#unstored > 0 || this.#parts.unsettled.count > 0 || !this.#session.open) return;
    this.#openings++;
    const ticket = { stand: "gate", name: "newest" } as const;
    this.#store([{ kind: "ticket", ...this.#at("gate"), ticket, bytes: this.#own }], () => this.#follow());
  }

  #follow(): void {
    if (this.#phase !== "shut") return;
    this.#phase = "opening";
    this.#gate = this.#newGate();
    this.#following = this.#parts.store.follow(this.#definition.name, this);
  }

  #forget(): void {
    this.#following?.close();
    this.#following = undefined;
    this.#alarm?.cancel();
    this.#deadlines.forgetAll();
  }

  /** What only this gate has written, and this time. */
  get #own(): Uint8Array {
    return encodeMsgpack([this.#parts.host, this.#session.fence, this.#openings]);
  }

  #newGate(): Gate {
    const { perKey, ...limit } = this.#definition.limits ?? {};
    return new Gate(limit, perKey, this.#nowMs);
  }

  #enters(stand: "wait" | "permit", { place, id, name }: Pick<Waiting, "place" | "id" | "name">, bytes: Uint8Array): void {
    const said = decodePlace(bytes);
    if (said === undefined) return;
    const { lane, key, deadlineAt } = said;
    if (stand === "permit") {
      this.#deadlines.forget(place);
      this.#gate.isOut(place, key);
      return;
    }
    this.#gate.wait({ place, id, name, lane, key });
    if (deadlineAt !== undefined) this.#deadlines.watch(place, deadlineAt, () => this.#late(place, { id, name }));
  }

  #leaves(place: string): void {
    this.#gate.leave(place);
    this.#deadlines.forget(place);
  }

  /** Its deadline has passed and it has no permit: the task is told, once all that is stored is known. */
  #late(place: string, waiting: Pick<Waiting, "id" | "name">): void {
    if (this.#phase === "opening" || (this.#phase === "open" && !this.#session.accepts)) {
      this.#deadlines.watchAgain(place, FOLLOW_AGAIN_MS, () => this.#late(place, waiting));
      return;
    }
    if (this.#phase === "open" && this.#gate.leave(place)) this.#store([this.#mail(waiting, "late")], NOTHING);
  }

  #lookSoon(): void {
    if (this.#isLooking || this.#phase !== "open") return;
    this.#isLooking = true;
    queueMicrotask(() => {
      this.#isLooking = false;
      this.#look();
    });
  }

  #look(): void {
    if (this.#phase !== "open" || !this.#session.accepts) return;
    while (this.#unstored < MOST_UNSTORED) {
      const next = this.#gate.next(this.#nowMs);
      if (next === undefined) return this.#lookAt(this.#gate.nextAtMs);
      this.#give(next);
    }
  }

  #give(waiting: Waiting): void {
    const { place, id, name, lane, key } = waiting;
    this.#deadlines.forget(place);
    const permit: Write = { kind: "ticket", ...this.#at(id), ticket: { stand: "permit", name }, bytes: encodePlace({ lane, key }) };
    this.#store([permit, this.#mail(waiting, "permit")], NOTHING);
  }

  #mail({ id, name }: Pick<Waiting, "id" | "name">, says: "permit" | "late"): Write {
    return permitMail({ type: this.#definition.name, id }, name, says, this.#parts.partitions);
  }

  #store(writes: readonly Write[], stored: () => void): void {
    this.#unstored++;
    this.#parts.committer.loose(this.#session, writes, () => {
      this.#unstored--;
      stored();
      this.settled();
    });
  }

  #at(id: string) {
    return { partition: this.#session.partition, address: { type: this.#definition.name, id } };
  }

  #lookAt(atMs: number | undefined): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (atMs === undefined) return;
    this.#alarm = this.#parts.clock.after(atMs - this.#nowMs, () => {
      // What a virtual clock has leapt over has passed all the same.
      this.#leaptMs += Math.max(0, atMs - this.#nowMs);
      this.#look();
    });
  }

  get #nowMs(): number {
    return this.#parts.clock.monotonic() + this.#leaptMs;
  }
}

const NOTHING = (): void => {};
