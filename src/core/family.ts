import { formatAddress, MAX_ID_BYTES, type Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import type { ActorEvent } from "./envelope.ts";
import { toErrorRecord, type ErrorRecord } from "./errors.ts";
import { hashText } from "./hash.ts";
import type { ActorRecord, ParentRecord } from "./record.ts";

/**
 * Parents and children. A child is an actor of its own: it is found from its parent's record, which holds its address, and it knows
 * its parent from its own. Its address is made of the parent's, its id in the parent and a generation, so that the next child of the
 * same id is another actor and nothing that was meant for the one reaches the other.
 */
export function childAddress(parent: Address, child: string, generation: number, type: ChildType): Address {
  const tail = `~${child.replaceAll(NOT_IN_ID, "_").slice(0, MOST_CHILD_CHARS)}~${generation}`;
  const head = type.isShared ? `${parent.type}~${parent.id}` : parent.id;
  const isLong = Buffer.byteLength(head) + Buffer.byteLength(tail) > MAX_ID_BYTES;
  return { type: type.name, id: (isLong ? `~${hashText(formatAddress(parent))}` : head) + tail };
}

/** Generations tell children apart whose ids look the same here; `~` divides. */
const NOT_IN_ID = /[^A-Za-z0-9_-]/g;
const MOST_CHILD_CHARS = 48;

/** What a machine's name for logic stands for where that is an actor. */
export interface ChildType {
  readonly name: string;
  /** Also started by others: its ids must say which type the parent has. */
  readonly isShared: boolean;
  /** Its parent keeps a reference at most: it is not in the parent's record, tells it nothing by itself and is not stopped with it. */
  readonly isDetached?: true;
  /** What makes it stop: a task is cancelled. */
  readonly kind: Definition["kind"];
}

/** What a parent hears of its child's end, in XState's words; undefined where it hears nothing: whoever was stopped says no more. */
export function endEvent(kind: Definition["kind"], record: ActorRecord, child: string): ActorEvent | undefined {
  if (record.status === "active" || record.status === "stopped") return undefined;
  const failure = failureOf(kind, record);
  return failure === undefined ? doneEvent(child, record.output) : errorEvent(child, failure);
}

function doneEvent(child: string, output: unknown): ActorEvent {
  return { type: `xstate.done.actor.${child}`, output, actorId: child };
}

export function errorEvent(child: string, error: unknown): ActorEvent {
  return { type: `xstate.error.actor.${child}`, error, actorId: child };
}

/** A task that failed has ended well for XState: how says its state. */
function failureOf(kind: Definition["kind"], record: ActorRecord): ErrorRecord | undefined {
  if (record.status === "error") return record.error ?? toErrorRecord(undefined);
  if (kind !== "task" || record.value === "done") return undefined;
  return (record.context as { readonly error: ErrorRecord | null }).error ?? toErrorRecord(undefined);
}

/** Whether a child says with it that it has ended. */
export function isEnd(report: ActorEvent): boolean {
  return !report.type.startsWith("xstate.snapshot.");
}

/** What a parent hears of a child that it watches. */
export function snapshotEvent({ logic }: Definition, parent: ParentRecord, record: ActorRecord): ActorEvent {
  const { status, value, context, output, error } = record;
  return {
    type: `xstate.snapshot.${parent.child}`,
    snapshot: { status, ...(logic === "machine" ? { value } : {}), context, output, error },
  };
}

/** The top of the tree that an actor lives in: where systemIds are kept. */
export function rootOf(address: Address, record: ActorRecord): Address {
  return record.parent?.root ?? address;
}
