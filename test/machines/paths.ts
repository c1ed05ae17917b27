import {
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type EventObject,
  type StateValue,
} from "xstate";

/** A state of a machine and the fewest events that lead there. */
export interface Path {
  readonly state: string;
  readonly events: readonly EventObject[];
  readonly snapshot: AnyMachineSnapshot;
}

export interface Exploration {
  readonly machine: AnyStateMachine;
  readonly inputs: readonly unknown[];
  /** What may be heard in this state; by default the machine's own events. */
  readonly events: (snapshot: AnyMachineSnapshot) => readonly EventObject[];
}

/** Every state that can be reached, each by a shortest path: breadth first from the initial states. */
export function shortestPaths({ machine, inputs, events }: Exploration): ReadonlyMap<string, Path> {
  const found = new Map<string, Path>();
  const seen = new Set<string>();
  let edge: Path[] = inputs.map((input) => pathTo([], initialTransition(machine, input)[0]));
  while (edge.length > 0) {
    const fresh = edge.filter(({ snapshot }) => {
      const key = JSON.stringify([snapshot.value, snapshot.context]);
      return !seen.has(key) && seen.add(key);
    });
    for (const path of fresh) if (!found.has(path.state)) found.set(path.state, path);
    edge = fresh
      .filter(({ snapshot }) => snapshot.status === "active")
      .flatMap((path) =>
        events(path.snapshot).map((event) => pathTo([...path.events, event], transition(machine, path.snapshot, event)[0])),
      );
  }
  return found;
}

function pathTo(events: readonly EventObject[], snapshot: AnyMachineSnapshot): Path {
  return { state: nameOf(snapshot.value), events, snapshot };
}

export function nameOf(value: StateValue): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([name, inner]) => (inner === undefined ? name : `${name}.${nameOf(inner)}`))
    .join(",");
}

/** All leaves of a machine, as `nameOf` writes them. */
export function leavesOf(machine: AnyStateMachine): readonly string[] {
  const leaves = (node: AnyStateNode): AnyStateNode[] => {
    const inner = Object.values(node.states) as AnyStateNode[];
    return inner.length === 0 ? [node] : inner.flatMap(leaves);
  };
  return leaves(machine.root).map((node) => node.path.join("."));
}

/** The snapshot after it was JSON and back, as a machine is given it again. */
export function throughJson(machine: AnyStateMachine, snapshot: AnyMachineSnapshot): AnyMachineSnapshot {
  const { value, context, status, output } = snapshot;
  const stored = JSON.parse(JSON.stringify({ value, context, status, output })) as object;
  return machine.resolveState(stored as Parameters<AnyStateMachine["resolveState"]>[0]);
}
