import type { Address, Lane, StartLane } from "../core/address.ts";
import type { TroupeError } from "../core/errors.ts";
import type { Ticket } from "../core/permit.ts";
import type { Source } from "./mailbox.ts";
import type { Listening } from "./work.ts";

/**
 * Where committed state lives. A store only moves bytes: what they mean is the codec's and the record's business.
 * Adapters: memory, nats. Contract: test/contract/store.ts runs against both.
 */
export interface Store {
  /** The most writes one commit may hold (a JetStream batch takes 1,000 messages). */
  readonly maxWrites: number;
  /** The most bytes one write may hold, subject and headers included. */
  readonly maxWriteBytes: number;
  /** The most bytes a record may have that is stored in parts, as the operator has it; how many parts a commit has room for is less. */
  readonly maxRecordBytes: number;
  /**
   * `true` where a commit that needs no batch (`isSingle`) may overlap others. Elsewhere, and for every commit that needs one, the host
   * keeps one commit in flight.
   */
  readonly singlesOverlap: boolean;

  /**
   * The last committed record of each address, in the order asked, `undefined` where there is none. For the owner never stale, whichever
   * server answers: whoever has claimed a partition sees everything that was committed there before, and its own commits since. What
   * others commit to theirs may be seen a moment later.
   * @throws no_answer, no_connection; no_answer also where no server that can be reached has come as far
   */
  load(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]>;

  /** The first parts of an actor's record as they are stored, `undefined` where there is none. As new as `load`'s. @throws as `load` */
  loadParts(address: Address, count: number): Promise<readonly (Uint8Array | undefined)[]>;

  /**
   * Rises whenever the connection is lost. What is known only because nothing has happened since is to be forgotten then.
   */
  readonly interruptions: number;

  /**
   * Tells the address of every actor of the caller's partitions that has a record at the time of the call, and of others, in no order, until `tell` says `false`. One whose
   * record is replaced or removed meanwhile may be left out: whoever has the partition knows what it stores itself. Others may be
   * told as well, or twice. Goes slowly: it is for the background.
   * @throws no_answer, no_connection
   */
  census(tell: (address: Address) => boolean): Promise<void>;

  /**
   * Tells every ticket of a type that is stored, in the order in which they were stored, then every change, in order and once. After
   * `broken` nothing more comes: whoever goes on follows anew.
   */
  follow(type: string, follower: TicketFollower): Listening;

  /**
   * Stores all writes or none, under all fences. Resolves; an outcome is never thrown.
   */
  commit(commit: Commit): Promise<CommitOutcome>;

  /**
   * Forgets what one source holds up to and including a sequence, or of it only what came to one actor by one lane: absorbed by records
   * that are committed. Nothing else ever removes it, so whatever is not forgotten comes again. Forgetting it twice does no harm.
   * @throws no_answer, no_connection
   */
  forget(partition: number, source: Source, throughSequence: number, of?: Place): Promise<void>;

  /** Forgets one message of a source. As `forget`. */
  forgetOne(partition: number, source: Source, sequence: number): Promise<void>;

  /** Called every second or so for each partition that is held: what else the store need not keep any longer. */
  tidy(partition: number): Promise<void>;
}

export interface TicketFollower {
  heard(change: TicketChange): void;
  /** What happens from now on is not told. */
  broken(): void;
}

/** A ticket as it is stored; without `bytes` it has been taken back. */
export interface TicketChange {
  readonly id: string;
  readonly ticket: Ticket;
  readonly bytes: Uint8Array | undefined;
}

/** Made by the runtime's committer. Every partition that a write belongs to has its fence. */
export interface Commit {
  readonly fences: ReadonlyMap<number, number>;
  readonly writes: readonly Write[];
}

export type Write =
  /** The actor's record: replaces the one before. `ttlMs` makes the server remove it later (at least a minute). */
  | { readonly kind: "record"; readonly partition: number; readonly address: Address; readonly bytes: Uint8Array; readonly ttlMs?: number }
  /**
   * A part of a record that one write cannot hold, beside a record that is its cover. One per actor and index, which counts from 0: a
   * second replaces. `ttlMs` as its record's.
   */
  | {
      readonly kind: "part";
      readonly partition: number;
      readonly address: Address;
      readonly index: number;
      readonly bytes: Uint8Array;
      readonly ttlMs?: number;
    }
  /** Removes a part that the actor's record no longer has. */
  | { readonly kind: "cancelPart"; readonly partition: number; readonly address: Address; readonly index: number }
  /**
   * A message to an actor of any partition, in its mailbox once committed. `message` is unique within the target. `isLast`: its sender
   * has ended, and nothing of it comes after.
   */
  | {
      readonly kind: "mail";
      readonly partition: number;
      readonly lane: Lane;
      readonly to: Address;
      readonly message: string;
      readonly letter: Letter;
      readonly isLast?: true;
    }
  /** Mail that the server sends itself at `dueAt` (epoch ms), whether or not a host runs. One per actor and name: a second replaces. */
  | {
      readonly kind: "timer";
      readonly partition: number;
      readonly owner: Address;
      readonly timer: string;
      readonly dueAt: number;
      readonly message: string;
      readonly letter: Letter;
    }
  /** Withdraws a timer. One that has fired already is not an error. */
  | { readonly kind: "cancelTimer"; readonly partition: number; readonly owner: Address; readonly timer: string }
  /** An envelope that no actor can take, kept with its reason. `name` is unique within the target. */
  | { readonly kind: "dead"; readonly partition: number; readonly address: Address; readonly name: string; readonly letter: Letter }
  /** A place in the line of those that wait for a permit, or a permit that is out: kept for the type's gate until it is taken back. */
  | { readonly kind: "ticket"; readonly partition: number; readonly address: Address; readonly ticket: Ticket; readonly bytes: Uint8Array }
  /** Takes a ticket back. One that is not there is not an error. */
  | { readonly kind: "cancelTicket"; readonly partition: number; readonly address: Address; readonly ticket: Ticket }
  /** Work for whoever can run it: it waits in the queue of its lane and type once committed. One per actor: a second replaces. */
  | { readonly kind: "work"; readonly partition: number; readonly lane: StartLane; readonly address: Address; readonly letter: Letter }
  /** What a turn did, for types with history. */
  | { readonly kind: "turn"; readonly partition: number; readonly address: Address; readonly revision: number; readonly bytes: Uint8Array };

/** What needs no batch to be atomic: one write, or a record that withdraws one timer of its actor (the very same address object). */
export function isSingle(writes: readonly Write[]): boolean {
  const [first, second] = writes;
  if (writes.length === 1) return true;
  return writes.length === 2 && first?.kind === "cancelTimer" && second?.kind === "record" && first.owner === second.address;
}

/** A message's body and headers, as they go on the wire. */
export interface Letter {
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Where what came to one actor by one lane lies. */
export interface Place extends Address {
  readonly lane: Lane;
}

/**
 * The answer to a commit. `conflict`: another host has taken the partitions named in `lost`; nothing was stored.
 * `unknown`: it may have been stored and the store could not find out; the actors must be reloaded before anything else.
 * `refused`: nothing was stored and trying again cannot help (a write is too large, the stream is gone).
 */
export type CommitOutcome =
  | { readonly kind: "committed" }
  | { readonly kind: "conflict"; readonly lost: readonly number[] }
  | { readonly kind: "unknown"; readonly cause: Error }
  | { readonly kind: "refused"; readonly error: TroupeError };

export const COMMITTED: CommitOutcome = { kind: "committed" };
