import { decodeRecord } from "../../src/core/codec.ts";
import { formatAddress, type Address } from "../../src/core/address.ts";
import { attemptOf, type Outcome } from "../../src/core/lifecycle.ts";
import { partitionOf } from "../../src/core/placement.ts";
import { asRecord, formatState, isEnded, type ActorRecord } from "../../src/core/record.ts";
import type { World } from "../../src/memory/world.ts";

/**
 * What holds whatever happens; looked at whenever a record changes or an answer arrives.
 * L1. A record is written under the fence that holds.
 * L2. Revision, generation, epoch and marks of an actor never go back, and nothing changes after its end (but that its mail leaves):
 *     no fork, no second end.
 * L3. An answer leaves after the record that it tells of is stored.
 * L4 (by process.ts). Work that a crash may not repeat runs only once its `doing` is stored, and at most once per attempt.
 */
export class Laws {
  readonly broken: string[] = [];
  /** How each actor ended, in the order in which ends were stored: never more than one. */
  readonly ends = new Map<string, string[]>();
  readonly #world: World;
  readonly #last = new Map<string, ActorRecord>();
  readonly #begun = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    world.watch(({ address, bytes }) => this.#changed(address, bytes));
    world.onOutgoing((outgoing) => {
      if (outgoing.kind === "reply") this.#replied(JSON.parse(Buffer.from(outgoing.body).toString()) as Outcome);
    });
  }

  /** Whether it was ever stored that this attempt is being made. */
  hasBegun(key: string, attempt: number): boolean {
    return this.#begun.has(`${key} ${attempt}`);
  }

  breach(words: string): void {
    this.broken.push(words);
  }

  #changed(address: Address, bytes: Uint8Array | undefined): void {
    const key = formatAddress(address);
    const before = this.#last.get(key);
    if (bytes === undefined) {
      this.#last.delete(key);
      return;
    }
    const record = asRecord(decodeRecord(bytes));
    this.#last.set(key, record);
    for (const { input, reruns } of Object.values(record.activities)) this.#begun.add(`${key} ${attemptOf(input, reruns)}`);
    const { fence } = this.#world.owner(partitionOf(address.type, address.id, this.#world.partitions));
    if (record.epoch !== fence) this.breach(`${key} was written under ${record.epoch}, the fence is ${fence}`);
    if (isEnded(record) && !(before !== undefined && isEnded(before)))
      this.ends.set(key, [...(this.ends.get(key) ?? []), formatState(record.value)]);
    if (before === undefined) return;
    if (isEnded(before) && before.outbox === undefined)
      this.breach(`${key} changed after its end: ${formatState(before.value)} → ${formatState(record.value)}`);
    if (record.createdAt !== before.createdAt) this.breach(`${key} was created twice`);
    if (record.revision <= before.revision) this.breach(`${key}: revision ${record.revision} came after ${before.revision}`);
    for (const field of ["epoch", "generation"] as const)
      if (record[field] < before[field]) this.breach(`${key}: ${field} went from ${before[field]} to ${record[field]}`);
    for (const [source, mark] of Object.entries(before.marks))
      if ((record.marks[source] ?? 0) < mark) this.breach(`${key}: the mark of ${source} went back`);
  }

  #replied({ type, id, state, acknowledged }: Outcome): void {
    const bytes = this.#world.read({ type, id });
    const told = bytes === undefined ? "nothing" : formatState(asRecord(decodeRecord(bytes)).value);
    const isDead = this.#world.deadLetters.some(({ address }) => address.type === type && address.id === id);
    // A plan goes on after it was acknowledged.
    const isAhead = acknowledged !== undefined && bytes !== undefined;
    if (told !== state && !isDead && !isAhead) this.breach(`${type}/${id} was answered with ${state} while its record says ${told}`);
  }
}
