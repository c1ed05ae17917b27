import { decodeRecord } from "../../src/core/codec.ts";
import { formatAddress, parseAddress, type Address } from "../../src/core/address.ts";
import { attemptOf, type Outcome } from "../../src/core/lifecycle.ts";
import { partitionOf } from "../../src/core/placement.ts";
import type { ActorEvent } from "../../src/core/envelope.ts";
import { asRecord, formatState, isEnded, type ActorRecord, type Refusal } from "../../src/core/record.ts";
import type { World } from "../../src/memory/world.ts";

/**
 * What holds whatever happens; looked at whenever a record changes or an answer arrives.
 * L1. A record is written under the fence that holds.
 * L2. Revision, generation, epoch and marks of an actor never go back, and nothing changes after its end (but that its mail leaves and
 *     that it owes no more what has been done): no fork, no second end. A child of a parent whose id is used again begins anew in the place of one that has ended.
 * L3. An answer leaves after the record that it tells of is stored.
 * L4 (by process.ts). Work that a crash may not repeat runs only once its `doing` is stored, and at most once per attempt.
 * L5 (by process.ts). Nothing begins under the fence that holds once the end of its actor is stored. (Work that may be repeated may
 *     still begin in a host that has been replaced and does not know yet.)
 */
export class Laws {
  readonly broken: string[] = [];
  /** How each actor ended, in the order in which ends were stored: never more than one. */
  readonly ends = new Map<string, string[]>();
  readonly #world: World;
  readonly #last = new Map<string, ActorRecord>();
  readonly #begun = new Set<string>();
  /** Answers to asks that were ever stored. Those of custom actions are not: their action is. */
  readonly #answers = new Set<string>();

  constructor(world: World) {
    this.#world = world;
    world.watch(({ address, bytes }) => this.#changed(address, bytes));
    world.onOutgoing((outgoing) => {
      if (outgoing.kind !== "reply") return;
      const text = Buffer.from(outgoing.body).toString();
      const said = JSON.parse(text) as Outcome | ActorEvent | Refusal;
      if ("attempt" in said) this.#replied(said as Outcome);
      else if (!("error" in said) && !this.#answers.has(`${outgoing.to} ${text}`))
        this.breach(`${outgoing.to} was answered before that was stored: ${text}`);
    });
  }

  /** Whether it was ever stored that this attempt is being made. */
  hasBegun(key: string, attempt: number): boolean {
    return this.#begun.has(`${key} ${attempt}`);
  }

  /** Whether its end is stored, as far as the host with this fence can tell. */
  hasEnded(key: string, fence: number): boolean {
    const record = this.#last.get(key);
    const { type, id } = parseAddress(key);
    if (record === undefined || !isEnded(record)) return false;
    // In the same instant the end may have overtaken the beginning: user code begins some promise reactions later.
    return record.updatedAt < this.#world.clock.now() && this.#world.owner(partitionOf(type, id, this.#world.partitions)).fence === fence;
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
    for (const { to, answer } of record.replies ?? []) this.#answers.add(`${to} ${JSON.stringify(answer)}`);
    const { fence } = this.#world.owner(partitionOf(address.type, address.id, this.#world.partitions));
    if (record.epoch !== fence) this.breach(`${key} was written under ${record.epoch}, the fence is ${fence}`);
    if (isEnded(record) && !(before !== undefined && isEnded(before)))
      this.ends.set(key, [...(this.ends.get(key) ?? []), formatState(record.value)]);
    if (before === undefined || isNextLife(before, record)) return;
    if (isEnded(before) && before.outbox === undefined && (before.owed?.length ?? 0) <= (record.owed?.length ?? 0))
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

function isNextLife(before: ActorRecord, record: ActorRecord): boolean {
  return isEnded(before) && record.parent !== undefined && record.parent.since !== before.parent?.since;
}
