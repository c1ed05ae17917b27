import type { Definition } from "./definition.ts";
import type { Fault } from "./errors.ts";

/**
 * What a machine may well mean and its author may well have overlooked, each with its place: states that nothing leads to, states
 * that nothing leads out of, work whose failure nobody hears. Said, never refused: only what is provable is said, but what it is for
 * is the author's business.
 */
export function warningsOf({ kind, logic, machine }: Definition): readonly Fault[] {
  // The task machine is ours.
  if (kind === "task" || logic === "transition") return [];
  const root = machine.root as unknown as Node;
  return [...unreachable(root), ...deadEnds(root), ...unheardErrors(root)];
}

interface Edge {
  readonly target: readonly Node[] | undefined;
  readonly actions: readonly unknown[];
}

/** The parts of XState's StateNode that are looked at. Pinned by test/core/xstate-family-contract.test.ts. */
interface Node {
  readonly id: string;
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  readonly parent: Node | undefined;
  readonly states: Readonly<Record<string, Node>>;
  readonly initial: { readonly target: readonly Node[] } | undefined;
  readonly invoke: readonly { readonly id: string }[];
  readonly transitions: ReadonlyMap<string, readonly Edge[]>;
  readonly always: readonly Edge[] | undefined;
  /** Of a history state: where it leads while it remembers nothing. */
  readonly config: { readonly target?: unknown };
}

/** Guards may always hold, and every event may come: what is left then is never entered by anybody. */
function unreachable(root: Node): readonly Fault[] {
  const reached = new Set<Node>();
  const entered = new Set<Node>();
  // On the way to a state inside it: its other regions are entered, its initial state is not.
  const pass = (node: Node): void => {
    if (reached.has(node)) return;
    reached.add(node);
    if (node.parent !== undefined) pass(node.parent);
    if (node.type === "parallel") Object.values(node.states).forEach(enter);
    for (const { target } of edgesOf(node)) target?.forEach(enter);
  };
  const enter = (node: Node): void => {
    if (entered.has(node)) return;
    entered.add(node);
    pass(node);
    node.initial?.target.forEach(enter);
    if (node.type === "history") defaultsOf(root, node).forEach(enter);
  };
  enter(root);
  return inOrder(root)
    .filter((node) => node.type !== "history" && !reached.has(node) && node.parent !== undefined && reached.has(node.parent))
    .map(({ id }) => ({ path: id, message: "can never be entered: no transition leads to it" }));
}

/** What is remembered was entered some other way. Of a target that is named it is enough to know where it may lie. */
function defaultsOf(root: Node, { config, parent }: Node): readonly Node[] {
  if (config.target === undefined) return parent?.initial?.target ?? [];
  return typeof config.target === "string" && !config.target.startsWith("#") ? inOrder(parent ?? root) : inOrder(root);
}

/** Beside other regions a state may well be the end of its own. */
function deadEnds(root: Node): readonly Fault[] {
  return inOrder(root)
    .filter((node) => node.type === "atomic" && lineageOf(node).every((each) => each.type !== "parallel" && !goesOn(each)))
    .map(({ id }) => ({ path: id, message: "is never left and hears nothing: make it final, or say what leads out of it" }));
}

function goesOn(node: Node): boolean {
  if (node.invoke.length > 0 || (node.always ?? []).length > 0) return true;
  // A state that is not final is never done.
  return [...node.transitions].some(
    ([type, edges]) =>
      !type.startsWith("xstate.done.state.") && edges.some(({ target, actions }) => target !== undefined || actions.length > 0),
  );
}

function unheardErrors(root: Node): readonly Fault[] {
  return inOrder(root).flatMap((node) =>
    node.invoke
      .filter(({ id }) => !lineageOf(node).some(({ transitions }) => [...transitions.keys()].some((type) => hears(type, id))))
      .map(({ id }) => ({ path: `${node.id}.invoke.${id}`, message: "has no onError: where it fails, so does the actor" })),
  );
}

function hears(type: string, invoke: string): boolean {
  const error = `xstate.error.actor.${invoke}`;
  return type === error || (type.endsWith("*") && error.startsWith(type.slice(0, -1)));
}

function edgesOf(node: Node): readonly Edge[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function inOrder(node: Node): readonly Node[] {
  return [node, ...Object.values(node.states).flatMap(inOrder)];
}

function lineageOf(node: Node): readonly Node[] {
  return node.parent === undefined ? [node] : [node, ...lineageOf(node.parent)];
}
