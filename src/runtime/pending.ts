import { NOTHING, type Pending } from "./activation.ts";

export function emptyPending(): Pending {
  return { writes: undefined, effects: NOTHING, holds: [], bytes: undefined };
}

/** The turns of a commit that was refused, and those made since. */
export function merge(earlier: Pending, later: Pending): Pending {
  return {
    writes:
      earlier.writes === undefined || later.writes === undefined
        ? (earlier.writes ?? later.writes)
        : new Map([...earlier.writes, ...later.writes]),
    effects: [...earlier.effects, ...later.effects],
    holds: [...earlier.holds, ...later.holds],
    bytes: later.bytes,
  };
}
