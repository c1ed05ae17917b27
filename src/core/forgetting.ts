import type { AnyMachineSnapshot, AnyStateMachine, EventObject } from "xstate";

/** The part of XState's StateNode that finds the transitions of an event. Pinned by test/core/forgetting.test.ts. */
interface Node {
  next: (this: Node, snapshot: AnyMachineSnapshot, event: EventObject) => unknown;
  readonly states: Readonly<Record<string, Node>>;
}

/** So many looks for types that no transition names are remembered, then all of them are forgotten. */
const LOOKS = 1_000;

/**
 * A state node of XState remembers for every type of event that it ever heard which transitions could take it, for as long as the
 * machine lives. That is half a kilobyte for each child of another id (`xstate.done.actor.<id>`) and each type that a stranger thinks up,
 * in a process that runs for months. Types that the machine names are remembered as before; others by a stand-in of the node, which is
 * exchanged now and then. Source: XState 5.33 `StateNode.next` and `memo`, a WeakMap by node.
 */
export function forgetting<TMachine extends AnyStateMachine>(machine: TMachine): TMachine {
  forgetIn(machine.root as unknown as Node, new Set(machine.events as readonly string[]));
  return machine;
}

function forgetIn(node: Node, named: ReadonlySet<string>): void {
  const { next } = node;
  let standIn = Object.create(node) as Node;
  let looks = 0;
  node.next = (snapshot, event) => {
    if (named.has(event.type)) return next.call(node, snapshot, event);
    if (++looks > LOOKS) {
      standIn = Object.create(node) as Node;
      looks = 0;
    }
    return next.call(standIn, snapshot, event);
  };
  for (const child of Object.values(node.states)) forgetIn(child, named);
}
