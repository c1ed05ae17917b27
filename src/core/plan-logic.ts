import { assign, enqueueActions, type AnyStateMachine } from "xstate";
import type { PlanContext } from "../../machines/plan-context.ts";
import type { planMachine } from "../../machines/plan.ts";
import type { PlanPage } from "../../machines/plan-page.ts";
import type { ErrorRecord } from "./errors.ts";
import { isAlone, isIdle, type PlanTally } from "./plan-book.ts";
import {
  batchTaken,
  childDone,
  childFailed,
  childRested,
  childTold,
  childrenStopped,
  compensationEnded,
  hasRoom,
  lateDone,
  lateFailed,
  pageTurned,
  rollbackOver,
  undoingBegun,
  withProgress,
  type Batch,
  type PlanRules,
  type PlanStep,
} from "./plan-steps.ts";
import { chanceOf, counted, retryDelayMs, type RetryPolicy } from "./retry.ts";
import { stubLogic } from "./stub.ts";

/** Which of its phases a plan has code for, and how they are tried again. */
export interface PlanPhases {
  readonly prepares: boolean;
  readonly finishes: boolean;
  readonly cleans: boolean;
  readonly retry: RetryPolicy;
  readonly ackOn: AckOn;
}

/** When whoever waits for a plan is told that it will be done. */
export type AckOn = "accepted" | "expanded" | "finished";

interface Heard extends PlanPage {
  readonly type: string;
  readonly actorId: string;
  readonly key: string;
  readonly output: unknown;
  readonly progress: PlanTally;
  readonly error: ErrorRecord;
}

type Told = (context: PlanContext, event: Heard, about: string) => PlanStep;

/** The plan machine with one plan's rules, ready to be interpreted: children and work are stubs here. */
export function planLogic(machine: typeof planMachine, rules: PlanRules, { retry, ...phases }: PlanPhases): AnyStateMachine {
  const stubs = ["plan.prepare", "plan.expand", "plan.finish", "plan.cleanup", "plan.page", ...rules.kinds.keys()];
  const provided: Parameters<typeof machine.provide>[0] = {
    actors: Object.fromEntries(stubs.map((src) => [src, stubLogic as never])),
    guards: {
      prepares: () => phases.prepares,
      finishes: () => phases.finishes,
      cleans: () => phases.cleans,
      retries: ({ context, event }) => (event as { error?: ErrorRecord }).error?.retryable !== false && context.attempt < retry.attempts,
      hasRoom: ({ context }) => hasRoom(context, rules),
      isIdle: ({ context }) => isIdle(context.book),
      isAlone: ({ context }) => isAlone(context.book),
      isUndone: ({ context: { book } }) => isAlone(book) && book.undo.length === 0 && book.page === null,
      needsPage: ({ context: { book } }) => isAlone(book) && book.undo.length === 0 && book.page !== null,
    },
    actions: {
      countTry: assign(({ context, event, self }) => ({
        ...counted(context, event),
        backoffMs: retryDelayMs(retry, context.attempt, chanceOf(`${self.id}:${context.attempt}`)),
      })),
      ackAccepted: phases.ackOn === "accepted" ? acknowledge("accepted") : () => {},
      ackExpanded: phases.ackOn === "expanded" ? acknowledge("expanded") : () => {},
      takeIn: step((context, { output }, about) => batchTaken(context, rules, output as Batch, about)),
      childDone: step((context, { actorId, output }, about) => childDone(context, rules, actorId, output, about)),
      childFailed: step((context, { actorId, error }, about) => childFailed(context, rules, actorId, error, about)),
      childTold: step((context, { actorId, progress }) => childTold(context, actorId, progress)),
      childRested: step((context, { key }) => childRested(context, rules, key)),
      stopChildren: step((context) => childrenStopped(context, rules)),
      lateDone: step((context, { actorId, output }, about) => lateDone(context, rules, actorId, output, about)),
      lateFailed: step((context, { actorId, error }, about) => lateFailed(context, rules, actorId, error, about)),
      beginUndoing: step((context) => undoingBegun(context, rules)),
      compensated: step((context, { actorId }) => compensationEnded(context, rules, actorId, undefined)),
      compensationFailed: step((context, { actorId, error }) => compensationEnded(context, rules, actorId, error)),
      takePage: step((context, { undo, below }) => pageTurned(context, { undo, below })),
      endRollback: step((context) => rollbackOver(context)),
    },
  };
  return machine.provide(provided);
}

function acknowledge(acknowledged: PlanContext["acknowledged"]): never {
  return enqueueActions(({ enqueue }) => {
    enqueue.assign({ acknowledged });
    enqueue({ type: "troupe.acknowledge" });
  }) as never;
}

/** What a step says, in XState's words. */
function step(told: Told): never {
  return enqueueActions(({ context, event, enqueue, self }) => {
    const { patch, begin, ended, rest, cancel, stop, withdraw, page, tell } = withProgress(
      context as PlanContext,
      told(context as PlanContext, event as unknown as Heard, self.id),
    );
    enqueue.assign(patch);
    if (page !== undefined)
      enqueue.assign(({ context: { book }, spawn }) => ({ book: { ...book, page: spawn(PAGE, { id: PAGE, input: page }) } }));
    if (tell !== undefined) enqueue({ type: "troupe.progress", params: tell });
    if (ended !== undefined) enqueue.stopChild(ended);
    for (const key of stop ?? []) enqueue.stopChild(key);
    for (const key of cancel ?? []) enqueue.sendTo(key, CANCEL);
    for (const key of withdraw ?? []) enqueue.cancel(restOf(key));
    if (rest !== undefined) enqueue.raise({ type: "troupe.rested", key: rest.key } as never, { delay: rest.delayMs, id: restOf(rest.key) });
    for (const { key, kind, input } of begin ?? []) enqueue.spawnChild(kind as never, { id: key, input });
  }) as never;
}

const PAGE = "plan.page";
const CANCEL = { type: "cancel", reason: "Its plan was given up" };

/** The timer of a child's rest. */
function restOf(key: string): string {
  return `rest ${key}`;
}
