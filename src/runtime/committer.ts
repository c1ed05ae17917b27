import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Commit, CommitOutcome, Store, Write } from "../ports/store.ts";
import type { Activation, Pending } from "./activation.ts";
import { bundled } from "./bundle.ts";
import type { Joint } from "./joint.ts";
import { sessionOf, type Parcel } from "./parcel.ts";
import { remind } from "./reminder.ts";
import { Room } from "./room.ts";
import { Batch, countWrites, singleSize, takePending, written } from "./sealing.ts";
import type { Session } from "./session.ts";

export interface CommitterParts {
  readonly store: Store;
  readonly clock: Clock;
  /** Turns that are to be in the next commit are made now. */
  readonly closing: () => void;
  /** The session can no longer be trusted. */
  readonly lost: (session: Session, why: TroupeError) => void;
  readonly settled: (parcels: readonly Parcel[], outcome: CommitOutcome) => void;
}

/**
 * Group commit. Collects what turns want stored and stores it: a commit of several writes goes into the host's one batch in flight
 * (whatever becomes ready meanwhile forms the next), a commit that needs no batch goes alone where the store allows that.
 *
 * Owns: the list of activations with something to store, the number of commits in flight.
 * Calls in: ledger.ts, release.ts (`dirty`), acts.ts, dead-letters.ts, gatekeeper.ts, relief.ts (`loose`). Calls out: the store, and
 * `settled` for every commit.
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
  #loose = 0;

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
    this.#list({ kind: "actor", activation });
    this.#schedule();
  }

  /** Writes that belong to no loaded actor: dead letters. */
  loose(session: Session, writes: readonly Write[], committed: () => void): void {
    this.#loose++;
    this.#list({ kind: "loose", session, writes, committed });
    this.#schedule();
  }

  /** Whether dead letters wait to be stored. */
  get hasLoose(): boolean {
    return this.#loose > 0;
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
      if (!sessionOf(parcel).open) this.#loosened(parcel);
      else if (parcel.kind === "loose") this.#place(parcel, batch);
      else if (isForsaken(parcel.activation)) this.#parts.lost(sessionOf(parcel), forsaken(parcel.activation));
      else if (isDirty(parcel.activation)) this.#placeActor(parcel, batch);
    }
    if (batch.parcels.length > 0) {
      this.#batchInFlight = true;
      this.#send(batch.parcels, { fences: batch.fences, writes: bundled(batch.writes, this.#mostTogether) }, "batch");
    }
  }

  #placeActor(parcel: Extract<Parcel, { kind: "actor" }>, batch: Batch): void {
    const { isAwaited, joint } = parcel.activation.pending as Pending;
    if (joint !== undefined && batch.looked.has(joint)) return;
    if (joint !== undefined) batch.looked.add(joint);
    if (joint?.isAwaited ?? isAwaited) {
      // To the next round.
      this.#list(parcel);
      this.#schedule();
    } else if (joint === undefined) this.#place(parcel, batch);
    else this.#placeTogether(parcel, joint, batch);
  }

  #place(parcel: Parcel, batch: Batch): void {
    if (parcel.kind === "actor") remind(parcel.activation);
    const { singlesOverlap } = this.#store;
    // Whoever must wait anyway is not written down: there may be more turns by then.
    const mustWait = this.#batchInFlight || batch.bytes > MOST_BATCH_BYTES;
    const single = singlesOverlap ? singleSize(parcel) : undefined;
    const count = mustWait && single === undefined ? Infinity : countWrites(parcel, this.#room);
    const alone = count === single;
    if (!alone && (mustWait || this.#isTooMuch(batch, count))) {
      this.#list(parcel);
      return;
    }
    const sealed = this.#sealed([parcel]);
    if (sealed === undefined) return;
    if (alone) this.#send([parcel], { fences: sessionOf(parcel).fences, writes: sealed }, "alone");
    else batch.add([parcel], parcel.kind === "loose" ? batch.anew(sealed) : sealed);
  }

  #placeTogether(parcel: Parcel, joint: Joint, batch: Batch): void {
    if (this.#batchInFlight || batch.bytes > MOST_BATCH_BYTES) {
      this.#list(parcel);
      return;
    }
    for (const member of joint.members) if (isForsaken(member)) return this.#parts.lost(member.session, forsaken(member));
    // A member that waits for an answer brings the others along afterwards.
    if (!joint.isFree) return;
    const parcels = [...joint.members].map((activation) => ({ kind: "actor", activation }) as const);
    for (const activation of joint.members) remind(activation);
    const count = parcels.reduce((sum, each) => sum + countWrites(each, this.#room), 0);
    if (this.#isTooMuch(batch, count)) {
      this.#list(parcel);
      return;
    }
    const sealed = this.#sealed(parcels);
    if (sealed !== undefined) batch.add(parcels, sealed);
  }

  #list(parcel: Parcel): void {
    if (parcel.kind === "actor") parcel.activation.isListed = true;
    this.#ready.push(parcel);
  }

  /** One that is too large by itself would wait for ever: the store says so, and its actor is set aside. */
  #isTooMuch({ writes }: Batch, count: number): boolean {
    return writes.length > 0 && writes.length + count > this.#store.maxWrites;
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

  /** `how` it was placed, which its size does not say: a batch may come to a single write, where what was joint with it came to nothing. */
  #send(parcels: Parcel[], commit: Commit, how: "batch" | "alone"): void {
    this.#inFlight++;
    void this.#store.commit(commit).then((outcome) => {
      this.#inFlight--;
      if (how === "batch") this.#batchInFlight = false;
      for (const parcel of parcels) this.#loosened(parcel);
      this.#parts.settled(parcels, outcome);
      if (this.#ready.length > 0) this.#schedule();
    });
  }

  #loosened(parcel: Parcel): void {
    if (parcel.kind === "loose") this.#loose--;
  }
}

/** A batch takes some ten milliseconds for each megabyte, and whoever comes after it waits. */
const MOST_BATCH_BYTES = 32 * 1024 * 1024;

function isDirty(activation: Activation): boolean {
  return activation.phase === "ready" && activation.pending !== undefined && activation.committing === undefined;
}

/** What it has pending was to be stored under the fence of a gate whose session has ended. */
function isForsaken({ pending }: Activation): boolean {
  return pending?.permit?.session.open === false;
}

function forsaken({ key }: Activation): TroupeError {
  return new TroupeError("lost_partition", `Turns of ${key} cannot be stored with a permit of a gate that has moved`, { about: key });
}
