import type { AnyMachineSnapshot } from "xstate";

/** So many children and more are a crowd. */
const LEAST_CROWD = 64;

type Children = AnyMachineSnapshot["children"];

/**
 * XState copies the list of all children for each one that it stops, and when a machine ends it stops them all: with ten thousand that
 * takes minutes, for a result that nobody looks at. So a transition of a crowd's parent is tried with a list in which each can be found
 * by its name and none is seen in a row. Where children come or go it is made again with the list as it is; a transition is pure.
 *
 * @param transition called once or twice, each time from scratch
 */
export function transitionOfCrowd(
  snapshot: AnyMachineSnapshot,
  transition: (snapshot: AnyMachineSnapshot) => AnyMachineSnapshot,
): AnyMachineSnapshot {
  const { children } = snapshot;
  const veil = veilOf(children);
  const veiled = { ...snapshot, children: veil } as AnyMachineSnapshot;
  let next: AnyMachineSnapshot;
  try {
    next = transition(veiled);
  } catch {
    // Perhaps only because somebody was not found any more.
    return transition(snapshot);
  }
  if (next === veiled) return snapshot;
  if (next.children !== veil && next.status === "active") return transition(snapshot);
  next.children = children;
  return next;
}

export function isCrowd(children: Children | undefined): boolean {
  if (children === undefined) return false;
  let count = counts.get(children);
  if (count === undefined) counts.set(children, (count = Object.keys(children).length));
  return count >= LEAST_CROWD;
}

/** Lists are never changed, so that each is counted once: counting is not free. */
const counts = new WeakMap<Children, number>();
const veils = new WeakMap<Children, Children>();

function veilOf(children: Children): Children {
  let veil = veils.get(children);
  if (veil === undefined) {
    veil = new Proxy({}, { get: (_, name) => children[name as string] });
    veils.set(children, veil);
  }
  return veil;
}
