import type { AnyStateMachine } from "xstate";
import type { Fault } from "./errors.ts";

/**
 * What would go wrong later, said when the type is registered: logic and children that could not be found again after a crash, and
 * names that stand for nothing (an unknown delay fires at once, an unknown action is left out, an unknown guard throws).
 */
export function faultsOfMachine(machine: AnyStateMachine, logic: ReadonlySet<string>): readonly Fault[] {
  const faults: Fault[] = [];
  const names: Names = {
    logic,
    actions: new Set(Object.keys(machine.implementations.actions)),
    guards: new Set(Object.keys(machine.implementations.guards)),
    delays: new Set(Object.keys(machine.implementations.delays)),
  };
  visit(machine.root as unknown as Node, names, faults);
  for (const [name, action] of Object.entries(machine.implementations.actions)) checkAction(action, `actions.${name}`, names, faults);
  return faults;
}

interface Names {
  readonly logic: ReadonlySet<string>;
  readonly actions: ReadonlySet<string>;
  readonly guards: ReadonlySet<string>;
  readonly delays: ReadonlySet<string>;
}

interface Edge {
  readonly eventType: string;
  readonly guard: unknown;
  readonly actions: readonly unknown[];
  readonly delay?: unknown;
}

/** The parts of XState's StateNode that are looked at. Pinned by test/core/xstate-family-contract.test.ts. */
interface Node {
  readonly id: string;
  readonly states: Readonly<Record<string, Node>>;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly initial: { readonly actions: readonly unknown[] } | undefined;
  readonly invoke: readonly { readonly id: string; readonly src: unknown }[];
  readonly transitions: ReadonlyMap<string, readonly Edge[]>;
  readonly always: readonly Edge[] | undefined;
}

/** What XState calls logic that was written where it is invoked. */
const INLINE = /^xstate\.invoke\./;

function visit(node: Node, names: Names, faults: Fault[]): void {
  const path = node.id;
  for (const { id, src } of node.invoke) {
    if (typeof src !== "string" || INLINE.test(src))
      faults.push({ path: `${path}.invoke.${id}`, message: "is inline: register it in setup({ actors })" });
    else if (!names.logic.has(src))
      faults.push({ path: `${path}.invoke.${id}`, message: `names "${src}", which is not registered in setup({ actors })` });
  }
  for (const action of [...node.entry, ...node.exit, ...(node.initial?.actions ?? [])]) checkAction(action, path, names, faults);
  for (const edge of [...[...node.transitions.values()].flat(), ...(node.always ?? [])]) {
    const where = `${path}.${edge.eventType || "always"}`;
    checkGuard(edge.guard, where, names, faults);
    for (const action of edge.actions) checkAction(action, where, names, faults);
  }
  for (const child of Object.values(node.states)) visit(child, names, faults);
}

/** The ids under which a machine invokes, or spawns by an action, what it starts. What it spawns in an `assign` cannot be known. */
export function namesOfChildren(machine: AnyStateMachine): ReadonlySet<string> {
  const names = new Set<string>();
  const look = (actions: readonly unknown[]): void => {
    for (const action of actions) {
      const { type, id } = (typeof action === "function" ? action : {}) as BuiltIn;
      if (type === "xstate.spawnChild" && typeof id === "string") names.add(id);
    }
  };
  const walk = (node: Node): void => {
    for (const { id } of node.invoke) names.add(id);
    const edges = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
    for (const actions of [node.entry, node.exit, node.initial?.actions ?? [], ...edges.map((edge) => edge.actions)]) look(actions);
    for (const child of Object.values(node.states)) walk(child);
  };
  walk(machine.root as unknown as Node);
  look(Object.values(machine.implementations.actions));
  return names;
}

/** A built-in action: a function with its options on it. */
interface BuiltIn {
  readonly type?: string;
  readonly id?: unknown;
  readonly src?: unknown;
  readonly delay?: unknown;
}

function checkAction(action: unknown, path: string, names: Names, faults: Fault[]): void {
  const name = typeof action === "string" ? action : typeof action === "object" && action !== null ? (action as BuiltIn).type : undefined;
  if (name !== undefined) {
    if (!names.actions.has(name)) faults.push({ path, message: `names the action "${name}", which has no implementation` });
    return;
  }
  const { type, id, src, delay } = action as BuiltIn;
  if (typeof delay === "string" && !names.delays.has(delay))
    faults.push({ path, message: `names the delay "${delay}", which has no implementation` });
  if (type !== "xstate.spawnChild") return;
  if (id === undefined) faults.push({ path, message: "spawns a child without an id: spawnChild(src, { id })" });
  if (typeof src !== "string") faults.push({ path, message: "spawns inline logic: register it in setup({ actors })" });
  else if (!names.logic.has(src)) faults.push({ path, message: `spawns "${src}", which is not registered in setup({ actors })` });
}

function checkGuard(guard: unknown, path: string, names: Names, faults: Fault[]): void {
  const name =
    typeof guard === "string" ? guard : typeof guard === "object" && guard !== null ? (guard as { type?: string }).type : undefined;
  if (name !== undefined && !names.guards.has(name))
    faults.push({ path, message: `names the guard "${name}", which has no implementation` });
  const parts: unknown = typeof guard === "function" ? (guard as { guards?: unknown }).guards : undefined;
  if (Array.isArray(parts)) for (const part of parts) checkGuard(part, path, names, faults);
}
