import { isMarker, NATS_HEADERS } from "./names.ts";
import type { Stored } from "./stored.ts";

/**
 * What of a copy's messages still counts. Where servers are killed, a copy may hold a message for minutes after it has run out and the
 * other copies have removed it: nobody removes by itself what leaves a marker behind (server/filestore.go, `expireMsgs`: the leader
 * proposes it). Seen on 2.15.1 of 10 of 77 hosts' signs of life in nine minutes of test/fault/soak, of one for 282 s.
 */

/** By so much the clocks of two servers may differ that led the stream one after the other. */
const CLOCKS_DIFFER_MS = 60_000;

/** Takes out markers, and what has run out. @param now the server's time of day, epoch ms; NaN where it is not known, and nothing has */
export function standing(found: Map<string, Stored>, now: number): ReadonlyMap<string, Stored> {
  for (const [subject, stored] of found) if (isMarker(stored.header) || hasRunOut(stored, now)) found.delete(subject);
  return found;
}

function hasRunOut(stored: Stored, now: number): boolean {
  const forMs = lifeMs(stored);
  return forMs !== undefined && now - storedAt(stored) > forMs + CLOCKS_DIFFER_MS;
}

/** When the server took it, epoch ms; NaN of what its API read for us. */
export function storedAt(stored: Stored): number {
  return Date.parse(stored.header(NATS_HEADERS.storedAt));
}

/** For how long it was to be kept; undefined where nothing was said of that. */
export function lifeMs(stored: Stored): number | undefined {
  const seconds = Number.parseInt(stored.header(NATS_HEADERS.ttl), 10);
  return seconds > 0 ? seconds * 1000 : undefined;
}
