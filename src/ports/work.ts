import type { Address, StartLane } from "../core/address.ts";
import type { OwnerWord, WorkerWord } from "../core/worker-talk.ts";

/**
 * Work that is offered to whoever can run it. Offering is a write of the store's (`work`), in the commit of the turn that asked for it;
 * this port is the rest: taking it, what worker and owner say to each other meanwhile, and bringing the result.
 *
 *   owner: commit(work) ─► announce ──────────────────────────────────────────► hear: worker
 *   owner ◄─ attend ── take ── ask, tell: worker ◄── fetch ◄── the queue of the lane and type
 *   owner ◄─ its mailbox ◄── report: worker
 *
 * The owner is the arbiter: a worker begins only when the owner has said `go`. So it does no harm that work is delivered twice, or late.
 * Adapters: memory, nats. Contract: test/contract/work.ts.
 */
export interface Work {
  /** A name for one attempt that nobody can guess. */
  newToken(): string;
  /** Where an owner hears of an actor's attempts: goes with the work as text. */
  ownerOf(partition: number, address: Address): string;

  /** Owner: hears every worker that talks of an attempt of the partition's actors. Of two that attend both hear. */
  attend(partition: number, heard: (call: WorkerCall) => void): Listening;
  /** Owner: says something to a worker on the subject that it named. At most once. */
  push(subject: string, word: OwnerWord & { readonly token: string }): void;
  /** Owner: what waits for this actor is wanted no more. At most once; whoever takes it all the same is told to stop. */
  withdraw(lane: StartLane, address: Address): void;

  /**
   * Owner: what was offered, whether it waits still or somebody has it in hand; undefined where it is gone. Acknowledged, it is withdrawn.
   * @throws no_answer, no_connection
   */
  find(lane: StartLane, address: Address): Promise<WorkItem | undefined>;

  /** Tells every host; at most once, and this host too. */
  announce(notice: Notice): void;
  hear(heard: (notice: Notice) => void): Listening;

  /**
   * Worker: up to `count` of what waits in one lane for one type, oldest first. What is neither acknowledged nor given back comes again
   * after a while, to anybody. @throws no_answer, no_connection
   */
  fetch(lane: StartLane, type: string, count: number): Promise<readonly WorkItem[]>;
  /** Worker: undefined where no answer came in time, or nobody attends. */
  ask(owner: string, word: WorkerWord): Promise<OwnerWord | undefined>;
  /** Worker: the same without an answer, at most once. */
  tell(owner: string, word: WorkerWord): void;
  /** Worker: a subject for `push`, and what comes there. */
  listen(told: (word: OwnerWord & { readonly token: string }) => void): Listening & { readonly subject: string };
  /**
   * Worker: puts a result into the actor's mailbox. Resolves once it is stored; with the same `messageId` it is stored once.
   * @throws in_full, too_large, no_answer, no_connection
   */
  report(to: Address, messageId: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void>;
}

export interface Listening {
  close(): void;
}

/** What a worker said, and the way to answer; once, or never. */
export interface WorkerCall {
  readonly address: Address;
  readonly word: WorkerWord;
  answer(word: OwnerWord): void;
}

/** Offered work as it was fetched. Made by adapters. */
export interface WorkItem extends Address {
  readonly lane: StartLane;
  readonly body: Uint8Array;
  /** A header's value, or "" where it is absent. */
  header(name: string): string;
  /** It is in hand, or wanted by nobody: it comes no more. At most once; lost, it comes again and its owner says what to do. */
  acknowledge(): void;
  /** Somebody else may have it now. */
  giveBack(): void;
}

/** What hosts tell each other. `slots`: attempts that could begin there now. `offers`: something waits in each of these queues. */
export type Notice =
  | { readonly kind: "slots"; readonly host: string; readonly free: number; readonly labels: readonly string[] }
  | { readonly kind: "offers"; readonly host: string; readonly queues: readonly QueueName[] };

export interface QueueName {
  readonly lane: StartLane;
  readonly type: string;
}
