import type { PlanContext } from "../machines/plan-context.ts";
import type { TaskContext } from "../machines/task.ts";
import type { Address } from "./core/address.ts";
import type { ErrorRecord } from "./core/errors.ts";
import type { PlanTally, Rollback } from "./core/plan-book.ts";
import { numberOf } from "./core/lifecycle.ts";
import { progressOf } from "./core/plan-progress.ts";
import { formatState, topState, type ActorRecord, type Parked } from "./core/record.ts";

export const TASK_STATES = ["undo", "doing", "done", "failed", "expired"] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A task as outsiders see it: read from its record, or from its start while no record is stored. JSON-safe if its values are. */
export interface TaskView<TOutput = unknown> {
  readonly type: string;
  readonly id: string;
  readonly kind: "task";
  readonly state: TaskState;
  /** With the states inside: `undo.retrying`. */
  readonly path: string;
  readonly attempt: number;
  readonly input?: unknown;
  readonly output?: TOutput;
  readonly error?: ErrorRecord;
  /** Of a plan: its children, and theirs. */
  readonly progress?: PlanTally;
  /** Of a plan: those children that have begun and not ended, by their keys. */
  readonly children?: Readonly<Record<string, Address>>;
  /** Of a plan that had something to undo. */
  readonly rollback?: Rollback;
  /** Whose child it is. */
  readonly parent?: Address;
  readonly parked?: Parked;
  /**
   * Its attempt was offered to others, and nobody has taken it yet: since when (epoch ms), and what a host must have to take it. Or its
   * type is limited, and it waits for its permit: under which key, "" where the type has none.
   */
  readonly waiting?: { readonly since: number; readonly labels: readonly string[]; readonly permit?: string };
  /** Who runs its attempt, where that is not its owner. */
  readonly worker?: string;
  /** When the next timer is due, epoch ms. */
  readonly dueAt?: number;
  readonly deadlineAt?: number;
  /** Of a turn whose record the history did not keep: its bytes. What was in it is missing here. */
  readonly tooLarge?: number;
  /** Of the definition that wrote the record; absent while none is stored. */
  readonly version?: string;
  /** 0 while no record is stored. */
  readonly revision: number;
  readonly createdAt?: number;
  readonly updatedAt?: number;
}

/** A record, or what the history keeps of a large one. */
export type KeptRecord = ActorRecord & { readonly tooLarge?: number };

export function taskViewOf(address: Address, record: KeptRecord): TaskView {
  const context = record.context as (TaskContext & Partial<PlanContext>) | undefined;
  const { output, parent, parked, deadlineAt } = record;
  const dueAt = dueAtOf(record);
  return {
    ...address,
    kind: "task",
    state: topState(record.value) as TaskState,
    path: formatState(record.value),
    attempt: context === undefined ? 0 : numberOf(context),
    ...(context?.input === undefined ? {} : { input: context.input }),
    ...((context?.error ?? null) === null ? {} : { error: context?.error as ErrorRecord }),
    ...(context?.book === undefined ? {} : { progress: progressOf(context.book) }),
    ...(context?.book === undefined || record.children === undefined ? {} : { children: addressesOf(record.children) }),
    ...((context?.rollback ?? null) === null ? {} : { rollback: context?.rollback as Rollback }),
    ...(output === undefined ? {} : { output }),
    ...(parent === undefined ? {} : { parent: { type: parent.type, id: parent.id } }),
    ...(parked === undefined ? {} : { parked }),
    ...offerOf(record),
    ...(dueAt === undefined ? {} : { dueAt }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
    ...(record.tooLarge === undefined ? {} : { tooLarge: record.tooLarge }),
    version: record.version,
    revision: record.revision,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
  };
}

function offerOf({ activities, permit, updatedAt }: KeptRecord): Pick<TaskView, "waiting" | "worker"> {
  if (permit?.stance === "waits") return { waiting: { since: updatedAt, labels: [], permit: permit.key } };
  const offer = activities["run"]?.offer;
  if (offer === undefined) return {};
  return offer.phase === "taken" ? { worker: offer.worker } : { waiting: { since: offer.since, labels: offer.labels } };
}

/** By their ids in the machine. */
export function addressesOf(children: Readonly<Record<string, Address>>): Readonly<Record<string, Address>> {
  return Object.fromEntries(Object.entries(children).map(([name, { type, id }]) => [name, { type, id }]));
}

/** When the next timer of an actor is due, epoch ms. */
export function dueAtOf({ timers }: ActorRecord): number | undefined {
  const dueAt = Object.values(timers).reduce((least, timer) => Math.min(least, timer.dueAt), Infinity);
  return dueAt === Infinity ? undefined : dueAt;
}

export function queuedTask(address: Address): TaskView {
  return { ...address, kind: "task", state: "undo", path: "undo.ready", attempt: 1, revision: 0 };
}

/** Its record has been removed after its retention. */
export function expiredTask(address: Address): TaskView {
  return { ...address, kind: "task", state: "expired", path: "expired", attempt: 0, revision: 0 };
}
