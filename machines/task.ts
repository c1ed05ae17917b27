import { assign, fromPromise, setup } from "xstate";
import type { ErrorRecord } from "../src/core/errors.ts";

/**
 * The life of a task: exactly five states at the top.
 *
 *            ┌───────────── undo ─────────────┐
 *   start ──►│ ready ── delay ──► delayed     │── expire ─────────────► expired
 *            │   ▲ ◄── after its delay ──┘    │
 *            │   └──── backoff ── retrying ◄──┼───────────┐
 *            └───┬────────────────────────┬───┘           │ error, retryable
 *                │ begin                  │ cancel        │ and attempts left
 *                ▼                        ▼               │
 *              doing ── done ──► done   failed ◄── error, cancel ── doing
 *
 * `done`, `failed` and `expired` are final. `begin`, `delay` and `expire` are events of type `troupe.…` that only the host sends: a slot is free, the
 * start asked for a later moment, the deadline has passed; the rest of what is called `expired` is the server removing a finished task's record after its retention.
 */

/** What a task knows. Stored in its record; every field is plain data. */
export interface TaskContext {
  readonly input: unknown;
  /** 1 for the first; counts the attempts that were made until they failed. */
  readonly attempt: number;
  /** How often attempts that failed had been started again after a crash: user code has seen as many numbers more. */
  readonly earlierReruns?: number;
  readonly delayMs: number;
  /** How long the current wait for a retry lasts. */
  readonly backoffMs: number;
  /** Why the last attempt failed, or why the task ended without a result. */
  readonly error: ErrorRecord | null;
}

export interface TaskInput {
  readonly input: unknown;
  readonly delayMs: number;
}

export type TaskEvent =
  | { readonly type: "troupe.begin" }
  | { readonly type: "troupe.delay" }
  | { readonly type: "troupe.expire" }
  | { readonly type: "cancel"; readonly reason?: string }
  | { readonly type: "xstate.error.actor.run"; readonly error: unknown };

const EXPIRED: ErrorRecord = { name: "TroupeError", code: "expired", message: "The task did not start before its deadline" };

/** The number of the attempt that begins now, as user code sees it. */
export function numberOf({ attempt, earlierReruns = 0 }: TaskContext): number {
  return attempt + earlierReruns;
}

export const taskMachine = setup({
  types: {
    context: {} as TaskContext,
    events: {} as TaskEvent,
    input: {} as TaskInput,
  },
  actors: {
    /** The user's work: an activity, replaced by each task's own. */
    run: fromPromise<unknown, { attempt: number }>(async () => undefined),
  },
  delays: {
    delay: ({ context }) => context.delayMs,
    backoff: ({ context }) => context.backoffMs,
  },
  guards: {
    /** Replaced by each task's retry policy. */
    retries: () => false,
  },
  actions: {
    /** Replaced by each task's retry policy, which also knows how long to wait. */
    planRetry: assign({ attempt: ({ context }) => context.attempt + 1 }),
    recordError: assign({ error: ({ event }) => ("error" in event ? (event.error as ErrorRecord) : null) }),
    recordCancel: assign({
      error: ({ event }): ErrorRecord => ({
        name: "TroupeError",
        code: "cancelled",
        message: "reason" in event && typeof event.reason === "string" ? event.reason : "The task was cancelled",
      }),
    }),
    endDelay: assign({ delayMs: 0 }),
    recordExpiry: assign({ error: EXPIRED }),
  },
}).createMachine({
  id: "task",
  version: "1",
  context: ({ input }) => ({ input: input.input, attempt: 1, delayMs: input.delayMs, backoffMs: 0, error: null }),
  initial: "undo",
  output: ({ event }) => ("output" in event ? event.output : undefined),
  on: {
    cancel: { target: ".failed", actions: "recordCancel" },
  },
  states: {
    undo: {
      initial: "ready",
      on: { "troupe.expire": { target: "expired", actions: "recordExpiry" } },
      states: {
        ready: {
          on: { "troupe.begin": "#task.doing", "troupe.delay": "delayed" },
        },
        delayed: { after: { delay: { target: "ready", actions: "endDelay" } } },
        retrying: { after: { backoff: "ready" } },
      },
    },
    doing: {
      invoke: {
        id: "run",
        src: "run",
        input: ({ context }) => ({ attempt: numberOf(context) }),
        onDone: "done",
        onError: [
          { guard: "retries", target: "undo.retrying", actions: ["recordError", "planRetry"] },
          { target: "failed", actions: "recordError" },
        ],
      },
    },
    done: { type: "final", output: ({ event }) => ("output" in event ? event.output : undefined) },
    failed: { type: "final" },
    expired: { type: "final" },
  },
});
