import type { Address, Lane } from "../core/address.ts";
import type { Over } from "../core/over.ts";
import type { Clock } from "./clock.ts";

/** How long a call may take, and who may end it sooner. */
export interface Limits {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface SendLimits extends Limits {
  /** Under which an event is stored once within two minutes, however often it is sent. Default: a new one. */
  readonly id?: string;
}

/**
 * How a client stands with the server. `since` is epoch ms. Away it dials for ever, the servers of its list in turn; `tries` counts, and
 * `reason` is what a server said that refused us.
 * `closed` is the end: `reason` is there where it was not the client that closed it.
 */
export type ConnectionState =
  | { readonly state: "connected"; readonly server: string; readonly since: number }
  | { readonly state: "reconnecting"; readonly server: string; readonly since: number; readonly tries: number; readonly reason?: string }
  | { readonly state: "closed"; readonly since: number; readonly reason?: string };

/** Something that must know when the connection mends, and when it has gone for good. */
export interface GatewayListener {
  reconnected?(): void;
  closed?(reason: Error): void;
  changed?(state: ConnectionState): void;
}

/**
 * The way in and the view from outside, for programs that run no actors. Adapters: memory, nats. Contract: test/contract/gateway.ts.
 * Everything is bounded: by its limits, and by `close`, which ends whatever waits with `stopped`. An aborted signal ends it with the
 * signal's reason. Reads are tried again until their timeout, `callMs` where they have none.
 */
export interface Gateway {
  /** The most bytes a body may hold. */
  readonly maxBodyBytes: number;
  /** How long a read takes at most. */
  readonly callMs: number;
  /** How long whoever waits for news outlasts that nothing can be read. */
  readonly outageMs: number;
  readonly connection: ConnectionState;
  /** @returns what ends it */
  listen(listener: GatewayListener): () => void;
  /** The work's end, or whichever of the limits comes first; `over` aborts at the end in any case. @throws what `late` makes, stopped */
  within<T>(limits: Limits, late: () => Error, work: (over: Over) => Promise<T>): Promise<T>;
  /** What deadlines and pauses of those outside go by. */
  readonly clock: Clock;
  /** A subject token that nobody else makes. */
  newId(): string;
  /**
   * Told of every wait, most of which are for what an actor does; the promise to wait for instead. Where time is real that is the same one; where it is
   * virtual, it passes meanwhile, and the wait fails as soon as nothing can happen any more.
   */
  attend<T>(about: Address | undefined, wait: Promise<T>): Promise<T>;
  /**
   * Puts one message into a mailbox. Resolves once it is stored; sent again with the same id until it is, or its time is over.
   * @throws in_full, too_large, not_provisioned; no_connection where it has not left, no_answer where it may be stored, also as the
   * end that an aborted signal makes
   */
  send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>, limits?: SendLimits): Promise<void>;
  /**
   * The stored record, which may be older than the newest while the servers are cut off from each other; or undefined, where it was certainly
   * not there a few seconds ago. @throws no_answer, also where that cannot be found out; no_connection, not_provisioned
   */
  read(address: Address, limits?: Limits): Promise<Uint8Array | undefined>;
  /** Whether a start of this actor is on its way and no record of it is stored yet. As certain as `read`, and throws what that does. */
  awaits(address: Address, limits?: Limits): Promise<boolean>;
  /**
   * The stored record of an actor, then every change of it, until it is removed; ends when `signal` aborts. Survives reconnects. A change
   * that another one followed at once may be left out, the same one may come twice. @throws no_answer, no_connection after `outageMs`
   */
  watch(address: Address, signal?: AbortSignal): AsyncIterable<StateChange>;
  /**
   * The stored record of every actor that fits, by reads alone; one that changes meanwhile may come twice, none is left out.
   * @throws no_answer, no_connection where a page takes longer than the timeout
   */
  records(filter: { readonly type?: string }, limits?: Limits): AsyncIterable<StateChange>;
  /**
   * The stored turns of an actor that lie behind a position in the history, oldest first; ends with the last one. A turn arrives there
   * a moment after its record. @throws no_answer, no_connection after `outageMs`, not_provisioned
   */
  turns(address: Address, after: number, signal?: AbortSignal): AsyncIterable<StoredTurn>;
  /** A subject for one answer. `heard` is called at most once, `forget` ends the waiting. */
  expect(heard: (body: Uint8Array) => void): { readonly subject: string; forget(): void };
  /**
   * A request to whichever host answers first, asked again where nobody heard it, and where the verb changes nothing.
   * @throws the code in the answer, no_host, no_connection, no_answer
   */
  ask(verb: string, body: Uint8Array, limits?: Limits): Promise<Uint8Array>;
  /** Every dead letter that fits, oldest first. */
  deadLetters(filter: { readonly type?: string; readonly id?: string }, limits?: Limits): AsyncIterable<StoredDeadLetter>;
  /** Removes one; `false` where it was not there. Only hosts have the right. */
  discard(address: Address, name: string): Promise<boolean>;
  close(): Promise<void>;
}

/** One state as the stream has it; `bytes` is undefined where the server removed it after its retention. */
export interface StateChange {
  readonly address: Address;
  readonly bytes: Uint8Array | undefined;
}

/** What one turn did, as the history has it; `sequence` is its position there. */
export interface StoredTurn {
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** An envelope that no actor could take, as it is stored. */
export interface StoredDeadLetter {
  readonly address: Address;
  readonly name: string;
  readonly body: Uint8Array;
  /** Epoch ms. */
  readonly at: number;
  header(name: string): string;
}
