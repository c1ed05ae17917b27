import type { Law } from "../checker.ts";
import type { Line, StoredRecord } from "../history.ts";
import { attemptsOf, hasEnded, heardBy, stateOf, type Stock } from "./stock.ts";

/** Laws of what was seen outside: work, actions, answers. */

export function committedFirst(): Law {
  const owed = new Set<string>();
  const replies = new Set<string>();
  const heard = new Set<string>();
  const attempts = new Set<string>();
  const remember = (actor: string, record: StoredRecord): void => {
    for (const { key } of record.owed ?? []) owed.add(key);
    for (const { to } of record.replies ?? []) replies.add(to);
    for (const name of heardBy(record)) heard.add(`${actor} ${name}`);
    for (const attempt of attemptsOf(record)) attempts.add(`${actor} ${attempt}`);
  };
  return {
    *line(line, stock) {
      switch (line.kind) {
        case "stored":
          for (const write of line.writes) if (write.kind === "record") remember(write.actor, write.record);
          return;
        case "effect":
          if (!owed.has(line.key)) yield `an action of ${line.actor} ran whose turn was never stored: ${line.key}`;
          return;
        case "emitted":
          if (!heard.has(`${line.actor} ${line.heard}`))
            yield `${line.actor} emitted an event on ${line.heard}, a turn that was never stored`;
          return;
        case "answered":
          if (!replies.has(line.to)) yield `${line.to} was answered before that was stored`;
          return;
        case "begun":
          if (line.policy !== "rerun" && !attempts.has(`${line.actor} ${line.attempt}`))
            yield `attempt ${line.attempt} of ${line.actor} (${line.policy}) began before that was stored`;
          return;
        case "outcome":
          yield* toldTooEarly(line, stock);
      }
    },
  };
}

function* toldTooEarly({ actor, state, early }: Extract<Line, { kind: "outcome" }>, { records, dead, expired }: Stock): Iterable<string> {
  const record = records.get(actor);
  if (dead.has(actor) || expired.has(actor)) return;
  if (record === undefined) yield `the outcome of ${actor} was told, ${state}, while nothing of it was stored`;
  else if (early !== true && (!hasEnded(record) || !isTold(record, state)))
    yield `the outcome of ${actor} was told, ${state}, while it was stored as ${stateOf(record)}`;
}

/** Tasks tell their state; actors are done or have failed. */
function isTold(record: StoredRecord, state: string): boolean {
  return stateOf(record) === state || (record.status === "done" ? "done" : "failed") === state;
}

interface Attempt {
  readonly attempt: number;
  readonly host: string;
  how: string;
}

export function atMostOnce(): Law {
  const runs = new Map<string, Attempt[]>();
  /** Whom a person told something: it may be that what is parked is to be tried again. */
  const forgiven = new Set<string>();
  return {
    *line(line) {
      if (line.kind === "expired") runs.delete(line.actor);
      if (line.kind === "accepted" && line.source === "in.event") forgiven.add(line.actor);
      if (line.kind === "ended") {
        const run = runs.get(line.actor)?.find(({ attempt, host }) => attempt === line.attempt && host === line.host);
        if (run !== undefined) run.how = line.how;
      }
      if (line.kind !== "begun" || line.policy === "rerun") return;
      const { actor, attempt, host, policy } = line;
      const before = runs.get(actor) ?? [];
      runs.set(actor, [...before, { attempt, host, how: "running" }]);
      if (before.some((other) => other.attempt === attempt)) yield `${actor} (${policy}) ran attempt ${attempt} twice`;
      const open = before.find(({ how }) => how !== "threw" && how !== "aborted");
      if (open !== undefined && !(policy === "park" && forgiven.has(actor)))
        yield `${actor} (${policy}) ran attempt ${attempt} although attempt ${open.attempt} had not failed: it was ${open.how}`;
    },
  };
}

export function attempts(): Law {
  const newest = new Map<string, number>();
  return {
    *line(line) {
      // An id that is free again is another task's.
      if (line.kind === "expired") for (const key of newest.keys()) if (key.startsWith(`${line.actor} `)) newest.delete(key);
      if (line.kind !== "begun" || line.activity !== undefined) return;
      const { actor, host, epoch, attempt } = line;
      const key = `${actor} ${host} ${epoch}`;
      const before = newest.get(key) ?? 0;
      newest.set(key, attempt);
      if (attempt <= before) yield `${actor} ran attempt ${attempt} after attempt ${before}, both on ${host} under ${epoch}`;
    },
  };
}

export function limit(): Law {
  const most = new Map<string, number>();
  const running = new Map<string, number>();
  return {
    *line(line) {
      if (line.kind === "limit") most.set(line.host, line.most);
      else if (line.kind === "begun") {
        const count = (running.get(line.host) ?? 0) + 1;
        running.set(line.host, count);
        const allowed = most.get(line.host) ?? Infinity;
        if (count > allowed) yield `${line.host} ran ${count} at once; ${allowed} is the most`;
      } else if (line.kind === "ended") running.set(line.host, (running.get(line.host) ?? 0) - 1);
    },
  };
}
