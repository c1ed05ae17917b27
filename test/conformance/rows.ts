import { forwardTo, type AnyActorLogic, type AnyStateMachine } from "xstate";

/**
 * The rows of the table of actions: everything that a transition of XState's can ask for, by how it is written down. What is refused
 * when a type is registered (a child without an id, inline logic, names that stand for nothing) has no scene: test/core/machine-faults.test.ts.
 */
export const ROWS = {
  assign: ({ action }) => action?.type === "xstate.assign",
  "raise at once": ({ action }) => action?.type === "xstate.raise" && action.delay === undefined,
  "raise later": ({ action }) => action?.type === "xstate.raise" && action.delay !== undefined,
  "raise after 0 ms": ({ action }) => action?.type === "xstate.raise" && action.delay === 0,
  "raise by a delay that is computed": ({ action }) => action?.type === "xstate.raise" && typeof action.delay === "function",
  "after, in milliseconds": ({ edge }) => /^xstate\.after\.\d+\./.test(edge?.eventType ?? ""),
  "after, by name": ({ edge }) => /^xstate\.after\.\D/.test(edge?.eventType ?? ""),
  "sendTo by id": ({ action }) => isSend(action) && typeof action?.to === "string" && action.to !== PARENT,
  "sendTo by function": ({ action }) => isSend(action) && typeof action?.to === "function",
  "sendTo later": ({ action }) => isSend(action) && action?.delay !== undefined,
  sendParent: ({ action }) => isSend(action) && action?.to === PARENT,
  forwardTo: ({ action }) => isSend(action) && String(action?.event) === FORWARDED,
  "spawnChild by id": ({ action }) => action?.type === "xstate.spawnChild" && typeof action.id === "string",
  "spawnChild by an id that is computed": ({ action }) => action?.type === "xstate.spawnChild" && typeof action.id === "function",
  "spawnChild with a systemId": ({ action }) => action?.type === "xstate.spawnChild" && action.systemId !== undefined,
  "spawnChild, watched": ({ action }) => action?.type === "xstate.spawnChild" && action.syncSnapshot === true,
  "spawn inside assign": ({ action }) => action?.type === "xstate.assign" && spawns(action.assignment),
  "spawn in the context": ({ machine }) => spawns(machine?.config.context),
  "stopChild by id": ({ action }) => action?.type === "xstate.stopChild" && typeof action.actorRef === "string",
  "stopChild by function": ({ action }) => action?.type === "xstate.stopChild" && typeof action.actorRef === "function",
  cancel: ({ action }) => action?.type === "xstate.cancel",
  emit: ({ action }) => action?.type === "xstate.emit",
  log: ({ action }) => action?.type === "xstate.log",
  enqueueActions: ({ action }) => action?.type === "xstate.enqueueActions",
  "custom action, inline": ({ action }) => isCustom(action),
  "custom action, by name": ({ named }) => isCustom(named),
  "invoke, and leaving it": ({ node }) => (node?.invoke.length ?? 0) > 0,
  "invoke without an id": ({ node }) => node?.invoke.some(({ id }) => id.endsWith(`.${node.id}`)) === true,
  "invoke with a systemId": ({ node }) => node?.invoke.some(({ systemId }) => systemId !== undefined) === true,
  "invoke, watched": ({ node }) => node?.invoke.some(({ onSnapshot }) => onSnapshot !== undefined) === true,
  "invoke that is entered again": ({ node }) =>
    (node?.invoke.length ?? 0) > 0 && edgesOf(node).some((edge) => edge.reenter && edge.target?.[0] === node),
  "invoke in a state that is only passed": ({ node }) =>
    (node?.invoke.length ?? 0) > 0 && node?.always?.some(({ guard }) => guard === undefined) === true,
  "entry that sends to its own invoke": ({ node }) =>
    node?.entry.some((entry) => isSend(entry as Action) && node.invoke.some(({ id }) => id === (entry as Action).to)) === true,
  onDone: ({ edge }) => edge?.eventType.startsWith("xstate.done.actor.") === true,
  onError: ({ edge }) => edge?.eventType.startsWith("xstate.error.actor.") === true,
  "final state with children": ({ machine }) => hasFinal(machine) && holdsInvoke(machine),
  "final state with an output": ({ node }) => node?.type === "final" && node.output !== undefined,
  "history, shallow": ({ node }) => node?.type === "history" && node.history === "shallow",
  "history, deep": ({ node }) => node?.type === "history" && node.history === "deep",
  "always, guarded": ({ node }) => node?.always?.some(({ guard }) => guard !== undefined) === true,
} satisfies Readonly<Record<string, (part: Part) => boolean>>;

