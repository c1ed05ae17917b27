import type { Law } from "../checker.ts";
import type { StoredRecord } from "../history.ts";
import { hasEnded, heardBy, stateOf, type Stock } from "./stock.ts";

/** Laws of how things are in the end, and of what actors know by then. */

/** A clock may be wrong by that much, and a schedule comes a little late. */
const GRACE_MS = 20_000;

export function generation(): Law {
  const told = new Set<string>();
  return {
    *line(line) {
      if (line.kind !== "stored") return;
      for (const write of line.writes) {
        if (write.kind !== "record") continue;
        const late = heardBy(write.record).find((name) => name.startsWith("late "));
        if (late === undefined || told.has(write.actor)) continue;
        told.add(write.actor);
        yield `${write.actor} heard of what it had left: ${late.slice(5)}`;
      }
    },
  };
}

export function heard(): Law {
  const promised = new Map<string, string[]>();
  return {
    line(line) {
      if (line.kind === "promised" && line.heard !== undefined) promised.set(line.actor, [...(promised.get(line.actor) ?? []), line.heard]);
      return undefined;
    },
    *end({ records, expected }) {
      for (const [actor, record] of records) yield* numbered(actor, heardBy(record));
      for (const [actor, { heard: all }] of expected) {
        const record = records.get(actor);
        if (record === undefined) continue;
        const missing = (all ?? []).filter((name) => !heardBy(record).includes(name));
        if (missing.length > 0) yield `${actor} never heard ${missing.join(", ")}`;
      }
      for (const [actor, names] of promised) {
        const record = records.get(actor);
        // Whoever has ended hears no more.
        if (record === undefined || hasEnded(record)) continue;
        for (const name of names) if (!heardBy(record).includes(name)) yield `${actor} never heard ${name}, which was accepted`;
      }
    },
  };
}

/** Every sender's numbers rise by one, from the first that was there to be heard. */
function* numbered(actor: string, names: readonly string[]): Iterable<string> {
  const counts = new Map<string, number>();
  for (const name of names) {
    const [sender = "", number] = name.split("#");
    if (number === undefined) continue;
    const next = counts.get(sender) ?? Number(number);
    if (Number(number) !== next) {
      yield `${actor} heard ${name} where ${sender}#${next} was due: ${names.join(" ")}`;
      return;
    }
    counts.set(sender, next + 1);
  }
}

export function orphan(): Law {
  return {
    *end({ records }) {
      for (const [actor, record] of records) {
        if (hasEnded(record)) continue;
        yield* abandoned(actor, record, records);
        yield* bereft(actor, record, records);
      }
    },
  };
}

function* abandoned(actor: string, { parent }: StoredRecord, records: Stock["records"]): Iterable<string> {
  if (parent === undefined) return;
  const key = `${parent.type}/${parent.id}`;
  const above = records.get(key);
  if (above === undefined || hasEnded(above)) yield `${actor} lives and its parent ${key} does not`;
  else if (above.children !== undefined) {
    const isKnown = Object.values(above.children).some((child) => `${child.type}/${child.id}` === actor);
    if (!isKnown) yield `${actor} lives and its parent ${key} does not know it`;
  }
}

function* bereft(actor: string, { children = {}, ended = [] }: StoredRecord, records: Stock["records"]): Iterable<string> {
  for (const [name, { type, id, generation: number, dueAt }] of Object.entries(children)) {
    if (ended.includes(number) || dueAt !== undefined) continue;
    const child = records.get(`${type}/${id}`);
    if (child === undefined || hasEnded(child))
      yield `${actor} waits for its child ${name}, and ${type}/${id} ${child === undefined ? "is not there" : "has ended"}`;
  }
}

export function timer(): Law {
  return {
    *end({ records, rest }, lastAt) {
      for (const [actor, record] of records) {
        if (hasEnded(record) || record.parked !== undefined) continue;
        for (const [name, { dueAt, keeper }] of Object.entries(record.timers))
          if (dueAt < lastAt - GRACE_MS) yield `the timer ${name} of ${actor} (kept by the ${keeper}) was due ${lastAt - dueAt} ms ago`;
      }
      for (const { actor, timer: name } of rest?.timers ?? []) {
        const record = records.get(actor);
        if (record === undefined || hasEnded(record))
          yield `the timer ${name} is set, and ${actor} ${record === undefined ? "is not there" : "has ended"}`;
        else if (!Object.hasOwn(record.timers, name)) yield `the timer ${name} is set, and ${actor} does not wait for it`;
      }
    },
  };
}

export function settled(): Law {
  let isCalm = false;
  return {
    line(line) {
      if (line.kind === "calm") isCalm = true;
      return undefined;
    },
    *end({ rest, expected, records, expired }) {
      if (!isCalm) return;
      for (const left of rest?.unacknowledged ?? []) {
        const [, source = "", actor = ""] = left.split(" ");
        // A second start whose sender waits for the outcome of one that waits for a person.
        if (source.endsWith(".event") || records.get(actor)?.parked === undefined) yield `unacknowledged: ${left}`;
      }
      for (const [actor, { states }] of expected) {
        const record = records.get(actor);
        // What has expired had ended: how, nobody knows any more.
        if (record === undefined && expired.has(actor)) continue;
        if (record === undefined) yield `${actor} is nowhere`;
        else if (states !== undefined && !states.includes(record.parked === undefined ? stateOf(record) : "parked"))
          yield `${actor} is ${record.parked === undefined ? stateOf(record) : `parked: ${record.parked.reason}`}, not ${states.join(" or ")}`;
      }
    },
  };
}
