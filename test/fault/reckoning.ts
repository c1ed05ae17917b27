import { topState } from "../../src/core/record.ts";
import type { Breach } from "../sim/checker.ts";
import type { Line, StoredRecord } from "../sim/history.ts";
import type { Promised } from "./load.ts";
import type { Seen } from "./recorder.ts";

/** What a long run comes to, in numbers. */
export interface Reckoning {
  readonly submitted: number;
  /** Of those, how many came to an end. That of a task that was parked because its host died is to wait for a person. */
  readonly finished: number;
  readonly byEnd: Readonly<Record<string, number>>;
  /** Accepted, and without an end. */
  readonly lost: number;
  /** Actors that ended more than once, and attempts that may not be repeated and were. */
  readonly duplicates: number;
  /** What does not follow from what was stored before: a turn or a record twice, left out, of a replaced owner, after the end. */
  readonly doubleTransitions: number;
  /** All actors that were stored, children included. */
  readonly actors: number;
  readonly turns: number;
  readonly attempts: number;
  /** Of partitions, from one host to another, hand-overs included. */
  readonly takeOvers: number;
  /** The longest time in which nobody's end was stored although somebody was open. */
  readonly longestPauseMs: number;
}

/** How an actor has ended: its state, or `parked`. Undefined while it goes on. */
export function endOf(record: StoredRecord): string | undefined {
  if (record.parked !== undefined) return "parked";
  return record.status === "active" ? undefined : topState(record.value as never);
}

export function reckon(
  lines: readonly Line[],
  {
    promised,
    newest,
    breaches,
  }: { readonly promised: readonly Promised[]; readonly newest: ReadonlyMap<string, Seen>; readonly breaches: readonly Breach[] },
): Reckoning {
  const byEnd: Record<string, number> = {};
  let finished = 0;
  for (const { actor } of promised) {
    const seen = newest.get(actor);
    const end = seen && endOf(seen.record);
    if (end === undefined) continue;
    finished++;
    byEnd[end] = (byEnd[end] ?? 0) + 1;
  }
  const broken = (...laws: readonly Breach["law"][]): number => breaches.filter(({ law }) => laws.includes(law)).length;
  return {
    submitted: promised.length,
    finished,
    byEnd,
    lost: promised.length - finished,
    // `one-end` also counts who never ended, which is lost.
    duplicates: broken("at-most-once") + breaches.filter(({ law, message }) => law === "one-end" && message.includes(" times: ")).length,
    doubleTransitions: broken("chain", "fence", "mark"),
    actors: newest.size,
    turns: lines.reduce(
      (count, line) => count + (line.kind === "stored" ? line.writes.filter(({ kind }) => kind === "turn").length : 0),
      0,
    ),
    attempts: lines.reduce((count, { kind }) => (kind === "begun" ? count + 1 : count), 0),
    takeOvers: takeOvers(lines),
    longestPauseMs: longestPause(promised, newest),
  };
}

function takeOvers(lines: readonly Line[]): number {
  const owners = new Map<number, string>();
  let count = 0;
  for (const line of lines) {
    if (line.kind !== "owned" || line.host === null) continue;
    const before = owners.get(line.partition);
    if (before !== undefined && before !== line.host) count++;
    owners.set(line.partition, line.host);
  }
  return count;
}

function longestPause(promised: readonly Promised[], newest: ReadonlyMap<string, Seen>): number {
  const ends = promised.flatMap(({ actor, at }) => {
    const seen = newest.get(actor);
    return seen === undefined ? [] : [{ from: at, at: seen.at }];
  });
  ends.sort((a, b) => a.at - b.at);
  let longest = 0;
  let before: number | undefined;
  for (const { from, at } of ends) {
    // Somebody who was open when the last one ended, or was accepted since.
    if (before !== undefined) longest = Math.max(longest, at - Math.max(before, from));
    before = at;
  }
  return Math.round(longest);
}
