import { encodeActor } from "../core/codec.ts";
import { TroupeError } from "../core/errors.ts";
import type { Definition } from "../core/definition.ts";
import type { ActorRecord } from "../core/record.ts";
import { isEnded } from "../core/record.ts";
import type { Clock } from "../ports/clock.ts";
import type { Commit, CommitOutcome, Store, Write } from "../ports/store.ts";
import type { Activation, Pending } from "./activation.ts";
import { bundled } from "./bundle.ts";
import { inParts, type RecordWrite } from "./in-parts.ts";
import { remind, reminded } from "./reminder.ts";
import { Room } from "./room.ts";
import type { Joint } from "./joint.ts";
import type { Session } from "./session.ts";

export interface CommitterParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Turns that are to be in the next commit are made now. */
  readonly closing: () => void;
  readonly settled: (parcels: readonly Parcel[], outcome: CommitOutcome) => void;
}

/**
 * Group commit. Collects what turns want stored and stores it: a commit of several writes goes into the host's one batch in flight
 * (whatever becomes ready meanwhile forms the next), a commit of one write goes alone where the store allows that.
 *
 * Owns: the list of activations with something to store, the number of commits in flight.
 * Calls in: delivery.ts (`dirty`, `loose`). Calls out: the store, and `settled` for every commit.
 * C1. An activation has at most one commit in flight, so an actor's commits are never reordered, by either way.
 * C2. Nothing of a commit is released before its outcome is `committed`.
 * C3. What is joint is sealed together, once none of its members has a commit in flight.
 * C4. A session that has ended commits nothing more from here; what is in flight is refused by its fence.
 */
export class Committer {
  readonly #store: Store;
  readonly #room: Room;
  readonly #clock: Clock;
  readonly #parts: CommitterParts;
  /** Whoever hears a bundle turns all of it in one commit, which others may have filled to four fifths. */
  readonly #mostTogether: number;
  #ready: Parcel[] = [];
  #scheduled = false;
  #batchInFlight = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];

  constructor(parts: CommitterParts) {
    this.#parts = parts;
    this.#store = parts.store;
    this.#room = new Room(parts.store);
    this.#clock = parts.clock;
    this.#mostTogether = Math.max(1, Math.floor(parts.store.maxWrites / 8));
  }

  /** Commits that were sent and not answered: what back-pressure is measured by. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The activation has pending turns. */
  dirty(activation: Activation): void {
    if (activation.committing !== undefined || activation.isListed) return;
    activation.isListed = true;
    this.#add({ kind: "actor", activation });
  }

  /** Writes that belong to no loaded actor: dead letters. */
  loose(session: Session, writes: readonly Write[], committed: () => void): void {
    this.#add({ kind: "loose", session, writes, committed });
  }

  /** Resolves once nothing is waiting or in flight. */
  async drained(): Promise<void> {
    if (this.#ready.length === 0 && this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #add(parcel: Parcel): void {
    this.#ready.push(parcel);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.soon(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#parts.closing();
    const parcels = this.#ready;
    this.#ready = [];
    const batch = new Batch();
    for (const parcel of parcels) {
      if (parcel.kind === "actor") parcel.activation.isListed = false;
      if (!sessionOf(parcel).open || (parcel.kind === "actor" && !isDirty(parcel.activation))) continue;
      const { isAwaited = false, joint } = (parcel.kind === "actor" && parcel.activation.pending) || {};
      if (joint?.isAwaited ?? isAwaited) this.#putOff(parcel, joint, batch);
      else if (joint === undefined) this.#place(parcel, batch);
      else if (!batch.looked.has(joint)) this.#placeTogether(parcel, joint, batch);
    }
    if (batch.parcels.length > 0) {
      this.#batchInFlight = true;
      this.#send(batch.parcels, { fences: batch.fences, writes: bundled(batch.writes, this.#mostTogether) });
    }
    this.#tellIdle();
  }

  /** To the next round. */
  #putOff(parcel: Parcel, joint: Joint | undefined, batch: Batch): void {
    if (joint !== undefined && batch.looked.has(joint)) return;
    if (joint !== undefined) batch.looked.add(joint);
    this.#list(parcel);
    this.#schedule();
  }

