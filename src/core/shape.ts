import type { AnyStateMachine } from "xstate";
import { hashText } from "./hash.ts";

/**
 * The structural hash of a machine: states, transitions, guards by name, delays, invokes. It sees that a state was renamed or a
 * delay changed; it cannot see into functions. Same version with another shape means that a deployment forgot to say so.
 */
export function shapeOf(machine: AnyStateMachine): string {
  const parts: string[] = [];
  describe(machine.root as unknown as Node, parts);
  return hashText(parts.join("\n"));
}

/** The parts of XState's StateNode that make up a shape. */
interface Node {
  readonly id: string;
  readonly type: string;
  readonly states: Readonly<Record<string, Node>>;
  readonly initial: { readonly target: readonly { readonly id: string }[] } | undefined;
  readonly history: unknown;
  readonly tags: readonly string[];
  readonly invoke: readonly { readonly id: string; readonly src: unknown }[];
  readonly transitions: ReadonlyMap<string, readonly Edge[]>;
  readonly always: readonly Edge[] | undefined;
}

interface Edge {
  readonly eventType: string;
  readonly target: readonly { readonly id: string }[] | undefined;
  readonly guard: unknown;
  readonly reenter: boolean;
}

function describe(node: Node, parts: string[]): void {
  parts.push(`${node.id}|${node.type}|${node.initial?.target.map((t) => t.id).join()}|${String(node.history)}|${node.tags.join()}`);
  for (const { id, src } of node.invoke) parts.push(`invoke ${id} ${typeof src === "string" ? src : "inline"}`);
  for (const edges of node.transitions.values()) for (const edge of edges) parts.push(describeEdge(edge));
  for (const edge of node.always ?? []) parts.push(`always ${describeEdge(edge)}`);
  for (const child of Object.values(node.states)) describe(child, parts);
}

function describeEdge(edge: Edge): string {
  return `${edge.eventType}>${edge.target?.map((t) => t.id).join() ?? ""}|${nameOfGuard(edge.guard)}|${edge.reenter}`;
}

function nameOfGuard(guard: unknown): string {
  if (guard === undefined) return "";
  if (typeof guard === "string") return guard;
  if (typeof guard === "object" && guard !== null && "type" in guard) return String(guard.type);
  return "inline";
}
