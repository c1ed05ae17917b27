import type { Address, Lane } from "../core/address.ts";
import type { Clock } from "./clock.ts";

/**
 * The way in and the view from outside, for programs that run no actors. Adapters: memory, nats. Contract: test/contract/gateway.ts.
 */
export interface Gateway {
  /** The most bytes a body may hold. */
  readonly maxBodyBytes: number;
  /** What deadlines and pauses of those outside go by. */
  readonly clock: Clock;
  /** A subject token that nobody else makes. */
  newId(): string;
  /**
   * Told of every wait for what an actor does; the promise to wait for instead. Where time is real that is the same one; where it is
   * virtual, it passes meanwhile, and the wait fails as soon as nothing can happen any more.
   */
  attend<T>(about: Address, wait: Promise<T>): Promise<T>;
  /**
   * Puts one message into a mailbox. Resolves once it is stored; sent again with the same id until it is, or the deadline passes.
   * @throws in_full, too_large, no_answer, no_connection
   */
  send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void>;
  /** The stored record, or undefined. @throws no_answer, no_connection, not_provisioned */
  read(address: Address): Promise<Uint8Array | undefined>;
  /** Whether a start of this actor is on its way and no record of it is stored yet. */
  awaits(address: Address): Promise<boolean>;
  /**
   * The stored record of every actor that fits, then every change of one, in the order of the stream. Ends when `signal` aborts,
   * or where `current` is set after the last stored one. Survives reconnects. Of a single actor, named by type and id, a change that
   * another one followed at once may be left out, the same one may come twice, and the end of its record ends the watch.
   */
  watch(
    filter: { readonly type?: string; readonly id?: string },
    options: { readonly current?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<StateChange>;
  /** The stored record of every actor that fits, by reads alone: for those who may create nothing. @throws no_answer, no_connection */
  records(filter: { readonly type?: string }): AsyncIterable<StateChange>;
  /**
   * The stored turns of an actor that lie behind a position in the history, oldest first; ends with the last one. A turn arrives there
   * a moment after its record. @throws no_answer, no_connection, not_provisioned
   */
  turns(address: Address, after: number): AsyncIterable<StoredTurn>;
  /** A subject for one answer. `heard` is called at most once, `forget` ends the waiting. */
  expect(heard: (body: Uint8Array) => void): { readonly subject: string; forget(): void };
  /** A request to whichever host answers first. @throws the code in the answer, no_host, no_answer */
  ask(verb: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Every dead letter that fits, oldest first. */
  deadLetters(filter: { readonly type?: string; readonly id?: string }): AsyncIterable<StoredDeadLetter>;
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