  #place(parcel: Parcel, batch: Batch): void {
    if (parcel.kind === "actor") remind(parcel.activation);
    const { singlesOverlap } = this.#store;
    // Whoever must wait anyway is not written down: there may be more turns by then.
    const mustWait = this.#batchInFlight || batch.bytes > MOST_BATCH_BYTES;
    const count = mustWait && !(singlesOverlap && hasOneWrite(parcel)) ? Infinity : this.#countWrites(parcel);
    const alone = singlesOverlap && count === 1;
    if (!alone && (mustWait || this.#isTooMuch(batch, count))) {
      this.#list(parcel);
      return;
    }
    const sealed = this.#sealed([parcel]);
    if (sealed === undefined) return;
    if (alone) this.#send([parcel], { fences: sessionOf(parcel).fences, writes: sealed });
    else batch.add([parcel], sealed);
  }

  #placeTogether(parcel: Parcel, joint: Joint, batch: Batch): void {
    batch.looked.add(joint);
    if (this.#batchInFlight || batch.bytes > MOST_BATCH_BYTES) {
      this.#list(parcel);
      return;
    }
    // A member that waits for an answer brings the others along afterwards.
    if (!joint.isFree) return;
    const parcels = [...joint.members].map((activation) => ({ kind: "actor", activation }) as const);
    for (const activation of joint.members) remind(activation);
    const count = parcels.reduce((sum, each) => sum + this.#countWrites(each), 0);
    if (this.#isTooMuch(batch, count)) {
      this.#list(parcel);
      return;
    }
    const sealed = this.#sealed(parcels);
    if (sealed !== undefined) batch.add(parcels, sealed);
  }

