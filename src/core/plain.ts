import type { AnyStateMachine, StateValue } from "xstate";
import type { Edge } from "./actor.ts";
import type { Definition } from "./definition.ts";
import type { ActorEvent } from "./envelope.ts";

/**
 * Edges that need no interpreter. Where nothing on the way of a transition can look at data or act (no guard, no action, no delay,
 * no `always`, no history, one region), its outcome is the same for every actor: the next state value, what it invokes, whether it
 * ends. Such edges are read off the machine once per definition and followed by a table look-up, some thirty times faster than a
 * macrostep; every other event goes through XState. test/core/plain.test.ts holds both against each other.
 */
export interface PlainEdge {
  readonly value: StateValue;
  /** As it is told in a history. */
  readonly taken: Edge;
  /** Ids of what the states it leaves had invoked. */
  readonly stops: readonly string[];
  readonly invokes: readonly PlainInvoke[];
  /** Present where the edge ends the machine: what it then puts out. */
  readonly output?: Mapper;
}

interface PlainInvoke {
  readonly id: string;
  readonly src: string;
  readonly input: Mapper;
}

/** What the machine makes of its context and the event. */
type Mapper = (context: unknown, event: ActorEvent, self: unknown) => unknown;

/** The edge that an event takes from a state, or undefined where the interpreter must decide. */
export function plainEdge(definition: Definition, value: StateValue, eventType: string): PlainEdge | undefined {
  return tableOf(definition).edges.get(keyOf(value))?.get(eventType);
}

/** The state that every actor of this definition starts in, and its first context; undefined where the interpreter must decide. */
export function plainStart(
  definition: Definition,
): { readonly value: StateValue; readonly context: (input: unknown, self: unknown) => unknown } | undefined {
  return tableOf(definition).start;
}

interface Table {
  readonly edges: ReadonlyMap<string, ReadonlyMap<string, PlainEdge>>;
  readonly start: { readonly value: StateValue; readonly context: (input: unknown, self: unknown) => unknown } | undefined;
}

const tables = new WeakMap<Definition, Table>();

function tableOf(definition: Definition): Table {
  let table = tables.get(definition);
  if (table === undefined) tables.set(definition, (table = buildTable(definition.machine)));
  return table;
}

/** `undo.ready` for `{ undo: "ready" }`; parallel values have keys that no table holds. */
function keyOf(value: StateValue): string {
  if (typeof value === "string") return value;
  let key = "";
  for (const name in value) {
    if (key !== "") return "(parallel)";
    const inner = value[name];
    key = inner === undefined ? name : `${name}.${keyOf(inner)}`;
  }
  return key;
}

/** The parts of XState's StateNode that are read. Pinned by test/core/xstate-contract.test.ts. */
interface Node {
  readonly id: string;
  readonly key: string;
  readonly path: readonly string[];
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  readonly parent: Node | undefined;
  readonly states: Readonly<Record<string, Node>>;
  readonly initial: { readonly target: readonly Node[]; readonly actions: readonly unknown[] } | undefined;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly always: readonly unknown[] | undefined;
  readonly after: readonly unknown[];
  readonly invoke: readonly {
    readonly id: string;
    readonly src: unknown;
    readonly input?: unknown;
    readonly systemId?: string;
    readonly onSnapshot?: unknown;
  }[];
  readonly output: unknown;
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
}

interface Transition {
  readonly target: readonly Node[] | undefined;
  readonly guard: unknown;
  readonly actions: readonly unknown[];
  readonly reenter: boolean;
}

function buildTable(machine: AnyStateMachine): Table {
  const root = machine.root as unknown as Node;
  const edges = new Map<string, ReadonlyMap<string, PlainEdge>>();
  for (const leaf of leavesOf(root)) {
    const lineage = lineageOf(leaf);
    if (leaf.type !== "atomic" || lineage.some((node) => isActive(node))) continue;
    const fromLeaf = new Map<string, PlainEdge>();
    for (const eventType of new Set(lineage.flatMap((node) => [...node.transitions.keys()]))) {
      const edge = edgeOf(root, leaf, lineage, eventType);
      if (edge !== undefined) fromLeaf.set(eventType, edge);
    }
    edges.set(leaf.path.join("."), fromLeaf);
  }
  return { edges, start: startOf(machine, root) };
}

/** Something that a plain edge may not pass: it could look at data, or act. */
function isActive(node: Node): boolean {
  if (node.type === "parallel" || node.type === "history" || (node.always?.length ?? 0) > 0) return true;
  return (
    [...node.transitions.keys()].some((type) => type.endsWith("*")) || Object.values(node.states).some((child) => child.type === "history")
  );
}

