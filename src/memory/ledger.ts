import { formatAddress, type Address } from "../core/address.ts";
import { coverOf, joined } from "../core/cover.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { StateChange } from "../ports/gateway.ts";
import type { Ownership } from "../ports/leases.ts";
import { COMMITTED, type Commit, type CommitOutcome, type Letter, type Write } from "../ports/store.ts";
import { deadPlace, findFault, partPlace, placeOf, type Limits } from "./check.ts";

import { TicketBook } from "./ticket-book.ts";

/** JetStream keeps no message for less. */
const LEAST_TTL_MS = 60_000;

export interface LedgerParts {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly mail: (write: Mail, sequence: number) => void;
  readonly work: (write: Extract<Write, { kind: "work" }>) => void;
  readonly fired: (timer: Timer) => void;
  readonly changed: (change: StoredChange) => void;
}

type Mail = Pick<Extract<Write, { kind: "mail" }>, "partition" | "lane" | "to" | "message" | "letter">;
type Timer = Extract<Write, { kind: "timer" }>;

/** A change of one actor's record, as a watcher of the stream sees it. */
export interface StoredChange extends StateChange {
  readonly sequence: number;
}

/** As it lies in the stream, for tests. */
export interface DeadMail {
  readonly address: Address;
  readonly name: string;
  readonly letter: Letter;
  readonly at: number;
}

export interface StoredTurn {
  readonly sequence: number;
  readonly revision: number;
  readonly bytes: Uint8Array;
}

interface StoredRecord {
  readonly address: Address;
  readonly bytes: Uint8Array;
  readonly sequence: number;
  readonly expiry: Alarm | undefined;
}

/**
 * What JetStream's CORE stream is in the real thing: one log with one numbering for records, mail, timers and ownership, and
 * therefore one order between a claim and a commit.
 *
 * L1. A commit is judged and applied in one step: all of it under all of its fences, or nothing.
 * L2. Sequences rise for ever; a partition's fence is the sequence of the last write to its ownership.
 */
export class Ledger {
  readonly #parts: LedgerParts;
  #sequence = 0;
  readonly #records = new Map<string, StoredRecord>();
  readonly #recordParts = new Map<string, { readonly bytes: Uint8Array; readonly expiry: Alarm | undefined }>();
  readonly #owners = new Map<number, Ownership>();
  readonly #timers = new Map<string, { readonly timer: Timer; readonly alarm: Alarm }>();
  readonly #dead = new Map<string, DeadMail>();
  readonly #turns = new Map<string, Map<number, StoredTurn>>();
  readonly tickets = new TicketBook();

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  /** As it is stored: perhaps a cover. */
  read(address: Address): Uint8Array | undefined {
    return this.#records.get(formatAddress(address))?.bytes;
  }

