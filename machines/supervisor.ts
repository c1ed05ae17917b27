import { assign, enqueueActions, not, setup, type AnyActorLogic } from "xstate";
import type { ErrorRecord } from "../src/core/errors.ts";
import type { Member, SupervisionRecord, Verdict } from "../src/core/supervision.ts";

/**
 * A supervisor: begins its children in order and answers their failures.
 *
 *   start ──► supervising ◄────────────── begin again ◄──────────────┐
 *              │  │  ▲                                               │
 *              │  │  ├── resume, stop ──┐                            │
 *              │  │  └── end of a child │                            │
 *              │  └── a child fails ──► judged ── restart ──► stopped, waiting for its backoff
 *              │                         │
 *            stop                     escalate
 *              ▼                         ▼
 *           stopped                 in error: whoever began the supervisor hears of it
 *
 * An escalated failure is one that the machine does not handle, which is how XState ends a machine in error. `supervisor()` of troupe
 * fills in the judgement, the same one as for `supervise` of a durable actor; by itself the machine escalates everything.
 */

/** A child as its supervisor begins it, and begins it again. */
export interface SupervisedChild {
  readonly id: string;
  /** The name of its logic: `supervisorMachine.provide({ actors })`. */
  readonly src: string;
  readonly input?: unknown;
}

export interface SupervisorContext {
  /** Those that run or wait, in the order of the group. */
  readonly children: readonly SupervisedChild[];
  /** Whose restart is to come, by the count of judgements when that was decided: an earlier one is void. */
  readonly waiting: Readonly<Record<string, number>>;
  readonly judgements: number;
  readonly verdict: Verdict | null;
  readonly supervision: SupervisionRecord | null;
}

export interface SupervisorInput {
  readonly children: readonly SupervisedChild[];
}

export type SupervisorEvent =
  | { readonly type: "start"; readonly child: SupervisedChild }
  | { readonly type: "end"; readonly id: string }
  | { readonly type: "stop" }
  | { readonly type: "begin"; readonly children: readonly string[]; readonly judgement: number }
  | { readonly type: `xstate.error.actor.${string}`; readonly error: ErrorRecord; readonly actorId: string }
  | { readonly type: `xstate.done.actor.${string}`; readonly output: unknown; readonly actorId: string };

/** What the judgement is made from. */
export function membersOf({ children }: SupervisorContext): readonly Member[] {
  return children.map(({ id, src }, generation) => ({ id, src, generation }));
}

/** `supervisorMachine.provide({ actors })` fills it in. */
const WHATEVER_ITS_CHILDREN_ARE: Readonly<Record<string, AnyActorLogic>> = {};

const parts = setup({
  types: { context: {} as SupervisorContext, events: {} as SupervisorEvent, input: {} as SupervisorInput },
  actors: WHATEVER_ITS_CHILDREN_ARE,
  guards: {
    /** Replaced by each supervisor's judgement. */
    escalates: () => true,
    isNew: ({ context, event }) => event.type === "start" && context.children.every(({ id }) => id !== event.child.id),
  },
  actions: {
    /** Replaced by each supervisor's judgement: sets `verdict` and `supervision`. */
    judge: assign({ verdict: null }),
    count: assign({ judgements: ({ context }) => context.judgements + 1 }),
    add: assign({ children: ({ context, event }) => (event.type === "start" ? [...context.children, event.child] : context.children) }),
  },
});

/** Children begin in the order of the group. Spawned by name, whatever logic that is. */
const begin = (which: (context: SupervisorContext, event: SupervisorEvent) => readonly string[]) =>
  parts.enqueueActions(({ context, event, enqueue }) => {
    const ids = which(context, event);
    for (const { id, src, input } of context.children) if (ids.includes(id)) enqueue.spawnChild(src, { id, input });
    enqueue.assign({ waiting: without(context.waiting, ids) });
  });

/** What the verdict asks for. */
const carryOut = parts.enqueueActions(({ context, event, enqueue }) => {
  const { verdict, judgements } = context;
  if (verdict?.kind === "restart") {
    const { children, delayMs } = verdict;
    for (const id of children.toReversed()) enqueue.stopChild(id);
    enqueue.assign({ waiting: { ...context.waiting, ...Object.fromEntries(children.map((id) => [id, judgements])) } });
    enqueue.raise({ type: "begin", children, judgement: judgements }, delayMs > 0 ? { delay: delayMs, id: `begin ${judgements}` } : {});
  } else if (verdict?.kind === "stop") enqueue.assign({ children: left(context, event) });
});

const forget = parts.assign({
  children: ({ context, event }) => left(context, event),
  waiting: ({ context, event }) => without(context.waiting, [idOf(event)]),
});

export const supervisorMachine = parts.createMachine({
  id: "supervisor",
  context: ({ input }) => ({ children: input.children, waiting: {}, judgements: 0, verdict: null, supervision: null }),
  initial: "supervising",
  states: {
    supervising: {
      entry: begin(({ children }) => children.map(({ id }) => id)),
      on: {
        "xstate.error.actor.*": { guard: not("escalates"), actions: ["judge", "count", carryOut] },
        "xstate.done.actor.*": { actions: forget },
        begin: {
          actions: begin(({ waiting }, event) =>
            event.type === "begin" ? event.children.filter((id) => waiting[id] === event.judgement) : [],
          ),
        },
        start: { guard: "isNew", actions: ["add", begin((_context, event) => (event.type === "start" ? [event.child.id] : []))] },
        end: { actions: [enqueueActions(({ event, enqueue }) => enqueue.stopChild(idOf(event as SupervisorEvent))), forget] },
        stop: "stopped",
      },
    },
    stopped: { type: "final" },
  },
});

function idOf(event: SupervisorEvent): string {
  return "actorId" in event ? event.actorId : "id" in event ? event.id : "";
}

function left({ children }: SupervisorContext, event: SupervisorEvent): readonly SupervisedChild[] {
  return children.filter(({ id }) => id !== idOf(event));
}

function without(waiting: SupervisorContext["waiting"], ids: readonly string[]): SupervisorContext["waiting"] {
  return Object.fromEntries(Object.entries(waiting).filter(([id]) => !ids.includes(id)));
}
