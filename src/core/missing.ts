import type { AnyStateMachine, StateValue } from "xstate";
import type { Fault } from "./errors.ts";
import type { ActorRecord } from "./record.ts";

/** The parts of XState's StateNode that are looked at. Pinned by test/core/xstate-family-contract.test.ts. */
export interface StateNode {
  readonly id: string;
  readonly path: readonly string[];
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  readonly states: Readonly<Record<string, StateNode>>;
  readonly invoke: readonly Invoke[];
  readonly after: readonly { readonly eventType: string; readonly delay?: unknown }[];
}

export interface Invoke {
  readonly id: string;
  readonly src: unknown;
  readonly input?: unknown;
  readonly systemId?: string;
  readonly onSnapshot?: unknown;
}

export function rootOfMachine(machine: AnyStateMachine): StateNode {
  return machine.root as unknown as StateNode;
}

/**
 * Where a stored state value names what a machine has not, or leaves open what it has: each with its exact path. XState itself would
 * throw for the first and take the initial states for the second, without what these invoke: a guess that nobody asked for.
 */
export function missingStates(machine: AnyStateMachine, value: StateValue): readonly Fault[] {
  const faults: Fault[] = [];
  const root = rootOfMachine(machine);
  compare(root, value, root.id, faults);
  return faults;
}

function compare(node: StateNode, value: StateValue, path: string, faults: Fault[]): void {
  const inner = typeof value === "string" ? { [value]: {} } : value;
  const named = Object.keys(inner);
  for (const name of named) {
    const child = node.states[name];
    if (child === undefined || child.type === "history") faults.push({ path: `${path}.${name}`, message: "is no state of this version" });
    else compare(child, inner[name] ?? {}, `${path}.${name}`, faults);
  }
  if (node.type === "compound" && named.length === 0)
    faults.push({ path, message: "has states inside it in this version, and the record does not say which" });
  if (node.type !== "parallel") return;
  for (const [name, { type }] of Object.entries(node.states)) {
    if (type !== "history" && !named.includes(name))
      faults.push({ path: `${path}.${name}`, message: "is a region of this version that the record knows nothing of" });
  }
}

/** Every state that a value is in, the root first. The value resolves. */
export function activeNodes(machine: AnyStateMachine, value: StateValue): readonly StateNode[] {
  const nodes: StateNode[] = [];
  const visit = (node: StateNode, at: StateValue): void => {
    nodes.push(node);
    for (const [name, inner] of Object.entries(typeof at === "string" ? { [at]: {} } : at)) {
      const child = node.states[name];
      if (child !== undefined) visit(child, inner ?? {});
    }
  };
  visit(rootOfMachine(machine), value);
  return nodes;
}

/**
 * What the states that an actor is in would have begun if it had entered them in this version, and the record shows no trace of.
 * It may have ended before: nothing is begun for it, but somebody should know.
 */
export function notBegun(machine: AnyStateMachine, record: ActorRecord): readonly Fault[] {
  const faults: Fault[] = [];
  const nodes = activeNodes(machine, record.value);
  for (const { id, invoke, after } of nodes) {
    for (const { id: name } of invoke)
      if (record.activities[name] === undefined && record.children?.[name] === undefined)
        faults.push({ path: `${id}.invoke.${name}`, message: "does not run: it has ended, or this version added it" });
    for (const { eventType } of after)
      if (record.timers[eventType] === undefined)
        faults.push({ path: `${id}.${eventType}`, message: "is not armed: it has fired, or this version added it" });
  }
  for (const timer of Object.keys(record.timers))
    if (isOfState(timer) && !nodes.some(({ after }) => after.some(({ eventType }) => eventType === timer)))
      faults.push({ path: `timers.${timer}`, message: "is armed, and no state of this version waits for it" });
  return faults;
}

/** Timers of `after` are named by their event. */
export function isOfState(timer: string): boolean {
  return timer.startsWith("xstate.after.");
}