/** One piece of a machine: a state, a transition, an action where it stands, an action by its name, or the whole. */
interface Part {
  readonly machine?: Machine;
  readonly node?: Node;
  readonly edge?: Edge;
  readonly action?: Action | undefined;
  readonly named?: Action | undefined;
}

/** The parts of XState's machines that are looked at. */
type Machine = AnyStateMachine;
interface Action {
  readonly type?: string;
  readonly delay?: unknown;
  readonly to?: unknown;
  readonly event?: unknown;
  readonly id?: unknown;
  readonly systemId?: unknown;
  readonly syncSnapshot?: unknown;
  readonly assignment?: unknown;
  readonly actorRef?: unknown;
}
interface Edge {
  readonly eventType: string;
  readonly guard: unknown;
  readonly reenter: boolean;
  readonly target: readonly unknown[] | undefined;
  readonly actions: readonly unknown[];
}
interface Node {
  readonly id: string;
  readonly type: string;
  readonly history: unknown;
  readonly output: unknown;
  readonly states: Readonly<Record<string, Node>>;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly initial: { readonly actions: readonly unknown[] } | undefined;
  readonly invoke: readonly { readonly id: string; readonly systemId?: unknown; readonly onSnapshot?: unknown }[];
  readonly transitions: ReadonlyMap<string, readonly Edge[]>;
  readonly always: readonly Edge[] | undefined;
}

const PARENT = "#_parent";
const FORWARDED = String((forwardTo("anybody") as unknown as Action).event);

/** Everything that a machine is made of, and the machines that it starts. */
export function* partsOf(logic: AnyActorLogic): Generator<Part> {
  if (!("getStateNodeById" in logic)) return;
  const machine = logic as Machine;
  yield { machine };
  for (const action of Object.values(machine.implementations.actions)) yield { named: action as Action, action: action as Action };
  yield* partsOfNode(machine.root as unknown as Node);
  for (const child of Object.values(machine.implementations.actors)) yield* partsOf(child as AnyActorLogic);
}

function* partsOfNode(node: Node): Generator<Part> {
  yield { node };
  for (const action of [...node.entry, ...node.exit, ...(node.initial?.actions ?? [])]) yield { action: action as Action };
  for (const edge of edgesOf(node)) {
    yield { edge };
    for (const action of edge.actions) yield { action: action as Action };
  }
  for (const child of Object.values(node.states)) yield* partsOfNode(child);
}

function edgesOf(node: Node | undefined): readonly Edge[] {
  return node === undefined ? [] : [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function isSend(action: Action | undefined): boolean {
  return action?.type === "xstate.sendTo";
}

/** Built-in ones are functions too, with their options on them. */
function isCustom(action: unknown): boolean {
  return typeof action === "function" && !("type" in action);
}

/** By what is written: nothing in the machine says it. */
function spawns(maker: unknown): boolean {
  if (typeof maker === "function") return String(maker).includes("spawn(");
  return typeof maker === "object" && maker !== null && Object.values(maker).some((part) => typeof part === "function" && spawns(part));
}

function hasFinal(machine: Machine | undefined): boolean {
  return Object.values((machine?.root as unknown as Node | undefined)?.states ?? {}).some(({ type }) => type === "final");
}

function holdsInvoke(machine: Machine | undefined): boolean {
  const holds = (node: Node): boolean => node.invoke.length > 0 || Object.values(node.states).some(holds);
  return machine !== undefined && holds(machine.root as unknown as Node);
}
