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
  const writes =
    earlier.writes === undefined || later.writes === undefined
      ? (earlier.writes ?? later.writes)
      : new Map([...earlier.writes, ...later.writes]);
  return {
    writes,
    effects: [...earlier.effects, ...later.effects],
    holds: [...earlier.holds, ...later.holds],
    bytes: later.bytes,
    // What waited to begin was offered with the turns as they were, and goes over the store now.
    isAwaited: false,
    followsEnd: earlier.followsEnd || later.followsEnd,
    tellsEnd: earlier.tellsEnd || later.tellsEnd,
    permit: later.permit ?? earlier.permit,
    joint: mergedJoint(earlier, later, writes?.size ?? 0),
  };
}

function mergedJoint(earlier: Pending, later: Pending, size: number): Pending["joint"] {
  const earlierSize = earlier.writes?.size ?? 0;
  const laterSize = later.writes?.size ?? 0;
  const joint =
    earlier.joint === undefined || later.joint === undefined ? (earlier.joint ?? later.joint) : united(earlier.joint, later.joint);
  if (joint === undefined) return undefined;
  if (earlier.joint === undefined) joint.writes += earlierSize;
  if (later.joint === undefined) joint.writes += laterSize;
  joint.writes -= earlierSize + laterSize - size;
  return joint;
}

/** The messages that a commit may come to, but for the record. What is stored together counts together. */
export function messagesIn(pending: Pending | undefined): number {
  return pending?.joint?.size ?? pending?.writes?.size ?? 0;
}
