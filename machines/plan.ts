import { assign, enqueueActions, fromPromise, sendTo, setup } from "xstate";
import type { ErrorRecord } from "../src/core/errors.ts";
import type { PlanBook } from "../src/core/plan-book.ts";
import type { PlanContext, PlanEvent } from "./plan-context.ts";
import { numberOf } from "./task.ts";
import type { TaskInput } from "./task.ts";

/**
 * The life of a plan: a task whose work is done by children.
 *
 *   undo ── begin ──► doing ──► done | failed; or expired, from undo, as every task
 *
 *   doing:   preparing ──► expanding ──► running ──► finishing ──┬──► cleaning ──► done, failed
 *                │            │ child fails, error,    │ error   │
 *                │ error      ▼ cancel                 ▼         │
 *                └──────► rollingBack ◄────────────────┘         │
 *                         stopping ──► undoing ──────────────────┘
 *
 * `expanding` asks for children and begins them while it goes on, with pauses where enough are known; `running` knows them all.
 * `rollingBack` first waits until every child that has begun has ended, then runs what undoes those that were done, the latest first.
 * Whatever a plan has no code for (prepare, finish, cleanup) is left out. An error in any of those is tried again like a task's.
 */

const EXPIRED: ErrorRecord = { name: "TroupeError", code: "expired", message: "The plan did not start before its deadline" };

const EMPTY_BOOK: PlanBook = {
  waiting: [],
  live: [],
  resting: {},
  undo: [],
  undoBytes: 0,
  page: null,
  step: 0,
  tally: { total: 0, done: 0, failed: 0, dropped: 0 },
};

const never = (): boolean => false;
const unknowing = (): void => {};

