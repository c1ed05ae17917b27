import { formatAddress } from "../core/address.ts";
import { IdFilter } from "../core/id-filter.ts";
import { partitionOf } from "../core/placement.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { Session } from "./session.ts";

export interface KnownIdsOptions {
  /** Bound on the filters of all partitions together; while they are made anew there may be twice as much. */
  readonly bytes: number;
  /** Starts whose record was looked for in vain before a census is worth its while: it reads the subject of every record. */
  readonly readsBeforeCensus: number;
}

export const DEFAULT_KNOWN_IDS: KnownIdsOptions = { bytes: 8 * 1024 * 1024, readsBeforeCensus: 64 };

export interface KnownIdsParts extends KnownIdsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly partitions: number;
  /** Whether nobody else can have taken a partition of this host's. */
  readonly isTrusted: () => boolean;
  /** Keys of the actors of a session that are in memory: those whose first commit is under way among them. */
  readonly inMemory: (session: Session) => readonly string[];
}

/** After a census that failed, and after one that found more than the filter holds. */
const AFTER_FAILURE_MS = 10_000;
const AFTER_TOO_MANY_MS = 600_000;

/**
 * Ids that have a record, as far as this host can know without asking: an id that is certainly none of them needs no read before
 * it is started.
 *
 * Owns: one filter for each session, and the census that fills them. Calls in: entrance.ts, stage.ts. Calls out: the store.
 * K1. A filter answers only while the session is open, its claim trusted and the connection the one it was filled over: for so long
 *     the fence lets nobody else create an actor in the partition. Whoever doubts the claim says `forget`.
 * K2. It answers once it holds every id with a record: those of before by a census that began after it was there, those that were in
 *     memory when it was made or were loaded while the census ran (whose records their next commit may move out of its way), and every
 *     one that has been begun since, noted before its first turn.
 * K3. A filter that is full is made anew by a further census, which leaves out what has expired, and answers meanwhile. Where the
 *     records alone fill it there is none: ids are read.
 */
export class KnownIds {
  readonly #parts: KnownIdsParts;
  readonly #bytesEach: number;
  readonly #byPartition: (Known | undefined)[];
  /** Actors begun without a filter, or with one that is full, since the last census. */
  #demand = 0;
  #isCounting = false;
  #restsUntil = -Infinity;

  constructor(parts: KnownIdsParts) {
    this.#parts = parts;
    this.#bytesEach = Math.floor(parts.bytes / parts.partitions);
    this.#byPartition = Array.from({ length: parts.partitions });
  }

  /** An actor is about to begin, in memory already: `true` where it certainly has no record. Otherwise look, then `note` it. */
  begin(session: Session, key: string): boolean {
    const known = this.#byPartition[session.partition];
    if (known?.current === undefined || known.session !== session || !session.open) return false;
    if (!this.#isOfNow(known.current) || !this.#parts.isTrusted()) {
      known.current = undefined;
      return false;
    }
    if (!known.current.ids.add(key)) return false;
    known.next?.ids.add(key);
    if (known.current.ids.isFull) this.#wish();
    return true;
  }

  /** A record was looked for in vain: the actor is about to begin. */
  note(session: Session, key: string): void {
    const known = this.#of(session);
    if (known.current === undefined || known.current.ids.isFull) this.#wish();
    known.current?.ids.add(key);
    known.next?.ids.add(key);
  }

  /** A record was read: the actor's next commit may move it past a census that has not come to it. */
  found(session: Session, key: string): void {
    const known = this.#byPartition[session.partition];
    if (known?.session === session) known.next?.ids.add(key);
  }

  /** Nothing that is known of the partition may be used any more. */
  forget(session: Session): void {
    if (this.#byPartition[session.partition]?.session === session) this.#byPartition[session.partition] = undefined;
  }

  #of(session: Session): Known {
    const known = this.#byPartition[session.partition];
    if (known?.session === session) return known;
    return (this.#byPartition[session.partition] = { session, current: undefined, next: undefined });
  }

  #isOfNow({ interruptions }: Filled): boolean {
    return interruptions === this.#parts.store.interruptions;
  }

  #wish(): void {
    const { readsBeforeCensus, clock } = this.#parts;
    if (++this.#demand < readsBeforeCensus || this.#isCounting || clock.monotonic() < this.#restsUntil) return;
    this.#demand = 0;
    void this.#count();
  }

  async #count(): Promise<void> {
    const { store, log, clock } = this.#parts;
    const wanted = this.#byPartition
      .filter((known) => known !== undefined)
      .filter(({ current }) => current === undefined || current.ids.isFull);
    this.#isCounting = true;
    for (const known of wanted) known.next = this.#seeded(known.session);
    try {
      await store.census((address) => {
        const known = this.#byPartition[partitionOf(address.type, address.id, this.#parts.partitions)];
        known?.next?.ids.add(formatAddress(address));
        return wanted.some((each) => this.#isOfUse(each));
      });
      for (const known of wanted) this.#counted(known);
    } catch (error) {
      this.#restsUntil = clock.monotonic() + AFTER_FAILURE_MS;
      log.debug({ err: error }, "the ids that have a record could not be listed; each is looked up as before");
    } finally {
      for (const known of wanted) known.next = undefined;
      this.#isCounting = false;
    }
  }

  /** What is in memory when the census begins may be on its way into the stream, unseen by it. */
  #seeded(session: Session): Filled {
    const ids = new IdFilter(this.#bytesEach);
    for (const key of this.#parts.inMemory(session)) ids.add(key);
    return { ids, interruptions: this.#parts.store.interruptions };
  }

  #isOfUse(known: Known): boolean {
    const { session, next } = known;
    return this.#byPartition[session.partition] === known && next !== undefined && !next.ids.isFull && this.#isOfNow(next);
  }

  #counted(known: Known): void {
    if (this.#isOfUse(known)) known.current = known.next;
    else if (known.next?.ids.isFull === true) {
      known.current = undefined;
      this.#restsUntil = this.#parts.clock.monotonic() + AFTER_TOO_MANY_MS;
    }
  }
}

/** What is known of one session's partition: by the filter that answers, and the one that is being filled. */
interface Known {
  readonly session: Session;
  current: Filled | undefined;
  next: Filled | undefined;
}

/** A filter, and the connection over which it came to be. */
interface Filled {
  readonly ids: IdFilter;
  readonly interruptions: number;
}
