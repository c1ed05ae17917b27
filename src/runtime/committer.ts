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
import { Room } from "./room.ts";
import type { Session } from "./session.ts";

/**
 * Group commit. Collects what turns want stored and stores it: a commit of several writes goes into the host's one batch in flight
 * (whatever becomes ready meanwhile forms the next), a commit of one write goes alone where the store allows that.
 *
 * Owns: the list of activations with something to store, the number of commits in flight.
 * Calls in: delivery.ts (`dirty`, `loose`). Calls out: the store, and `settled` for every commit.
 * C1. An activation has at most one commit in flight, so an actor's commits are never reordered, by either way.
 * C2. Nothing of a commit is released before its outcome is `committed`.
 * C3. A session that has ended commits nothing more from here; what is in flight is refused by its fence.
 */
export class Committer {
  readonly #store: Store;
  readonly #room: Room;
  readonly #clock: Clock;
  readonly #settled: (parcels: readonly Parcel[], outcome: CommitOutcome) => void;
  #ready: Parcel[] = [];
  #scheduled = false;
  #batchInFlight = false;
  #inFlight = 0;
  #idle: (() => void)[] = [];

  constructor(store: Store, clock: Clock, settled: (parcels: readonly Parcel[], outcome: CommitOutcome) => void) {
    this.#store = store;
    this.#room = new Room(store);
    this.#clock = clock;
    this.#settled = settled;
  }

  /** Commits that were sent and not answered: what back-pressure is measured by. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The activation has pending turns. */
  dirty(activation: Activation): void {
    if (activation.committing === undefined) this.#add({ kind: "actor", activation });
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
    const parcels = this.#ready;
    this.#ready = [];
    const fences = new Map<number, number>();
    const writes: Write[] = [];
    const batch: Parcel[] = [];
    let batchBytes = 0;
    for (const parcel of parcels) {
      const session = sessionOf(parcel);
      if (!session.open || (parcel.kind === "actor" && !isDirty(parcel.activation))) continue;
      // Whoever must wait anyway is not written down: there may be more turns by then.
      const mustWait = this.#batchInFlight || batchBytes > MOST_BATCH_BYTES;
      const count = mustWait && !(this.#store.singlesOverlap && hasOneWrite(parcel)) ? Infinity : this.#countWrites(parcel);
      const alone = this.#store.singlesOverlap && count === 1;
      // One that is too large by itself would wait for ever: the store says so, and its actor is set aside.
      const isTooMuch = writes.length > 0 && writes.length + count > this.#store.maxWrites;
      if (!alone && (mustWait || isTooMuch)) {
        this.#ready.push(parcel);
        continue;
      }
      const sealed = this.#seal(parcel);
      if (sealed === undefined) continue;
      if (alone) this.#send([parcel], { fences: session.fences, writes: sealed });
      else {
        fences.set(session.partition, session.fence);
        writes.push(...sealed);
        batch.push(parcel);
        if (parcel.kind === "actor") batchBytes += parcel.activation.recordBytes;
      }
    }
    if (batch.length > 0) {
      this.#batchInFlight = true;
      this.#send(batch, { fences, writes: bundled(writes) });
    }
    this.#tellIdle();
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

  /** Undefined, and its actor set aside, where the record cannot be written down: user code has changed in place what was looked at. */
  #seal(parcel: Parcel): readonly Write[] | undefined {
    try {
      return seal(parcel, this.#room);
    } catch (cause) {
      const about = parcel.kind === "actor" ? parcel.activation.key : "";
      const error = new TroupeError("bad_payload", `The state of ${about} cannot be stored: ${(cause as Error).message}`, { about, cause });
      this.#settled([parcel], { kind: "refused", error });
      return undefined;
    }
  }

  #send(parcels: Parcel[], commit: Commit): void {
    this.#inFlight++;
    const isBatch = commit.writes.length > 1 || !this.#store.singlesOverlap;
    void this.#store.commit(commit).then((outcome) => {
      this.#inFlight--;
      if (isBatch) this.#batchInFlight = false;
      this.#settled(parcels, outcome);
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

/** Moves an activation's pending turns into its commit; the record goes last, where JetStream wants it. */
function seal(parcel: Parcel, room: Room): readonly Write[] {
  if (parcel.kind === "loose") return parcel.writes;
  const { activation } = parcel;
  const pending = activation.pending as Pending;
  activation.committing = pending;
  activation.pending = undefined;
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