  readParts(address: Address, count: number): readonly (Uint8Array | undefined)[] {
    return Array.from({ length: count }, (_, index) => this.#recordParts.get(partPlace(address, index))?.bytes);
  }

  /** The record itself, also where it lies in parts. */
  whole(address: Address): Uint8Array | undefined {
    const stored = this.read(address);
    const cover = stored === undefined ? undefined : coverOf(stored);
    return cover === undefined ? stored : joined(cover, this.readParts(address, cover.parts));
  }

  losePart(address: Address, index: number): void {
    this.#recordParts.delete(partPlace(address, index));
  }

  /** Where there are parts: `part <type>/<id> <index>`. */
  get partPlaces(): readonly string[] {
    return [...this.#recordParts.keys()];
  }

  /** The position of the newest write. */
  get sequence(): number {
    return this.#sequence;
  }

  /** The first records behind a position, in the order in which they were stored. */
  recordsAfter(after: number, count: number): readonly { readonly address: Address; readonly sequence: number }[] {
    const behind = [...this.#records.values()].filter(({ sequence }) => sequence > after);
    return behind.toSorted((one, other) => one.sequence - other.sequence).slice(0, count);
  }

  /** Every record as it is stored, by `type/id`. */
  get records(): ReadonlyMap<string, Uint8Array> {
    return new Map(Array.from(this.#records, ([key, stored]) => [key, stored.bytes]));
  }

  get deadLetters(): readonly DeadMail[] {
    return [...this.#dead.values()];
  }

  /** Whether there was one. */
  discard(address: Address, name: string): boolean {
    return this.#dead.delete(deadPlace(address, name));
  }

  /** Timers that have not fired. */
  get timers(): readonly Timer[] {
    return Array.from(this.#timers.values(), (armed) => armed.timer);
  }

  turns(address: Address): readonly StoredTurn[] {
    return [...(this.#turns.get(formatAddress(address))?.values() ?? [])];
  }

  owner(partition: number): Ownership {
    return this.#owners.get(partition) ?? { partition, fence: 0, host: undefined };
  }

  /** The new fence, or `undefined` where the old one is not `seen`. */
  own(partition: number, host: string | undefined, seen: number, next?: string): number | undefined {
    if (this.owner(partition).fence !== seen) return undefined;
    const fence = ++this.#sequence;
    this.#owners.set(partition, { partition, fence, host, ...(next === undefined ? {} : { next }) });
    return fence;
  }

  apply(commit: Commit): CommitOutcome {
    const error = findFault(commit, this.#parts.limits);
    if (error !== undefined) return { kind: "refused", error };
    const lost = Array.from(commit.fences).filter(([partition, fence]) => this.owner(partition).fence !== fence);
    if (lost.length > 0) return { kind: "conflict", lost: lost.map(([partition]) => partition) };
    for (const write of commit.writes) this.#store(write);
    return COMMITTED;
  }

  #store(write: Write): void {
    const sequence = ++this.#sequence;
    switch (write.kind) {
      case "record":
        return this.#keep(write.address, write.bytes, sequence, write.ttlMs);
      case "part":
        this.#removePart(write);
        this.#recordParts.set(placeOf(write), {
          bytes: write.bytes.slice(),
          expiry: this.#expiry(write.ttlMs, () => this.#removePart(write)),
        });
        return;
      case "cancelPart":
        return this.#removePart(write);
      case "mail":
        return this.#parts.mail(write, sequence);
      case "work":
        return this.#parts.work(write);
      case "timer":
        this.#disarm(write);
        return this.#arm(write);
      case "cancelTimer":
        return this.#disarm(write);
      case "ticket":
      case "cancelTicket":
        return this.tickets.apply(write);
      case "dead":
        this.#dead.set(placeOf(write), { address: write.address, name: write.name, letter: write.letter, at: this.#parts.clock.now() });
        return;
      case "turn": {
        const key = formatAddress(write.address);
        const turns = this.#turns.get(key) ?? new Map<number, StoredTurn>();
        turns.delete(write.revision);
        turns.set(write.revision, { sequence, revision: write.revision, bytes: write.bytes.slice() });
        this.#turns.set(key, turns);
      }
    }
  }

  #keep(address: Address, given: Uint8Array, sequence: number, ttlMs: number | undefined): void {
    const key = formatAddress(address);
    // The caller's buffer is the caller's: what is stored must not change with it.
    const bytes = given.slice();
    this.#records.get(key)?.expiry?.cancel();
    this.#records.set(key, { address, bytes, sequence, expiry: this.#expiry(ttlMs, () => this.#expire(address)) });
    this.#parts.changed({ address, bytes: this.whole(address), sequence });
  }

  #expiry(ttlMs: number | undefined, expire: () => void): Alarm | undefined {
    return ttlMs === undefined ? undefined : this.#parts.clock.after(Math.max(LEAST_TTL_MS, ttlMs), expire);
  }

  #removePart(write: Extract<Write, { kind: "part" | "cancelPart" }>): void {
    const place = placeOf(write);
    this.#recordParts.get(place)?.expiry?.cancel();
    this.#recordParts.delete(place);
  }

  #expire(address: Address): void {
    this.#records.delete(formatAddress(address));
    this.#parts.changed({ address, bytes: undefined, sequence: ++this.#sequence });
  }

  #arm(timer: Timer): void {
    const place = placeOf(timer);
    const alarm = this.#parts.clock.after(timer.dueAt - this.#parts.clock.now(), () => {
      this.#timers.delete(place);
      const { partition, owner, message, letter } = timer;
      this.#parts.mail({ partition, lane: "event", to: owner, message, letter }, ++this.#sequence);
      this.#parts.fired(timer);
    });
    this.#timers.set(place, { timer, alarm });
  }

  #disarm(write: Extract<Write, { kind: "timer" | "cancelTimer" }>): void {
    const place = placeOf(write);
    this.#timers.get(place)?.alarm.cancel();
    this.#timers.delete(place);
  }
}
