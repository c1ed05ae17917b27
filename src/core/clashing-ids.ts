import type { AnyStateMachine } from "xstate";
import type { Fault } from "./errors.ts";

/** The parts of XState's StateNode that are looked at. Pinned by test/core/xstate-family-contract.test.ts. */
interface Node {
  readonly id: string;
  readonly type: string;
  readonly states: Readonly<Record<string, Node>>;
  readonly invoke: readonly { readonly id: string }[];
}

/** Where a node and what is in it invoke under each id: the ids of states. */
type Places = Map<string, readonly string[]>;

/**
 * States that can be active together and invoke under one id: one has one child of an id, so that the last to begin would be all that
 * runs. States of which always only one is active may share an id.
 */
export function clashesOf(machine: AnyStateMachine): readonly Fault[] {
  const faults: Fault[] = [];
  placesIn(machine.root, faults);
  return faults;
}

function placesIn(node: Node, faults: Fault[]): Places {
  const places: Places = new Map();
  for (const { id } of node.invoke) join(places, new Map([[id, [node.id]]]), faults);
  const inside: Places = new Map();
  for (const child of Object.values(node.states)) {
    const theirs = placesIn(child, faults);
    if (node.type === "parallel") join(inside, theirs, faults);
    else for (const [id, paths] of theirs) inside.set(id, [...(inside.get(id) ?? []), ...paths]);
  }
  join(places, inside, faults);
  return places;
}

/** All of both are active together, as far as their own states go. */
function join(places: Places, others: Places, faults: Fault[]): void {
  for (const [id, paths] of others) {
    const known = places.get(id);
    places.set(id, [...(known ?? []), ...paths]);
    for (const path of known === undefined ? [] : paths)
      faults.push({
        path: `${path}.invoke.${id}`,
        message: `can run at the same time as ${known?.[0]}.invoke.${id}: give each an id of its own`,
      });
  }
}