  /** For the next time. */
  #list(parcel: Parcel): void {
    if (parcel.kind === "actor") {
      if (parcel.activation.isListed) return;
      parcel.activation.isListed = true;
    }
    this.#ready.push(parcel);
  }

  /** One that is too large by itself would wait for ever: the store says so, and its actor is set aside. */
  #isTooMuch({ writes }: Batch, count: number): boolean {
    return writes.length > 0 && writes.length + count > this.#store.maxWrites;
  }

  #countWrites(parcel: Parcel): number {
    if (parcel.kind === "loose") return parcel.writes.length;
    const { activation } = parcel;
    const pending = activation.pending as Pending;
    const others = 1 + (pending.writes?.size ?? 0);
    try {
      return others + Math.max(activation.parts, this.#room.partsOf(bytesOf(activation, pending).length));
    } catch {
      // Whoever seals it meets the same, and says so.
      return others;
    }
  }

  /** Undefined, and their actors set aside, where a record cannot be written down: user code has changed in place what was looked at. */
  #sealed(parcels: readonly Parcel[]): readonly Write[] | undefined {
    for (const parcel of parcels) if (parcel.kind === "actor") takePending(parcel.activation);
    try {
      const [only] = parcels;
      return parcels.length === 1 && only !== undefined
        ? written(only, this.#room)
        : parcels.flatMap((parcel) => written(parcel, this.#room));
    } catch (cause) {
      const about = parcels.map((parcel) => (parcel.kind === "actor" ? parcel.activation.key : "")).join(", ");
      const error = new TroupeError("bad_payload", `The state of ${about} cannot be stored: ${(cause as Error).message}`, { about, cause });
      this.#parts.settled(parcels, { kind: "refused", error });
      return undefined;
    }
  }

  #send(parcels: Parcel[], commit: Commit): void {
    this.#inFlight++;
    const isBatch = commit.writes.length > 1 || !this.#store.singlesOverlap;
    void this.#store.commit(commit).then((outcome) => {
      this.#inFlight--;
      if (isBatch) this.#batchInFlight = false;
      this.#parts.settled(parcels, outcome);
      if (this.#ready.length > 0) this.#schedule();
      else this.#tellIdle();
    });
  }

  #tellIdle(): void {
    if (this.#idle.length === 0 || this.#ready.length > 0 || this.#inFlight > 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}

/** A batch takes some ten milliseconds for each megabyte, and whoever comes after it waits. */
const MOST_BATCH_BYTES = 32 * 1024 * 1024;

/** What goes into the one batch that may be in flight. */
class Batch {
  readonly fences = new Map<number, number>();
  readonly writes: Write[] = [];
  readonly parcels: Parcel[] = [];
  /** Those that are in it, or must wait. */
  readonly looked = new Set<Joint>();
  bytes = 0;

  add(parcels: readonly Parcel[], writes: readonly Write[]): void {
    this.writes.push(...writes);
    for (const parcel of parcels) {
      const { partition, fence } = sessionOf(parcel);
      this.fences.set(partition, fence);
      this.parcels.push(parcel);
      if (parcel.kind === "actor") this.bytes += parcel.activation.recordBytes;
    }
  }
}

/** What is stored together or not at all: one actor's pending turns, or writes without an actor. */
export type Parcel =
  | { readonly kind: "actor"; readonly activation: Activation }
  | { readonly kind: "loose"; readonly session: Session; readonly writes: readonly Write[]; readonly committed: () => void };

export function sessionOf(parcel: Parcel): Session {
  return parcel.kind === "actor" ? parcel.activation.session : parcel.session;
}

function isDirty(activation: Activation): boolean {
  return activation.phase === "ready" && activation.pending !== undefined && activation.committing === undefined;
}

/** But for what a large record comes in. */
function hasOneWrite(parcel: Parcel): boolean {
  return parcel.kind === "loose" ? parcel.writes.length === 1 : (parcel.activation.pending?.writes?.size ?? 0) === 0;
}

function takePending(activation: Activation): void {
  const pending = activation.pending as Pending;
  activation.committing = pending;
  activation.pending = undefined;
  reminded(activation, pending);
}

/** What was taken of an activation for its commit; the record goes last, where JetStream wants it. */
function written(parcel: Parcel, room: Room): readonly Write[] {
  if (parcel.kind === "loose") return parcel.writes;
  const { activation } = parcel;
  const pending = activation.committing as Pending;
  // Mail is written down here at the latest, where it can still be refused.
  for (const write of pending.writes?.values() ?? []) if (write.kind === "mail") void write.letter.body;
  const record = recordWrite(activation, pending);
  const isOneMessage = activation.parts === 0 && room.partsOf(record.bytes.length) === 0;
  if (isOneMessage) return pending.writes === undefined ? [record] : [...pending.writes.values(), record];
  return [...(pending.writes?.values() ?? []), ...inParts(activation, record, room)];
}

/** A task that failed has come to a final state as well. */
function isDone({ kind }: Definition, { status, value }: ActorRecord): boolean {
  return status === "done" && (kind === "actor" || value === "done");
}

function bytesOf(activation: Activation, pending: Pending): Uint8Array {
  return (pending.bytes ??= encodeActor((activation.actor as { readonly record: ActorRecord }).record));
}

function recordWrite(activation: Activation, pending: Pending): RecordWrite {
  const record = (activation.actor as { readonly record: ActorRecord }).record;
  const bytes = bytesOf(activation, pending);
  activation.recordBytes = bytes.length;
  activation.measured = record;
  const { retention } = activation.definition;
  const ttlMs = !isEnded(record) ? undefined : isDone(activation.definition, record) ? retention.doneMs : retention.failedMs;
  return {
    kind: "record",
    partition: activation.session.partition,
    address: activation.address,
    bytes,
    ...(ttlMs === undefined ? {} : { ttlMs }),
  };
}
