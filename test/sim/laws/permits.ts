import type { Law } from "../checker.ts";
import type { Line, StoredRecord } from "../history.ts";
import { hasEnded, stateOf } from "./stock.ts";

type Limited = Extract<Line, { kind: "limited" }>;

/** What limits say: how many attempts of a type are stored as working, and how many permits are out; and in the end, nobody's. */
export function permits(): Law {
  const limited = new Map<string, Limited>();
  /** Keys of those that work, by actor. */
  const working = new Map<string, string>();
  const out = new Set<string>();
  return {
    *line(line) {
      if (line.kind === "limited") limited.set(line.type, line);
      if (line.kind !== "stored") return;
      const touched = new Set<Limited>();
      for (const write of line.writes) {
        const limits = limited.get(typeOf("actor" in write ? write.actor : ""));
        if (limits === undefined) continue;
        touched.add(limits);
        if (write.kind === "record") {
          if (isWorking(write.record)) working.set(write.actor, write.record.permit?.key ?? "");
          else working.delete(write.actor);
        } else if (write.kind === "ticket" && write.stand === "permit") out.add(`${write.actor} ${write.name}`);
        else if (write.kind === "cancelTicket" && write.stand === "permit") out.delete(`${write.actor} ${write.name}`);
      }
      for (const limits of touched) yield* exceeded(limits, working, out);
    },
    *end({ rest, records }) {
      for (const { actor, stand } of rest?.tickets ?? []) {
        const record = records.get(actor);
        if (record === undefined || hasEnded(record))
          yield `a ${stand} of ${actor} is left, and that ${record === undefined ? "is not there" : "has ended"}`;
        else if (record.permit?.stance !== (stand === "wait" ? "waits" : "has"))
          yield `a ${stand} of ${actor} is left that it does not know`;
      }
    },
  };
}

function* exceeded({ type, atOnce, perKey }: Limited, working: ReadonlyMap<string, string>, out: ReadonlySet<string>): Iterable<string> {
  const isOfType = (actor: string): boolean => typeOf(actor) === type;
  const keys = [...working].flatMap(([actor, key]) => (isOfType(actor) ? [key] : []));
  if (keys.length > atOnce) yield `${keys.length} of ${type} work at once; ${atOnce} is the most`;
  const permitsOut = [...out].filter(isOfType).length;
  if (permitsOut > atOnce) yield `${permitsOut} permits of ${type} are out; ${atOnce} is the most`;
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const [key, count] of counts)
    if (count > (perKey ?? Infinity)) yield `${count} of ${type} work at once for "${key}"; ${perKey} is the most`;
}

function typeOf(actor: string): string {
  return actor.slice(0, actor.indexOf("/"));
}

/** One that was set aside after a crash works at nothing, nor one that waits for its permit to go on after that. */
function isWorking(record: StoredRecord): boolean {
  if (hasEnded(record) || !/^doing\b/.test(stateOf(record))) return false;
  return record.parked?.reason !== "crashed" && record.permit?.stance !== "waits";
}
