import type { AnyStateMachine } from "xstate";

type Action = (info: object, params: unknown) => unknown;

/**
 * How a custom action is found again after a crash: by its name, or, where it was written inline, by its place in the machine
 * (`order.paid entry 0`). "" where it has neither, as for a function that an `enqueueActions` enqueued: such a one runs at most once.
 */
export function placeOfAction(machine: AnyStateMachine, name: string, action: Action): string {
  if (machine.implementations?.actions[name] !== undefined) return name;
  return placesOf(machine).byAction.get(action) ?? "";
}

export function actionAt(machine: AnyStateMachine, place: string): Action | undefined {
  const named: unknown = machine.implementations?.actions[place];
  return typeof named === "function" ? (named as Action) : placesOf(machine).byPlace.get(place);
}

interface Places {
  readonly byAction: Map<unknown, string>;
  readonly byPlace: Map<string, Action>;
}

const known = new WeakMap<AnyStateMachine, Places>();

function placesOf(machine: AnyStateMachine): Places {
  let places = known.get(machine);
  if (places !== undefined) return places;
  known.set(machine, (places = { byAction: new Map(), byPlace: new Map() }));
  if ((machine as { readonly root?: unknown }).root !== undefined) note(machine.root as unknown as Node, places);
  return places;
}

/** The parts of XState's StateNode that hold actions. Pinned by test/core/xstate-family-contract.test.ts. */
interface Node {
  readonly id: string;
  readonly states: Readonly<Record<string, Node>>;
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly initial: { readonly actions: readonly unknown[] } | undefined;
  readonly transitions: ReadonlyMap<string, readonly { readonly actions: readonly unknown[] }[]>;
  readonly always: readonly { readonly actions: readonly unknown[] }[] | undefined;
}

function note(node: Node, places: Places): void {
  const add = (where: string, actions: readonly unknown[]): void =>
    actions.forEach((action, i) => {
      if (typeof action !== "function" || "resolve" in action) return;
      const place = `${node.id} ${where} ${i}`;
      if (!places.byAction.has(action)) places.byAction.set(action, place);
      places.byPlace.set(place, action as Action);
    });
  add("entry", node.entry);
  add("exit", node.exit);
  add("initial", node.initial?.actions ?? []);
  for (const [type, edges] of node.transitions) edges.forEach((edge, i) => add(`${type} ${i}`, edge.actions));
  node.always?.forEach((edge, i) => add(`always ${i}`, edge.actions));
  for (const child of Object.values(node.states)) note(child, places);
}
