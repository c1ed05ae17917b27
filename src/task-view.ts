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
  const { output, parent, parked, deadlineAt, tooLarge } = record;
  // One by one, in the order in which JSON shows them: lists are of many thousands, and an object spread out of others takes far longer.
  const view: Writable<Omit<TaskView, "revision">> = {
    type: address.type,
    id: address.id,
    kind: "task",
    state: topState(record.value) as TaskState,
    path: formatState(record.value),
    attempt: context === undefined ? 0 : numberOf(context),
  };
  if (context !== undefined) addContext(view, context, record);
  if (output !== undefined) view.output = output;
  if (parent !== undefined) view.parent = { type: parent.type, id: parent.id };
  if (parked !== undefined) view.parked = parked;
  const offer = record.activities["run"]?.offer;
  if (record.permit?.stance === "waits") view.waiting = { since: record.updatedAt, labels: [], permit: record.permit.key };
  else if (offer?.phase === "taken") view.worker = offer.worker;
  else if (offer !== undefined) view.waiting = { since: offer.since, labels: offer.labels };
  const dueAt = dueAtOf(record);
  if (dueAt !== undefined) view.dueAt = dueAt;
  if (deadlineAt !== undefined) view.deadlineAt = deadlineAt;
  if (tooLarge !== undefined) view.tooLarge = tooLarge;
  const { version, revision, createdAt, updatedAt } = record;
  return Object.assign(view, { version, revision, createdAt, updatedAt });
}

function addContext(view: Writable<Partial<TaskView>>, context: TaskContext & Partial<PlanContext>, { children }: KeptRecord): void {
  const { input, error, book, rollback } = context;
  if (input !== undefined) view.input = input;
  if (error !== undefined && error !== null) view.error = error;
  if (book !== undefined) view.progress = progressOf(book);
  if (book !== undefined && children !== undefined) view.children = addressesOf(children);
  if (rollback !== undefined && rollback !== null) view.rollback = rollback;
}

type Writable<T> = { -readonly [TKey in keyof T]: T[TKey] };

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