/** Replaced by each plan's own: see src/define-plan.ts. */
export const planMachine = setup({
  types: { context: {} as PlanContext, events: {} as PlanEvent, input: {} as TaskInput },
  actors: {
    "plan.prepare": fromPromise<unknown, { attempt: number }>(async () => undefined),
    "plan.expand": fromPromise<unknown, { attempt: number }>(async () => undefined),
    "plan.finish": fromPromise<unknown, { attempt: number }>(async () => undefined),
    "plan.cleanup": fromPromise<unknown, { attempt: number }>(async () => undefined),
  },
  delays: { delay: ({ context }) => context.delayMs, backoff: ({ context }) => context.backoffMs },
  guards: {
    prepares: never,
    finishes: never,
    cleans: never,
    retries: never,
    /** More children may be asked for. */
    hasRoom: never,
    isExpanded: ({ context }) => context.isExpanded,
    isBroken: ({ context }) => context.error !== null,
    /** Every child has ended. */
    isIdle: never,
    /** No child works any more. */
    isAlone: never,
    isUndone: never,
    /** Nothing is left to undo but what lies on pages. */
    needsPage: never,
  },
  actions: {
    countTry: assign({ attempt: ({ context }) => context.attempt + 1 }),
    nextPhase: assign(({ context }) => (context.earlierReruns === undefined ? { attempt: 1 } : { attempt: 1, earlierReruns: 0 })),
    recordError: assign({ error: ({ event }) => ("error" in event ? (event.error as ErrorRecord) : null) }),
    recordCancel: assign({
      error: ({ event }): ErrorRecord => ({
        name: "TroupeError",
        code: "cancelled",
        message: "reason" in event && typeof event.reason === "string" ? event.reason : "The plan was cancelled",
      }),
    }),
    recordExpiry: assign({ error: EXPIRED }),
    endDelay: assign({ delayMs: 0 }),
    recordPrepared: assign({ prepared: ({ event }) => ("output" in event ? event.output : undefined) }),
    recordOutput: assign({ output: ({ event }) => ("output" in event ? event.output : undefined) }),
    recordCollected: assign({ output: ({ context }) => context.collected }),
    recordCleanupError: assign({ cleanupError: ({ event }) => ("error" in event ? (event.error as ErrorRecord) : null) }),
    takeIn: unknowing,
    childDone: unknowing,
    childFailed: unknowing,
    childRested: unknowing,
    childTold: unknowing,
    ackAccepted: unknowing,
    ackExpanded: unknowing,
    "troupe.progress": unknowing,
    "troupe.acknowledge": unknowing,
    stopChildren: unknowing,
    lateDone: unknowing,
    lateFailed: unknowing,
    beginUndoing: unknowing,
    compensated: unknowing,
    compensationFailed: unknowing,
    endRollback: unknowing,
    takePage: unknowing,
    askForPage: sendTo(({ context }) => context.book.page as never, { type: "troupe.give" } as never),
    dropPages: enqueueActions(({ context, enqueue }) => {
      if (context.book.page !== null) enqueue.sendTo(context.book.page as never, { type: "troupe.drop" } as never);
    }),
  },
}).createMachine({
  id: "plan",
  version: "1",
  context: ({ input }) => ({
    input: input.input,
    attempt: 1,
    delayMs: input.delayMs,
    backoffMs: 0,
    error: null,
    prepared: undefined,
    cursor: { at: null, past: 0, count: 0 },
    isExpanded: false,
    book: EMPTY_BOOK,
    collected: undefined,
    output: undefined,
    rollback: null,
    toldAt: -1,
    acknowledged: null,
    cleanupError: null,
  }),
  initial: "undo",
  output: ({ context }) => context.output,
  states: {
    undo: {
      initial: "ready",
      entry: "ackAccepted",
      on: {
        "troupe.expire": { target: "expired", actions: "recordExpiry" },
        cancel: { target: "failed", actions: "recordCancel" },
      },
      states: {
        ready: { on: { "troupe.begin": "#plan.doing", "troupe.delay": "delayed" } },
        delayed: { after: { delay: { target: "ready", actions: "endDelay" } } },
      },
    },
    doing: {
      initial: "beginning",
      on: {
        cancel: { target: "doing.rollingBack", actions: "recordCancel" },
        "xstate.done.actor.*": { actions: "childDone" },
        "xstate.error.actor.*": { actions: "childFailed" },
        "troupe.progress.*": { actions: "childTold" },
        "troupe.rested": { actions: "childRested" },
      },
      states: {
        beginning: { always: [{ guard: "prepares", target: "preparing" }, { target: "expanding" }] },
        preparing: {
          initial: "trying",
          states: {
            trying: {
              invoke: {
                id: "plan.prepare",
                src: "plan.prepare",
                input: ({ context }) => ({ attempt: numberOf(context) }),
                onDone: { target: "#plan.doing.expanding", actions: ["recordPrepared", "nextPhase"] },
                onError: [
                  { guard: "retries", target: "retrying", actions: "countTry" },
                  { target: "#plan.doing.rollingBack", actions: "recordError" },
                ],
              },
            },
            retrying: { after: { backoff: "trying" } },
          },
        },
        expanding: {
          initial: "deciding",
          always: { guard: "isBroken", target: "rollingBack" },
          states: {
            deciding: {
              always: [
                { guard: "isBroken", target: "#plan.doing.rollingBack" },
                { guard: "isExpanded", target: "#plan.doing.running" },
                { guard: "hasRoom", target: "trying" },
                { target: "pausing" },
              ],
            },
            trying: {
              invoke: {
                id: "plan.expand",
                src: "plan.expand",
                input: ({ context }) => ({ attempt: numberOf(context) }),
                onDone: { target: "deciding", actions: ["takeIn", "nextPhase"] },
                onError: [
                  { guard: "retries", target: "retrying", actions: "countTry" },
                  { target: "#plan.doing.rollingBack", actions: "recordError" },
                ],
              },
            },
            retrying: { after: { backoff: "trying" } },
            pausing: { always: { guard: "hasRoom", target: "trying" } },
          },
        },
        running: {
          entry: "ackExpanded",
          always: [
            { guard: "isBroken", target: "rollingBack" },
            { guard: "isIdle", target: "concluding" },
          ],
        },
        concluding: {
          always: [
            { guard: "finishes", target: "finishing" },
            { target: "leaving", actions: "recordCollected" },
          ],
        },
        finishing: {
          initial: "trying",
          states: {
            trying: {
              invoke: {
                id: "plan.finish",
                src: "plan.finish",
                input: ({ context }) => ({ attempt: numberOf(context) }),
                onDone: { target: "#plan.doing.leaving", actions: ["recordOutput", "nextPhase"] },
                onError: [
                  { guard: "retries", target: "retrying", actions: "countTry" },
                  { target: "#plan.doing.rollingBack", actions: "recordError" },
                ],
              },
            },
            retrying: { after: { backoff: "trying" } },
          },
        },
        rollingBack: {
          initial: "stopping",
          entry: ["stopChildren", "nextPhase"],
          on: { cancel: {}, "troupe.progress.*": {} },
          states: {
            stopping: {
              always: { guard: "isAlone", target: "undoing" },
              on: { "xstate.done.actor.*": { actions: "lateDone" }, "xstate.error.actor.*": { actions: "lateFailed" } },
            },
            undoing: {
              entry: "beginUndoing",
              always: [
                { guard: "isUndone", target: "#plan.doing.leaving", actions: "endRollback" },
                { guard: "needsPage", target: "fetching" },
              ],
              on: { "xstate.done.actor.*": { actions: "compensated" }, "xstate.error.actor.*": { actions: "compensationFailed" } },
            },
            fetching: { entry: "askForPage", on: { "troupe.page": { target: "undoing", actions: "takePage" } } },
          },
        },
        leaving: {
          always: [{ guard: "cleans", target: "cleaning" }, { guard: "isBroken", target: "#plan.failed" }, { target: "#plan.done" }],
        },
        cleaning: {
          initial: "trying",
          on: { cancel: {} },
          states: {
            trying: {
              invoke: {
                id: "plan.cleanup",
                src: "plan.cleanup",
                input: ({ context }) => ({ attempt: numberOf(context) }),
                onDone: "left",
                onError: [
                  { guard: "retries", target: "retrying", actions: "countTry" },
                  { target: "left", actions: "recordCleanupError" },
                ],
              },
            },
            retrying: { after: { backoff: "trying" } },
            left: { always: [{ guard: "isBroken", target: "#plan.failed" }, { target: "#plan.done" }] },
          },
        },
      },
    },
    done: { type: "final", entry: "dropPages" },
    failed: { type: "final" },
    expired: { type: "final" },
  },
});
