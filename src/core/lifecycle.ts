import type { PlanContext } from "../../machines/plan-context.ts";
import type { TaskContext } from "../../machines/task.ts";
import type { Definition } from "./definition.ts";
import type { ActorEvent } from "./envelope.ts";
import { TroupeError, toErrorRecord, type ErrorRecord } from "./errors.ts";
import { lacksPermit } from "./permit.ts";
import type { Rollback } from "./plan-book.ts";
import { topState, type ActorRecord } from "./record.ts";

/** A task that could begin now if a host had a free slot: it has its permit, where its type is limited. */
export function isReady({ kind }: Pick<Definition, "kind">, record: ActorRecord): boolean {
  const value = record.value;
  return (
    kind === "task" &&
    record.status === "active" &&
    record.parked === undefined &&
    typeof value === "object" &&
    value["undo"] === "ready" &&
    !lacksPermit(record)
  );
}

/** It should have begun by now. `now` in epoch ms. */
export function isLate({ deadlineAt }: ActorRecord, now: number): boolean {
  return deadlineAt !== undefined && deadlineAt <= now;
}

/** What its host says to a task: that it begins, for it has all that it waited for; waits its delay first; is too late. */
export const BEGIN: ActorEvent = { type: "troupe.begin" };
export const EXPIRE: ActorEvent = { type: "troupe.expire" };
const DELAY: ActorEvent = { type: "troupe.delay" };

/** To one that has just been started and has a slot. `now` in epoch ms. */
export function firstEvent(record: ActorRecord, now: number): ActorEvent {
  if (isLate(record, now)) return EXPIRE;
  return delayOf(record) > 0 ? DELAY : BEGIN;
}

/** How long a task waits before it is ready for the first time. */
export function delayOf(record: ActorRecord): number {
  return (record.context as TaskContext).delayMs;
}

/** What one activity run gets beside its input: the number of the attempt that users see. */
export function attemptOf(input: unknown, reruns: number): number {
  const attempt =
    typeof input === "object" && input !== null && "attempt" in input && typeof input.attempt === "number" ? input.attempt : 1;
  return attempt + reruns;
}

/** How a task ended, as whoever waits for it is told. On the wire as JSON. */
export interface Outcome {
  readonly type: string;
  readonly id: string;
  /** `undo` and `doing` only where `acknowledged` is present. */
  readonly state: "undo" | "doing" | "done" | "failed" | "expired";
  readonly output?: unknown;
  readonly error?: TaskContext["error"];
  readonly attempt: number;
  /** A plan that answers before its end: how far it has come. */
  readonly acknowledged?: "accepted" | "expanded";
  /** How what a plan had done was undone. */
  readonly rollback?: Rollback;
  /** Present on the answer to a second start of the same id. */
  readonly duplicate?: true;
  /** The output, or the error, is larger than a message: it is in the record. */
  readonly inRecord?: true;
}

export function outcomeOf(type: string, id: string, record: ActorRecord): Outcome {
  if (record.kind === "actor") return outcomeOfActor(type, id, record);
  const context = record.context as TaskContext;
  const state = record.value as Outcome["state"];
  return state === "done"
    ? { type, id, state, ...(record.output === undefined ? {} : { output: record.output }), attempt: numberOf(context) }
    : { type, id, state, error: context.error, attempt: numberOf(context), ...rollbackOf(context) };
}

/** Of the newest attempt, as user code sees it but for what crashed since. */
export function numberOf({ attempt, earlierReruns = 0 }: TaskContext): number {
  return attempt + earlierReruns;
}

function rollbackOf(context: object): Pick<Outcome, "rollback"> {
  const { rollback } = context as Partial<PlanContext>;
  return rollback === undefined || rollback === null ? {} : { rollback };
}

/** What whoever waits for a plan is told before its end; undefined where it is not to be told yet. */
export function acknowledgementOf(type: string, id: string, record: ActorRecord): Outcome | undefined {
  const { acknowledged, attempt } = (record.context ?? {}) as Partial<PlanContext>;
  if (record.kind === "actor" || record.status !== "active" || acknowledged === undefined || acknowledged === null) return undefined;
  return { type, id, state: topState(record.value) as Outcome["state"], attempt: attempt ?? 1, acknowledged };
}

/** An actor's end in a task's words. One that was stopped has no output, and no error of its own either. */
function outcomeOfActor(type: string, id: string, record: ActorRecord): Outcome {
  const { status, output } = record;
  if (status === "done") return { type, id, state: "done", ...(output === undefined ? {} : { output }), attempt: 1 };
  return { type, id, state: "failed", error: failureOfActor(`${type}/${id}`, record), attempt: 1 };
}

/** What is told of an actor that has ended without being done. */
function failureOfActor(about: string, { error }: ActorRecord): ErrorRecord {
  return error ?? toErrorRecord(new TroupeError("cancelled", `${about} was stopped`, { about }));
}
