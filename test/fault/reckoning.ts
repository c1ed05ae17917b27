import { topState } from "../../src/core/record.ts";
import type { Line, Policy, StoredRecord } from "../sim/history.ts";
import type { Promised } from "./load.ts";
import type { Seen } from "./recorder.ts";

/** What a long run comes to. `breaches`: everything that broke a promise, in words; empty is the aim. */
export interface Reckoning {
  readonly submitted: number;
  /** Of those, how many came to an end: `parked` ones wait for a person, which is the end that their policy asks for. */
  readonly finished: number;
  readonly byEnd: Readonly<Record<string, number>>;
  /** Accepted, and without an end. */
  readonly lost: number;
  /** Actors that ended twice, and attempts that may not be repeated and were. */
  readonly duplicates: number;
  /** Turns stored twice, left out, or after the end of their actor. */
  readonly doubleTransitions: number;
  /** All actors that were stored, children included. */
  readonly actors: number;
  readonly turns: number;
  readonly attempts: number;
  /** Attempts of `rerun` beyond the first that crashes cost. */
  readonly takeOvers: number;
  /** The longest time in which nobody's end was stored although somebody was open. */
  readonly longestPauseMs: number;
  readonly breaches: readonly string[];
}

/** How an actor is, in a word of the load's: a state, or `parked`. Undefined while it goes on. */
export function endOf(record: StoredRecord): string | undefined {
  if (record.parked !== undefined) return "parked";
  return record.status === "active" ? undefined : topState(record.value as never);
}

export function reckon(parts: {
  readonly lines: readonly Line[];
  readonly newest: ReadonlyMap<string, Seen>;
  readonly promised: readonly Promised[];
  readonly kept: (type: string) => boolean;
}): Reckoning {
  const breaches: string[] = [];
  const byEnd: Record<string, number> = {};
  let lost = 0;
  for (const { actor, states, heard } of parts.promised) {
    const seen = parts.newest.get(actor);
    const end = seen === undefined ? undefined : endOf(seen.record);
    if (end === undefined || seen === undefined) {
      lost++;
      breaches.push(`${actor} was accepted and ${seen === undefined ? "has no record" : `is ${JSON.stringify(seen.record.value)}`}`);
      continue;
    }
    byEnd[end] = (byEnd[end] ?? 0) + 1;
    if (!states.includes(end)) breaches.push(`${actor} ended as ${end}, not ${states.join(" or ")}`);
    const told = (seen.record.context as { readonly heard?: readonly string[] } | undefined)?.heard;
    if (heard !== undefined && told?.toSorted().join() !== heard.toSorted().join())
      breaches.push(`${actor} heard ${told?.join(" ") ?? "nothing"}, not ${heard.join(" ")}`);
  }
  const orphans = [...parts.newest].filter(([, { record }]) => record.parent !== undefined && endOf(record) === undefined);
  breaches.push(...orphans.map(([actor]) => `${actor} goes on although whoever began it has ended or is lost`));
  const chains = brokenChains(parts.lines, parts.kept);
  const repeated = repetitions(parts.lines);
  return {
    submitted: parts.promised.length,
    finished: parts.promised.length - lost,
    byEnd,
    lost,
    duplicates: repeated.length,
    doubleTransitions: chains.broken.length,
    actors: parts.newest.size,
    turns: chains.turns,
    attempts: parts.lines.reduce((count, { kind }) => (kind === "begun" ? count + 1 : count), 0),
    takeOvers: takeOvers(parts.lines),
    longestPauseMs: longestPause(parts.promised, parts.newest),
    breaches: [...breaches, ...chains.broken, ...repeated],
  };
}

/** Turns of one actor have the revisions 1, 2, 3, …, each once, each under the fence of its time, and none after its end. */
function brokenChains(
  lines: readonly Line[],
  kept: (type: string) => boolean,
): { readonly turns: number; readonly broken: readonly string[] } {
  const last = new Map<string, StoredRecord>();
  const broken: string[] = [];
  let turns = 0;
  for (const line of lines) {
    if (line.kind !== "stored") continue;
    for (const write of line.writes) {
      if (write.kind === "turn") turns++;
      if (write.kind !== "record") continue;
      const { actor, record } = write;
      const before = last.get(actor);
      // The record itself, behind the turn that made it.
      if (before !== undefined && before.revision === record.revision && before.epoch === record.epoch) continue;
      last.set(actor, record);
      const follows = `${actor}: revision ${record.revision} (epoch ${record.epoch}) came after ${before?.revision ?? 0} (epoch ${before?.epoch ?? 0})`;
      if (before === undefined ? record.revision !== 1 && kept(actor.split("/")[0] as string) : record.revision <= before.revision)
        broken.push(follows);
      else if (before !== undefined && kept(actor.split("/")[0] as string) && record.revision !== before.revision + 1) broken.push(follows);
      if (before !== undefined && record.epoch < before.epoch) broken.push(follows);
      if (before !== undefined && before.status !== "active" && before.outbox === undefined) broken.push(`${actor} changed after its end`);
    }
  }
  return { turns, broken };
}

/** Attempts that a crash may not repeat, begun twice. */
function repetitions(lines: readonly Line[]): readonly string[] {
  const begun = new Map<string, number>();
  for (const line of lines) {
    if (line.kind !== "begun" || line.policy === ("rerun" satisfies Policy)) continue;
    const attempt = `${line.actor} attempt ${line.attempt}`;
    begun.set(attempt, (begun.get(attempt) ?? 0) + 1);
  }
  return [...begun].flatMap(([attempt, count]) => (count > 1 ? [`${attempt} may run once and ran ${count} times`] : []));
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
