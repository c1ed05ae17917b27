import { BRIEF_MS, TASKS } from "./cast.ts";
import type { Job, JobOf } from "./scenario.ts";

/** The type of the actor that a job starts. */
export function typeOf(job: Job): string {
  switch (job.kind) {
    case "task":
    case "burst":
      return job.type;
    case "family":
      return `family${job.shape}`;
    case "crew":
      return `crew-${job.strategy}`;
    case "trip":
      return `trip-${job.order}`;
    default:
      return job.kind;
  }
}

/** How a client's events are called where they are heard. */
export function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `client#${n}`);
}

/** How a task may end, whatever happens to its hosts. */
export function statesOf({ type, ms, failures, deadlineMs, cancelAfterMs }: JobOf<"task">): readonly string[] {
  const isLong = type === "brief" && ms >= BRIEF_MS;
  const mayRepeat = TASKS[type] === "rerun";
  const states = isLong ? ["failed"] : ["done"];
  if (!isLong && (!mayRepeat || failures > 0 || cancelAfterMs !== undefined)) states.push("failed");
  if (deadlineMs !== undefined) states.push("expired");
  if (TASKS[type] === "park") states.push("parked");
  return states;
}
