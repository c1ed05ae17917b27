import type { StandardSchemaV1 } from "@standard-schema/spec";
import { assign, type AnyStateMachine } from "xstate";
import { taskMachine, type TaskContext } from "../machines/task.ts";
import { isType, MAX_TYPE_BYTES } from "./core/address.ts";
import type { ActivityContext, CrashPolicy, Definition } from "./core/definition.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { TroupeError, type ErrorRecord, type Fault } from "./core/errors.ts";
import { faultsOfLabels } from "./core/labels.ts";
import { chanceOf, counted, DEFAULT_RETRY, faultsOfRetry, retryDelayMs, type RetryPolicy } from "./core/retry.ts";
import { forgetting } from "./core/forgetting.ts";
import { faultsOfRunLimits, type RunLimits } from "./core/run-limits.ts";
import { shapeOf } from "./core/shape.ts";
import { stubLogic } from "./core/stub.ts";
import type { TaskView } from "./task-view.ts";
import { versioned, type VersionOptions } from "./versioning.ts";

/** What a task is. Every field but `name` and `run` has a default. */
export interface TaskOptions<TInput, TOutput> extends VersionOptions {
  /** The type in addresses and subjects: letters, digits, _ and -. */
  readonly name: string;
  /** Standard Schemas (zod, valibot, arktype), checked where a message enters and again where it runs. */
  readonly input?: StandardSchemaV1<unknown, TInput>;
  readonly output?: StandardSchemaV1<unknown, TOutput>;
  readonly run: (context: ActivityContext<TInput>) => TOutput | Promise<TOutput>;
  /** Default: 3 attempts, 1 s doubling to 1 min, a quarter of jitter. */
  readonly retry?: Partial<RetryPolicy>;
  /** What a host must have to run it: `["gpu"]`. Wherever the task is, the attempt goes to one that has all of them. */
  readonly labels?: readonly string[];
  /** The longest one attempt may take. Default: no limit. */
  readonly timeout?: Duration;
  /** The longest silence between two calls of `heartbeat`. Default: none are expected. */
  readonly heartbeatTimeout?: Duration;
  /** What becomes of an attempt whose host died. Default: `rerun`. */
  readonly onCrash?: CrashPolicy;
  /** How many attempts may run at once in the whole cluster, and begin in a second: of the type, and of each key. Default: no limit. */
  readonly limits?: RunLimits<TInput>;
  /** How long the record of a finished task is kept. Default: an hour when done, a day otherwise; at least a minute. */
  readonly retention?: { readonly done?: Duration; readonly failed?: Duration };
  /** Keep every turn for time travel. Default: no; it halves the commit rate. */
  readonly history?: boolean;
}

/** What is known of a task from its definition. */
export type TaskDefinition<TInput = unknown, TOutput = unknown> = Definition<TInput, TOutput, TaskEvent, TaskView<TOutput>>;

/** What a task understands: `retry` where it is parked. */
export type TaskEvent = { readonly type: "cancel"; readonly reason?: string } | { readonly type: "retry"; readonly drop?: boolean };

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/**
 * A durable task: `undo → doing → done | failed → expired`, around one function.
 * @throws bad_options listing every fault
 */
export function defineTask<TInput = unknown, TOutput = unknown>(options: TaskOptions<TInput, TOutput>): TaskDefinition<TInput, TOutput> {
  const faults: Fault[] = [];
  const retry = { ...DEFAULT_RETRY, ...options.retry };
  const duration = (path: string, value: Duration | undefined, leastMs: number): number | undefined => {
    if (value === undefined) return undefined;
    const ms = parseDuration(value);
    if (ms === undefined || ms < leastMs)
      faults.push({ path, message: `must be a duration of at least ${leastMs} ms, such as "30s", not ${JSON.stringify(value)}` });
    return ms;
  };
  if (!isType(options.name))
    faults.push({ path: "name", message: `must be letters, digits, _ and -, at most ${MAX_TYPE_BYTES}, not "${options.name}"` });
  if (typeof options.run !== "function") faults.push({ path: "run", message: "must be a function" });
  const { onCrash = "rerun" } = options;
  if (!["rerun", "fail", "park"].includes(onCrash))
    faults.push({ path: "onCrash", message: `must be rerun, fail or park, not "${onCrash}"` });
  faults.push(...faultsOfRetry(retry, "retry"), ...faultsOfLabels(options.labels), ...faultsOfRunLimits(options.limits));
  const versions = versioned("task", options.name, options, faults);
  const timeoutMs = duration("timeout", options.timeout, 1);
  const heartbeatTimeoutMs = duration("heartbeatTimeout", options.heartbeatTimeout, 1);
  const doneMs = duration("retention.done", options.retention?.done, MINUTE_MS) ?? HOUR_MS;
  const failedMs = duration("retention.failed", options.retention?.failed, MINUTE_MS) ?? 24 * HOUR_MS;
  if (faults.length > 0) {
    throw new TroupeError(
      "bad_options",
      `The task "${options.name}" is not well defined: ${faults.map((f) => `${f.path} ${f.message}`).join("; ")}`,
      { faults, about: options.name },
    );
  }
  const labelled = options.labels === undefined || options.labels.length === 0 ? {} : { labels: [...options.labels] };
  const machine = forgetting(taskLogic(retry));
  const run = options.run as (context: ActivityContext) => unknown;
  return {
    kind: "task",
    logic: "machine",
    name: options.name,
    ...versions,
    machine,
    shape: shapeOf(machine),
    activities: new Map([
      ["run", { run, input: (context) => (context as TaskContext).input, onCrash, timeoutMs, heartbeatTimeoutMs, ...labelled }],
    ]),
    retention: { doneMs, failedMs },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    history: options.history ?? false,
    inputSchema: options.input,
    outputSchema: options.output,
  };
}

/** The task machine with one task's retry policy, ready to be interpreted: its work is an activity, so a stub stands here. */
function taskLogic(policy: RetryPolicy): AnyStateMachine {
  return taskMachine.provide({
    guards: {
      retries: ({ context, event }) => (event as { error?: ErrorRecord }).error?.retryable !== false && context.attempt < policy.attempts,
    },
    actions: {
      planRetry: assign(({ context, event, self }) => {
        const { attempt } = context;
        return { ...counted(context, event), backoffMs: retryDelayMs(policy, attempt, chanceOf(`${self.id}:${attempt}`)) };
      }),
    },
    actors: { run: stubLogic as never },
  });
}
