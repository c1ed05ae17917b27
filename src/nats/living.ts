import type { Member, Sign } from "../ports/leases.ts";
import { isMarker, NATS_HEADERS, type Names } from "./names.ts";
import { readJson } from "./pub-ack.ts";
import { lifeMs, storedAt } from "./standing.ts";
import type { Stored } from "./stored.ts";

/** What lies under a host's key. A host that answers pings and is not there to answer one has gone, whatever its last sign says. */
export interface StoredSign extends Sign {
  readonly at: number;
  readonly answersPings: boolean;
  /** The sequence of its first sign; of the first itself, its own. */
  readonly since: number;
}

/** A sign that has outlived its time to live so many times over is one that this copy will not forget. */
const LIVES = 2;

/**
 * Who lives, by what a copy of the hosts' stream holds, in the order of their coming.
 *
 * That may be one that has run out (standing.ts); of 216 hand-overs 166 were to the dead, and back. So a sign counts by when it was stored
 * as well. Only times of the server are compared, with each other: the newest sign there was stored just now, by whoever looks if by
 * nobody else.
 *
 * @param ttlMs of a sign that was stored without a time to live of its own
 */
export function livingAmong(found: readonly Stored[], names: Names, ttlMs: number): readonly Member[] {
  const newest = Math.max(...found.map(storedAt));
  return found
    .filter((stored) => !hasRunOut(stored, newest, ttlMs))
    .flatMap((stored) => memberOf(stored, stored.subject.slice(names.hostKey("").length)) ?? [])
    .toSorted((one, other) => one.since - other.since);
}

function hasRunOut(stored: Stored, now: number, ttlMs: number): boolean {
  return now - storedAt(stored) > LIVES * (lifeMs(stored) ?? ttlMs);
}

export function isGoodbye(stored: Stored): boolean {
  return stored.header(NATS_HEADERS.keyOperation) !== "";
}

/** Of an older release's sign only the time may be there. */
function memberOf(stored: Stored, host: string): Member | undefined {
  if (isGoodbye(stored) || isMarker(stored.header)) return undefined;
  const sign = readJson<StoredSign>(stored.body);
  if (sign === undefined) return undefined;
  const { phase = "active", protocol = 1, release = "", types = {}, labels = [], slots = 0, at = 0, since = stored.sequence } = sign;
  return { host, phase, protocol, release, types, labels, slots, at, since };
}
