import type { Write } from "../ports/store.ts";
import type { Pending } from "./activation.ts";
import { united } from "./joint.ts";

/** The write that a place has: a later one replaces it. */
export function addWrite(pending: Pending, place: string, write: Write): void {
  const writes = (pending.writes ??= new Map());
  if (pending.joint !== undefined && !writes.has(place)) pending.joint.writes++;
  writes.set(place, write);
}

export function removeWrite(pending: Pending, place: string): void {
  if (pending.writes?.delete(place) === true && pending.joint !== undefined) pending.joint.writes--;
}

/** The turns of a commit that was refused, and those made since. */
export function merge(earlier: Pending, later: Pending): Pending {
  const joint = earlier.joint === undefined || later.joint === undefined ? undefined : united(earlier.joint, later.joint);
  return {
    writes:
      earlier.writes === undefined || later.writes === undefined
        ? (earlier.writes ?? later.writes)
        : new Map([...earlier.writes, ...later.writes]),
    effects: [...earlier.effects, ...later.effects],
    holds: [...earlier.holds, ...later.holds],
    bytes: later.bytes,
    isAwaited: later.isAwaited,
    joint: joint ?? earlier.joint ?? later.joint,
  };
}
