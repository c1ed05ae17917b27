import type { TaskContext } from "../../machines/task.ts";
import type { ActorRecord } from "./record.ts";

/** A task that could begin now if a host had a free slot. */
export function isReady(record: ActorRecord): boolean {
  const value = record.value;
  return record.status === "active" && record.parked === undefined && typeof value === "object" && value["undo"] === "ready";
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
  readonly state: "done" | "failed" | "expired";
  readonly output?: unknown;
  readonly error?: TaskContext["error"];
  readonly attempt: number;
  /** Present on the answer to a second start of the same id. */
  readonly duplicate?: true;
}

export function outcomeOf(type: string, id: string, record: ActorRecord): Outcome {
  const context = record.context as TaskContext;
  const state = record.value as Outcome["state"];
  return state === "done"
    ? { type, id, state, ...(record.output === undefined ? {} : { output: record.output }), attempt: context.attempt }
    : { type, id, state, error: context.error, attempt: context.attempt };
}
