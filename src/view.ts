import type { PlanContext } from "../machines/plan.ts";
import type { TaskContext } from "../machines/task.ts";
import { formatAddress, type Address } from "./core/address.ts";
import { decodeRecord } from "./core/codec.ts";
import { asRecord, formatState, topState, type ActorRecord, type Parked } from "./core/record.ts";
import type { ErrorRecord } from "./core/errors.ts";
import type { PlanTally, Rollback } from "./core/plan-book.ts";
import { progressOf } from "./core/plan-progress.ts";
import { failureOfActor } from "./core/lifecycle.ts";

export const TASK_STATES = ["undo", "doing", "done", "failed", "expired"] as const;
export type TaskState = (typeof TASK_STATES)[number];

/**
 * A task as outsiders see it: read from its record, or from its start while no record is stored. JSON-safe if its values are. An actor
 * of another machine is shown in a task's words: `doing` while it lives, then `done` or `failed`; `path` and `context` are its own.
 */
export interface TaskView<TOutput = unknown> {
  readonly type: string;
  readonly id: string;
  readonly state: TaskState;
  /** With the states inside: `undo.retrying`. */
  readonly path: string;
  readonly attempt: number;
  readonly input?: unknown;
  /** Of an actor that is no task. */
  readonly context?: unknown;
  readonly output?: TOutput;
  readonly error?: ErrorRecord;
  /** Of a plan: its children, and theirs. */
  readonly progress?: PlanTally;
  /** Of a plan that had something to undo. */
  readonly rollback?: Rollback;
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
  const dueAt = Object.values(record.timers).reduce((least, timer) => Math.min(least, timer.dueAt), Infinity);
  return {
    ...address,
    ...(record.kind === "actor" ? actorPart(address, record) : taskPart(record)),
    ...(record.output === undefined ? {} : { output: record.output as TOutput }),
    ...(record.parked === undefined ? {} : { parked: record.parked }),
    ...(dueAt === Infinity ? {} : { dueAt }),
    ...(record.deadlineAt === undefined ? {} : { deadlineAt: record.deadlineAt }),
    revision: record.revision,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}

function taskPart(record: ActorRecord): Pick<TaskView, "state" | "path" | "attempt" | "input" | "error" | "progress" | "rollback"> {
  const context = record.context as TaskContext & Partial<PlanContext>;
  return {
    state: topState(record.value) as TaskState,
    path: formatState(record.value),
    attempt: context.attempt,
    ...(context.input === undefined ? {} : { input: context.input }),
    ...(context.error === null ? {} : { error: context.error }),
    ...(context.book === undefined ? {} : { progress: progressOf(context.book) }),
    ...(context.rollback === undefined || context.rollback === null ? {} : { rollback: context.rollback }),
  };
}

function actorPart(address: Address, record: ActorRecord): Pick<TaskView, "state" | "path" | "attempt" | "context" | "error"> {
  const { status, context } = record;
  const state = status === "active" ? "doing" : status === "done" ? "done" : "failed";
  return {
    state,
    path: formatState(record.value),
    attempt: 1,
    ...(context === undefined ? {} : { context }),
    ...(state === "failed" ? { error: failureOfActor(formatAddress(address), record) } : {}),
  };
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
