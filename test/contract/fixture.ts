import type { Address, Lane } from "../../src/core/address.ts";
import { partitionOf } from "../../src/core/placement.ts";
import type { Leases, Sign } from "../../src/ports/leases.ts";
import type { Mailbox } from "../../src/ports/mailbox.ts";
import type { Commit, Letter, Store } from "../../src/ports/store.ts";
import type { Work } from "../../src/ports/work.ts";

/**
 * What a contract is run against: one fresh server (or namespace) per fixture, with two hosts attached to it that know nothing of
 * each other. Every promise of a fixture settles by itself: where time is virtual, the fixture drives it while one is awaited.
 */
export interface Fixture {
  readonly partitions: number;
  readonly a: Attached;
  readonly b: Attached;
  readonly capabilities: Capabilities;
  /** The server's idea of now, epoch ms. */
  now(): number;
  /** A message from outside, as any client would send it: on JetStream, a publish to the subject of the way in. Resolves to its sequence. */
  publish(message: Publication): Promise<number>;
  /** Resolves once the predicate holds. @throws when it still does not after `timeoutMs` (5,000 unless told) */
  until(predicate: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void>;
  /** Resolves once what was sent without waiting for an answer (acknowledgements, pulls) has had its effect and its consequences. */
  quiet(): Promise<void>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** A's host dies without a word: from here on its adapters must not be used. */
  killA(): Promise<void>;
  deadLetters(address: Address): Promise<readonly StoredLetter[]>;
  /** Revisions and bytes of the turns that were stored for an actor, oldest first. */
  turns(address: Address): Promise<readonly StoredTurn[]>;
  /** Everything is given back; nothing of it outlives the test. */
  dispose(): Promise<void>;
}

/** One host's connection: adapters that share it. */
export interface Attached {
  /** The name under which this host beats and claims. */
  readonly host: string;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly work: Work;
}

interface Capabilities {
  /** Hours pass at once, so that what a server does only after a minute can be tested. */
  readonly virtualTime: boolean;
  /** A reader that has been superseded gets nothing more even where it still wants something. */
  readonly supersededReadersStarve: boolean;
}

interface Publication {
  readonly lane: Lane;
  readonly to: Address;
  readonly body: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

interface StoredLetter {
  readonly name: string;
  readonly letter: Letter;
}

interface StoredTurn {
  readonly revision: number;
  readonly bytes: Uint8Array;
}

export type StoreFixture = Fixture;
export type MailboxFixture = Fixture;
export type LeasesFixture = Fixture;
export type WorkFixture = Fixture;

/** An address of that type which belongs to that partition. `name` tells two of one partition apart. */
export function addressIn(partition: number, partitions: number, name: string, type = "job"): Address {
  for (let i = 0; ; i++) {
    const id = `${name}-${i}`;
    if (partitionOf(type, id, partitions) === partition) return { type, id };
  }
}

/** Takes a partition from whoever has it. @throws when somebody else was faster */
export async function take(attached: Attached, partition: number): Promise<number> {
  const owners = await attached.leases.owners();
  const seen = owners.find((ownership) => ownership.partition === partition)?.fence ?? 0;
  const fence = await attached.leases.claim(partition, attached.host, seen);
  if (fence === undefined) throw new Error(`partition ${partition} was taken by somebody else`);
  return fence;
}

/** What a host says of itself, where nothing of it matters. */
export function signOf(host: string, more: Partial<Sign> = {}): Sign {
  return { host, phase: "active", protocol: 1, release: "0.0.0", types: {}, labels: [], slots: 1, ...more };
}

/** A commit under one fence. */
export function under(partition: number, fence: number, ...writes: Commit["writes"]): Commit {
  return { fences: new Map([[partition, fence]]), writes };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(body: Uint8Array | undefined): string | undefined {
  return body === undefined ? undefined : new TextDecoder().decode(body);
}
