import { formatAddress, type Address, type StartLane } from "../core/address.ts";
import type { OwnerWord, WorkerWord } from "../core/worker-talk.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Letter } from "../ports/store.ts";
import type { Notice } from "../ports/work.ts";

/** Work as the simulated server has it. */
export interface QueuedWork extends Address {
  readonly sequence: number;
  readonly lane: StartLane;
  readonly letter: Letter;
}

/** What was said to the owner of a partition, and how its answer goes back. */
export interface Said {
  readonly address: Address;
  readonly word: WorkerWord;
  readonly answer: ((word: OwnerWord) => void) | undefined;
}

/** What is fetched and not acknowledged comes again after so long. */
const ACK_WAIT_MS = 10_000;

/**
 * The work queues of the simulated server, and what goes between owners and workers without being stored.
 *
 * Owns: the queues, and who listens. Calls in: the ledger (`add`), the work adapters.
 * W1. What is in hand is nobody else's until it is given back, or was not acknowledged for too long.
 */
export class WorkFloor {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, QueuedWork[]>();
  readonly #inHand = new Map<number, { readonly work: QueuedWork; readonly again: Alarm }>();
  readonly #owners = new Map<number, Set<(said: Said) => void>>();
  readonly #inboxes = new Map<string, (word: OwnerWord & { readonly token: string }) => void>();
  readonly hosts = new Set<(notice: Notice) => void>();
  #tokens = 0;
  #sequence = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  newName(kind: string): string {
    return `${kind}-${++this.#tokens}`;
  }

  /** Everything that waits or is in hand, as `lane type/id`. */
  get places(): readonly string[] {
    return this.#all.map((work) => `${work.lane} ${formatAddress(work)}`);
  }

  find(lane: StartLane, { type, id }: Address): QueuedWork | undefined {
    return this.#all.findLast((work) => work.lane === lane && work.type === type && work.id === id);
  }

  get #all(): readonly QueuedWork[] {
    return [...[...this.#waiting.values()].flat(), ...Array.from(this.#inHand.values(), ({ work }) => work)];
  }

  add(lane: StartLane, { type, id }: Address, letter: Letter): void {
    this.#queue(lane, type).push({ sequence: ++this.#sequence, lane, type, id, letter });
  }

  fetch(lane: StartLane, type: string, count: number): readonly QueuedWork[] {
    const fetched = this.#queue(lane, type).splice(0, count);
    for (const work of fetched) {
      const again = this.#clock.after(ACK_WAIT_MS, () => this.giveBack(work.sequence));
      this.#inHand.set(work.sequence, { work, again });
    }
    return fetched;
  }

  acknowledge(sequence: number): void {
    this.#inHand.get(sequence)?.again.cancel();
    this.#inHand.delete(sequence);
  }

  giveBack(sequence: number): void {
    const work = this.#inHand.get(sequence)?.work;
    this.acknowledge(sequence);
    if (work === undefined) return;
    const queue = this.#queue(work.lane, work.type);
    queue.push(work);
    queue.sort((one, other) => one.sequence - other.sequence);
  }

  withdraw(lane: StartLane, { type, id }: Address): void {
    this.#waiting.set(
      `${lane} ${type}`,
      this.#queue(lane, type).filter((work) => work.id !== id),
    );
    for (const { work } of this.#inHand.values())
      if (work.lane === lane && work.type === type && work.id === id) this.acknowledge(work.sequence);
  }

  attend(partition: number, heard: (said: Said) => void): () => void {
    const attending = this.#owners.get(partition) ?? new Set();
    this.#owners.set(partition, attending.add(heard));
    return () => attending.delete(heard);
  }

  /** `false`: nobody attends. */
  say(partition: number, said: Said): boolean {
    const attending = this.#owners.get(partition) ?? new Set();
    for (const heard of attending) heard(said);
    return attending.size > 0;
  }

  listen(subject: string, told: (word: OwnerWord & { readonly token: string }) => void): () => void {
    this.#inboxes.set(subject, told);
    return () => this.#inboxes.delete(subject);
  }

  push(subject: string, word: OwnerWord & { readonly token: string }): void {
    this.#inboxes.get(subject)?.(word);
  }

  #queue(lane: StartLane, type: string): QueuedWork[] {
    const key = `${lane} ${type}`;
    const queue = this.#waiting.get(key) ?? [];
    this.#waiting.set(key, queue);
    return queue;
  }
}
