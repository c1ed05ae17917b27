import type { Law } from "../checker.ts";
import type { Line, StoredRecord } from "../history.ts";
import { hasEnded, isNextLife, stateOf, type Stock } from "./stock.ts";

/** Laws of what is stored, commit by commit. */

type Stored = Extract<Line, { kind: "stored" }>;

export function fence(): Law {
  return {
    *line(line, { owners }) {
      if (line.kind !== "stored") return;
      for (const write of line.writes) {
        const holds = owners.get(write.partition);
        // Mail may go anywhere; everything else is written by whoever has the partition.
        if (holds === undefined || write.kind === "mail") continue;
        const came = line.fences?.[write.partition];
        if (line.fences !== undefined && came !== holds)
          yield `a ${write.kind} of ${write.actor} was stored under the fence ${came}; partition ${write.partition} has ${holds}`;
        if (write.kind === "record" && write.record.epoch !== holds)
          yield `the record of ${write.actor} was made under the fence ${write.record.epoch} and stored under ${holds}`;
      }
    },
  };
}

export function chain(): Law {
  const turns = new Map<string, number>();
  return {
    *line(line, stock) {
      if (line.kind === "expired") turns.delete(line.actor);
      if (line.kind !== "stored") return;
      for (const write of line.writes)
        if (write.kind === "record") yield* linked(write.actor, stock.records.get(write.actor), write.record);
      yield* turned(line, stock, turns);
    },
  };
}

function* linked(actor: string, before: StoredRecord | undefined, record: StoredRecord): Iterable<string> {
  if (before === undefined || isNextLife(before, record)) return;
  if (record.createdAt !== before.createdAt) yield `${actor} was created twice`;
  if (record.revision <= before.revision) yield `${actor}: revision ${record.revision} was stored after ${before.revision}`;
  for (const field of ["epoch", "generation"] as const)
    if (record[field] < before[field]) yield `${actor}: its ${field} went from ${before[field]} back to ${record[field]}`;
  // What an end still had to send leaves in later commits, and actions that it owes are done.
  const owesLess = (before.owed?.length ?? 0) > (record.owed?.length ?? 0);
  if (hasEnded(before) && before.outbox === undefined && !owesLess)
    yield `${actor} changed after its end: ${stateOf(before)} → ${stateOf(record)}`;
}

/** Types with history leave every turn: none is missing, none is there twice, and the last one is the record's. */
function* turned({ writes }: Stored, { records }: Stock, turns: Map<string, number>): Iterable<string> {
  for (const write of writes) {
    if (write.kind !== "turn") continue;
    const { actor, revision } = write;
    const before = turns.get(actor) ?? 0;
    const own = writes.find((other) => other.kind === "record" && other.actor === actor);
    const record = own?.kind === "record" ? own.record : undefined;
    const was = records.get(actor);
    const isAnew = record !== undefined && was !== undefined && isNextLife(was, record) && revision === 1;
    if (revision !== before + 1 && !isAnew) yield `${actor}: turn ${revision} was stored after turn ${before}`;
    turns.set(actor, revision);
    if (record === undefined) yield `${actor}: turn ${revision} was stored without its record`;
    else if (record.revision < revision) yield `${actor}: turn ${revision} was stored with the record of ${record.revision}`;
  }
}

export function mark(): Law {
  return {
    *line(line, { records }) {
      if (line.kind !== "stored") return;
      for (const write of line.writes) {
        if (write.kind !== "record") continue;
        const before = records.get(write.actor);
        if (before === undefined || isNextLife(before, write.record)) continue;
        for (const [source, sequence] of Object.entries(before.marks)) {
          const now = write.record.marks[source];
          if (now === undefined || now < sequence)
            yield `${write.actor} forgot what it had absorbed of ${source}: ${sequence}, then ${now ?? "nothing"}`;
        }
      }
    },
  };
}

export function oneEnd(): Law {
  const ends = new Map<string, string[]>();
  return {
    *line(line, { records }) {
      // Its id is free again.
      if (line.kind === "expired") ends.delete(line.actor);
      if (line.kind !== "stored") return;
      for (const write of line.writes) {
        if (write.kind !== "record" || !hasEnded(write.record)) continue;
        const before = records.get(write.actor);
        if (before !== undefined && hasEnded(before)) {
          if (isNextLife(before, write.record)) ends.delete(write.actor);
          else if (stateOf(before) === stateOf(write.record)) continue;
        }
        const all = [...(ends.get(write.actor) ?? []), stateOf(write.record)];
        ends.set(write.actor, all);
        if (all.length > 1) yield `${write.actor} ended ${all.length} times: ${all.join(", ")}`;
      }
    },
    *end({ starts, records, dead, expired }) {
      for (const actor of starts) {
        if (ends.has(actor) || dead.has(actor) || expired.has(actor)) continue;
        const record = records.get(actor);
        if (record === undefined) yield `${actor} was accepted and is nowhere`;
        else if (record.parked === undefined) yield `${actor} was accepted and came to no end: it is ${stateOf(record)}`;
      }
    },
  };
}

export function acknowledgedWhenStored(): Law {
  return {
    *line(line, { records, dead, expired }) {
      if (line.kind !== "acknowledged" || line.source.endsWith(".event")) return;
      const { actor, source, sequence, host } = line;
      if (records.has(actor) || dead.has(actor) || expired.has(actor)) return;
      yield `${host} acknowledged the start of ${actor} (${source} ${sequence}), of which nothing is stored`;
    },
  };
}