function isSilent(node: Node): boolean {
  return !isActive(node) && node.entry.length === 0 && node.exit.length === 0 && node.after.length === 0;
}

function edgeOf(root: Node, leaf: Node, lineage: readonly Node[], eventType: string): PlainEdge | undefined {
  const owner = lineage.find((node) => node.transitions.has(eventType));
  const [edge, ...others] = owner?.transitions.get(eventType) ?? [];
  const [target, ...moreTargets] = edge?.target ?? [];
  if (owner === undefined || edge === undefined || target === undefined || others.length + moreTargets.length > 0) return undefined;
  if (edge.guard !== undefined || edge.actions.length > 0 || edge.reenter || target === leaf) return undefined;
  const entered = descend(target);
  if (entered === undefined) return undefined;
  const destination = entered.at(-1) as Node;
  const domain = domainOf(owner, target);
  if (domain === undefined) return undefined;
  const kept = new Set(lineageOf(domain));
  const exited = lineage.filter((node) => !kept.has(node));
  const onTheWay = [...exited, ...lineageOf(destination).filter((node) => !kept.has(node))];
  if (!onTheWay.every(isSilent) || [...kept].some(isActive)) return undefined;
  if (kept.has(target) || (destination.type === "final" && (destination.parent !== root || root.invoke.length > 0))) return undefined;
  const invokes = lineageOf(destination)
    .filter((node) => !kept.has(node))
    .flatMap((node) => node.invoke.map(plainInvoke));
  if (invokes.includes(undefined)) return undefined;
  return {
    value: valueOf(destination),
    taken: { event: eventType, source: owner.id, targets: [target.id] },
    stops: exited.flatMap((node) => node.invoke.map(({ id }) => id)),
    invokes: invokes as PlainInvoke[],
    ...(destination.type === "final" ? { output: outputOf(root, destination) } : {}),
  };
}

/** What a transition leaves and enters again lies below its domain (SCXML's word, and XState's `getTransitionDomain`). */
function domainOf(owner: Node, target: Node): Node | undefined {
  const above = new Set(lineageOf(target).slice(1));
  if (owner.type === "compound" && above.has(owner)) return owner;
  return lineageOf(owner)
    .slice(1)
    .find((node) => above.has(node));
}

function startOf(machine: AnyStateMachine, root: Node): Table["start"] {
  const entered = descend(root);
  const leaf = entered?.at(-1);
  const context: unknown = machine.config.context;
  if (entered === undefined || leaf?.type !== "atomic" || !entered.every((node) => isSilent(node) && node.invoke.length === 0))
    return undefined;
  if (typeof context !== "function") return { value: valueOf(leaf), context: () => context ?? {} };
  if (context.length !== 1) return undefined;
  const spawn = (): never => {
    throw new Error("spawn in a context factory needs the interpreter");
  };
  return { value: valueOf(leaf), context: (input, self) => context({ input, spawn, self }) as unknown };
}

/** A node and its initial descendants down to a leaf; undefined where an initial transition acts. */
function descend(node: Node): readonly Node[] | undefined {
  const path = [node];
  for (let at = node; at.type === "compound";) {
    const [next] = at.initial?.target ?? [];
    if (next === undefined || next.parent !== at || (at.initial?.actions.length ?? 0) > 0) return undefined;
    path.push((at = next));
  }
  return path;
}

function plainInvoke({ id, src, input, systemId, onSnapshot }: Node["invoke"][number]): PlainInvoke | undefined {
  if (typeof src !== "string" || systemId !== undefined || onSnapshot !== undefined) return undefined;
  return { id, src, input: mapper(input) };
}

function outputOf(root: Node, final: Node): NonNullable<PlainEdge["output"]> {
  if (root.output === undefined) return () => undefined;
  const ofFinal = mapper(final.output);
  const ofRoot = mapper(root.output);
  const type = `xstate.done.state.${root.id}`;
  return (context, event, self) => ofRoot(context, { type, output: ofFinal(context, event, self) }, self);
}

/** XState's mappers are values or functions of `{ context, event, self }`. */
function mapper(value: unknown): Mapper {
  if (typeof value !== "function") return () => value;
  return (context, event, self) => value({ context, event, self }) as unknown;
}

function leavesOf(node: Node): readonly Node[] {
  const inner = Object.values(node.states);
  return inner.length === 0 ? [node] : inner.flatMap(leavesOf);
}

/** From a node up to the root. */
function lineageOf(node: Node): readonly Node[] {
  const lineage: Node[] = [];
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) lineage.push(at);
  return lineage;
}

function valueOf(leaf: Node): StateValue {
  const [last, ...outer] = leaf.path.toReversed();
  return outer.reduce<StateValue>((value, key) => ({ [key]: value }), last ?? {});
}
