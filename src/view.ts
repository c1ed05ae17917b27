import type { TaskContext } from "../machines/task.ts";
import type { Address } from "./core/address.ts";
import { decodeRecord } from "./core/codec.ts";
import { asRecord, formatState, topState, type ActorRecord, type Parked } from "./core/record.ts";
import type { ErrorRecord } from "./core/errors.ts";

export const TASK_STATES = ["undo", "doing", "done", "failed", "expired"] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A task as outsiders see it: read from its record, or from its start while no record is stored. JSON-safe if its values are. */
export interface TaskView<TOutput = unknown> {
  readonly type: string;
  readonly id: string;
  readonly state: TaskState;
  /** With the states inside: `undo.retrying`. */
  readonly path: string;
  readonly attempt: number;
  readonly input?: unknown;
  readonly output?: TOutput;
  readonly error?: ErrorRecord;
  readonly parked?: Parked;
  /** When the next timer is due, epoch ms. */
  readonly dueAt?: number;
  readonly deadlineAt?: number;
  /** 0 while no record is stored. */
  readonly revision: number;
  readonly createdAt?: number;
  readonly updatedAt?: number;
}

/** @throws bad_payload when the record was written by a later troupe */
export function viewOf<TOutput = unknown>(address: Address, bytes: Uint8Array): TaskView<TOutput> {
  const record: ActorRecord = asRecord(decodeRecord(bytes));
  // Of an actor that is no task nothing of this is there.
  const context = (record.context ?? {}) as Partial<TaskContext>;
  const dueAt = Object.values(record.timers).reduce((least, timer) => Math.min(least, timer.dueAt), Infinity);
  return {
    ...address,
    state: topState(record.value) as TaskState,
    path: formatState(record.value),
    attempt: context.attempt ?? 1,
    ...(context.input === undefined ? {} : { input: context.input }),
    ...(record.output === undefined ? {} : { output: record.output as TOutput }),
    ...errorOf(record, context),
    ...(record.parked === undefined ? {} : { parked: record.parked }),
    ...(dueAt === Infinity ? {} : { dueAt }),
    ...(record.deadlineAt === undefined ? {} : { deadlineAt: record.deadlineAt }),
    revision: record.revision,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}

function errorOf(record: ActorRecord, context: Partial<TaskContext>): { readonly error?: ErrorRecord } {
  const error = record.error ?? context.error ?? undefined;
  return error === undefined ? {} : { error };
}

/** A start that no host has taken up yet. */
export function queuedView(address: Address): TaskView {
  return { ...address, state: "undo", path: "undo.ready", attempt: 1, revision: 0 };
}

/** Its record has been removed after its retention. */
export function expiredView(address: Address): TaskView {
  return { ...address, state: "expired", path: "expired", attempt: 0, revision: 0 };
}

export function hasEnded(view: TaskView): boolean {
  return view.state !== "undo" && view.state !== "doing";
}
