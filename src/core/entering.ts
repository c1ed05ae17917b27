import type { AnyStateMachine, StateValue } from "xstate";
import { marked, type Turn, type TurnAt } from "./actor.ts";
import type { Address } from "./address.ts";
import { Collected } from "./collected.ts";
import type { Definition } from "./definition.ts";
import { Draft } from "./draft.ts";
import { guarded, scopeOf, selfOf } from "./interpret.ts";
import { activeNodes, isOfState, rootOfMachine, type Invoke, type StateNode } from "./missing.ts";
import { formatState, type ActorRecord } from "./record.ts";
import { revived } from "./ref.ts";
import { openScope, revive } from "./revival.ts";

/**
 * A migration that moves an actor to another state makes it leave the one and enter the other: what the old state had begun is
 * stopped, what the new one invokes and waits for begins. Entry and exit actions do not run: the actor has been there all the time,
 * under another name.
 */
export function enter(definition: Definition, address: Address, left: StateValue, after: ActorRecord, at: TurnAt): Turn {
  if (definition.logic !== "machine") return { actor: revive(definition, address, after), effects: [], kind: "changed" };
  const { machine } = definition;
  const draft = new Draft(after, after, at.now);
  openScope(definition, address, after);
  const collected = new Collected({ definition, address, before: after }, draft, scopeOf(definition));
  const nodes = activeNodes(machine, after.value);
  const before = pathsOf(left);
  const hasMoved = formatState(left) !== formatState(after.value);
  if (hasMoved) leave(definition, nodes, after, draft, collected);
  const context = revived(structuredClone(after.context), scopeOf(definition).relay);
  const args = { context, event: { type: "troupe.version" }, self: selfOf(definition, address) };
  guarded(address, () => {
    for (const node of nodes) if (!before.has(pathOf(node))) begin(machine, node, args, draft, collected);
  });
  const { activities, timers, children, generation } = draft;
  const record = { ...after, activities, timers, generation, ...(children === undefined ? {} : { children }), marks: marked(after, at) };
  return { actor: revive(definition, address, record), effects: draft.effects, kind: "changed" };
}

function begin(machine: AnyStateMachine, node: StateNode, args: object, draft: Draft, collected: Collected): void {
  for (const { eventType, delay } of node.after) {
    const ms = delayOf(machine, delay, args);
    if (ms !== undefined && draft.timers[eventType] === undefined) draft.arm(eventType, { type: eventType }, ms);
  }
  for (const invoke of node.invoke)
    if (draft.activities[invoke.id] === undefined && draft.children?.[invoke.id] === undefined)
      collected.invoked(invoke.id, String(invoke.src), { ...invoke, input: mapped(invoke.input, args) });
}

/** What no state that the actor is in had begun, but another state of this version would have; and what this version has no work for. */
function leave(definition: Definition, nodes: readonly StateNode[], after: ActorRecord, draft: Draft, collected: Collected): void {
  const active = new Set(nodes.flatMap(({ invoke }) => invoke.map(({ id }) => id)));
  const elsewhere = new Set(invokesOf(rootOfMachine(definition.machine)).map(({ id }) => id));
  const isLeft = (id: string): boolean => !active.has(id) && (elsewhere.has(id) || DEFAULT_ID.test(id));
  for (const [id, { src }] of Object.entries(after.activities)) if (isLeft(id) || !definition.activities.has(src)) draft.halt(id);
  for (const id of Object.keys(after.children ?? {})) if (isLeft(id)) collected.stopped({ [id]: {} }, {});
  for (const timer of Object.keys(after.timers))
    if (isOfState(timer) && !nodes.some((node) => node.after.some(({ eventType }) => eventType === timer))) draft.disarm(timer);
}

/** XState's name for an invoke that has none: its place among those of its state. */
const DEFAULT_ID = /^\d+\./;

function invokesOf(node: StateNode): readonly Invoke[] {
  return [...node.invoke, ...Object.values(node.states).flatMap(invokesOf)];
}

function delayOf(machine: AnyStateMachine, delay: unknown, args: object): number | undefined {
  const named: unknown = typeof delay === "string" ? machine.implementations.delays[delay] : delay;
  const ms: unknown = mapped(named, args);
  return typeof ms === "number" ? ms : undefined;
}

function mapped(value: unknown, args: object): unknown {
  return typeof value === "function" ? (value as (args: object, params: undefined) => unknown)(args, undefined) : value;
}

/** Every state of a value by its path of keys: those stay the same where the machine got another id. */
function pathsOf(value: StateValue, prefix = ""): ReadonlySet<string> {
  const paths = new Set([prefix]);
  for (const [name, inner] of Object.entries(typeof value === "string" ? { [value]: {} } : value))
    for (const path of pathsOf(inner ?? {}, `${prefix}.${name}`)) paths.add(path);
  return paths;
}

function pathOf({ path }: StateNode): string {
  return path.map((key) => `.${key}`).join("");
}
