import { assign, emit, fromPromise, raise, sendParent, sendTo, setup, spawnChild, type AnyActorRef } from "xstate";
import type { Definition } from "../../src/core/definition.ts";
import { castOf, defineActor } from "../../src/define-actor.ts";
import { definePlan } from "../../src/define-plan.ts";
import { defineTask } from "../../src/define.ts";
import { STRATEGIES } from "../../src/core/supervision.ts";
import { logicOf } from "../../src/logic-of.ts";
import type { Policy } from "./history.ts";
import type { Recorder } from "./recorder.ts";

/** The types of actors in a simulated run. What each does is said by its input and by what it is sent. */

/** What a task is asked to do. */
export interface Work {
  readonly ms: number;
  /** So many attempts fail before one succeeds. */
  readonly failures: number;
  readonly progress?: boolean;
}

export interface Errand extends Work {
  readonly key: string;
  readonly step?: number;
  readonly after?: readonly string[];
}

/** A plan's children, and whether the plan is to fail once they are done. */
export interface Journey {
  readonly errands: readonly Errand[];
}

/** Task types; the policies' names are theirs. `brief`: attempts of at most 400 ms. */
export const TASKS = { rerun: "rerun", fail: "fail", park: "park", brief: "rerun" } as const satisfies Record<string, Policy>;
export type TaskType = keyof typeof TASKS;
/** How the plans order their children. */
export const ORDERS = ["any", "steps", "graph"] as const;
/** Families differ in what becomes of their jobs in a crash, and in how many they have. */
export const FAMILIES = [
  { policy: "rerun", jobs: 1 },
  { policy: "rerun", jobs: 4 },
  { policy: "fail", jobs: 2 },
] as const satisfies readonly { policy: TaskType; jobs: number }[];

export const BRIEF_MS = 400;
const ATTEMPTS = 3;
const RETRY = { minDelayMs: 1_000, factor: 2, jitter: 0.25, maxDelayMs: 60_000, attempts: ATTEMPTS };

/** Every definition of a run but plans. User code in them is put in by each host (member.ts): only it knows where it runs. */
export function castOfRun(recorder: Recorder): readonly Definition[] {
  const tasks = Object.entries(TASKS).map(([name, onCrash]) =>
    defineTask<Work, string>({
      name,
      onCrash,
      retry: RETRY,
      history: name === "brief",
      ...(name === "brief" ? { timeout: BRIEF_MS } : {}),
      run: standIn,
    }),
  );
  const definitions = [
    ...tasks,
    diary(recorder),
    ...FAMILIES.map((_, i) => family(i, tasks)),
    swapper(),
    ...STRATEGIES.map((strategy) => crew(strategy)),
    defineTask<Errand, string>({ name: "errand", retry: { ...RETRY, attempts: 2 }, run: standIn }),
    defineTask<string, string>({ name: "undo-errand", retry: RETRY, run: standIn }),
  ];
  return castOf(definitions as unknown as readonly Definition[]);
}

function standIn(): never {
  throw new Error("user code is put in by each host");
}

interface Heard {
  readonly heard: readonly string[];
}
type Named = { readonly type: string; readonly name: string };

/** One more entry in what an actor has heard. */
const hear = (name: (context: never, event: never) => string) =>
  assign(({ context, event }) => ({ heard: [...(context as Heard).heard, name(context as never, event as never)] }) as never);

/**
 * Notes what it is told, acts and emits on it, answers, naps (a timer of its host), sleeps (one of the server), does chores (activities),
 * and ends once it was closed and has nothing more to wait for.
 */
function diary(recorder: Recorder): Definition {
  const note = hear((_, { name }: Named) => name);
  const machine = setup({
    types: {
      context: {} as Heard & { naps: number; chores: number; isClosing: boolean },
      events: {} as Named & { readonly replyTo?: AnyActorRef; readonly ms?: number },
      input: {} as undefined,
    },
    actors: { chore: fromPromise<string, Work>(async () => "") },
    actions: {
      act: (info) => {
        const { key } = info as unknown as { key: string };
        recorder.note({ kind: "effect", actor: key.slice(0, key.indexOf(":")), key });
      },
    },
    delays: { nap: 1_300, sleep: 5_500 },
  }).createMachine({
    context: { heard: [], naps: 0, chores: 0, isClosing: false },
    initial: "idle",
    on: {
      note: { actions: [note, "act", emit(({ event }) => ({ type: "noted", heard: event.name }) as never)] },
      ask: { actions: [note, sendTo(({ event }) => event.replyTo as AnyActorRef, ({ event }) => ({ type: "told", name: event.name }))] },
      close: { actions: [note, assign({ isClosing: true })] },
      nap: { actions: note },
      sleep: { actions: note },
      chore: { actions: note },
    },
    states: {
      idle: {
        always: { guard: ({ context }) => context.isClosing, target: "closed" },
        on: {
          nap: { target: "napping", actions: note },
          sleep: { target: "sleeping", actions: note },
          chore: { target: "working", actions: note },
        },
      },
      napping: { after: { nap: { target: "idle", actions: [hear(({ naps }: { naps: number }) => `timer#${naps}`), assign({ naps: ({ context }) => context.naps + 1 })] } } },
      sleeping: {
        after: { sleep: { target: "idle", actions: [hear(({ naps }: { naps: number }) => `timer#${naps}`), assign({ naps: ({ context }) => context.naps + 1 })] } },
      },
      working: {
        invoke: {
          id: "chore",
          src: "chore",
          input: ({ event }) => ({ ms: event.ms ?? 0, failures: 0 }),
          onDone: { target: "idle", actions: [hear(({ chores }: { chores: number }) => `chore#${chores}`), assign({ chores: ({ context }) => context.chores + 1 })] },
          onError: "broken",
        },
      },
      broken: {},
      closed: { type: "final", entry: "act" },
    },
  });
  return defineActor({ name: "diary", machine }) as unknown as Definition;
}

/** Answers its parent until it says bye. */
const echo = setup({ types: { context: {} as { answers: number } } }).createMachine({
  context: { answers: 0 },
  initial: "alive",
  states: {
    alive: {
      on: {
        ask: { actions: [sendParent(({ context }) => ({ type: "answer", name: `echo#${context.answers}` })), assign({ answers: ({ context }) => context.answers + 1 })] },
        bye: "over",
      },
    },
    over: { type: "final" },
  },
});

/** Jobs that are tasks, and an actor that is asked: over once every child has ended. */
function family(i: number, tasks: readonly Definition<Work, string>[]): Definition {
  const { policy, jobs } = FAMILIES[i] as (typeof FAMILIES)[number];
  const task = tasks.find(({ name }) => name === policy) as Definition<Work, string>;
  const ids = Array.from({ length: jobs }, (_, n) => `job${n}`);
  const ended = hear((_, event: { type: string }) => `${event.type.slice(event.type.lastIndexOf(".") + 1)}.end#0`);
  const machine = setup({
    types: {
      context: {} as Heard & { questions: number; answers: number; ends: number; ms: readonly number[] },
      input: {} as { questions: number; ms: readonly number[] },
      events: {} as { type: string; name: string },
    },
    actors: { echo, job: logicOf(task) },
  }).createMachine({
    context: ({ input }) => ({ heard: [], questions: input.questions, answers: 0, ends: 0, ms: input.ms }),
    entry: [
      spawnChild("echo", { id: "echo" }),
      ...ids.map((id, n) => spawnChild("job", { id, input: (({ context }: { context: { ms: readonly number[] } }) => ({ ms: context.ms[n] ?? 0, failures: 0 })) as never })),
      raise({ type: "go", name: "" }),
    ],
    initial: "busy",
    states: {
      busy: {
        always: { guard: ({ context }) => context.ends === jobs + 1, target: "over" },
        on: {
          go: { actions: [sendTo("echo", { type: "ask" } as never), sendTo("echo", { type: "ask" } as never)] },
          answer: [
            {
              guard: ({ context }) => context.answers + 1 < context.questions,
              actions: [
                hear((_, { name }: Named) => name),
                assign({ answers: ({ context }) => context.answers + 1 }),
                sendTo("echo", { type: "ask" } as never),
              ],
            },
            {
              guard: ({ context }) => context.answers + 1 === context.questions + 1,
              actions: [hear((_, { name }: Named) => name), assign({ answers: ({ context }) => context.answers + 1 }), sendTo("echo", { type: "bye" } as never)],
            },
            { actions: [hear((_, { name }: Named) => name), assign({ answers: ({ context }) => context.answers + 1 })] },
          ],
          "xstate.done.actor.*": { actions: [ended, assign({ ends: ({ context }) => context.ends + 1 })] },
          "xstate.error.actor.*": { actions: [ended, assign({ ends: ({ context }) => context.ends + 1 })] },
        },
      },
      over: { type: "final" },
    },
  });
  return defineActor({ name: `family${i}`, machine }) as unknown as Definition;
}

/** Lives a little, then ends by itself with what it was given. */
const part = setup({ types: { context: {} as { token: number; ms: number }, input: {} as { token: number; ms: number } }, delays: { life: ({ context }) => context.ms } }).createMachine({
  context: ({ input }) => input,
  initial: "alive",
  states: { alive: { after: { life: "over" } }, over: { type: "final" } },
  output: ({ context }) => context.token as never,
});

/** Replaces its part whenever it is told to, and is done when the one that it has is. */
function swapper(): Definition {
  const machine = setup({
    types: { context: {} as Heard & { swaps: number; ms: number }, input: {} as { ms: number }, events: {} as Named },
    actors: { part },
  }).createMachine({
    context: ({ input }) => ({ heard: [], swaps: 0, ms: input.ms }),
    initial: "busy",
    on: { swap: { actions: hear((_, { name }: Named) => name) } },
    states: {
      busy: {
        invoke: {
          id: "part",
          src: "part",
          input: ({ context }) => ({ token: context.swaps, ms: context.ms }),
          onDone: {
            target: "over",
            actions: hear(({ swaps }: { swaps: number }, { output }: { output: number }) => (output === swaps ? "part#0" : `late part ${output}`)),
          },
        },
        on: { swap: { target: "busy", reenter: true, actions: [hear((_, { name }: Named) => name), assign({ swaps: ({ context }) => context.swaps + 1 })] } },
      },
      over: { type: "final" },
    },
  });
  return defineActor({ name: "swapper", machine }) as unknown as Definition;
}

/** Throws when it is hit. */
const kid = setup({ types: { context: {} as { hits: number } } }).createMachine({
  context: { hits: 0 },
  on: {
    hit: {
      actions: assign(() => {
        throw new Error("hit");
      }),
    },
  },
});

/** Three children under supervision. */
function crew(strategy: (typeof STRATEGIES)[number]): Definition {
  const note = hear((_, { name }: Named) => name);
  const machine = setup({
    types: { context: {} as Heard, events: {} as Named & { readonly child?: "a" | "b" | "c" } },
    actors: { kid },
  }).createMachine({
    context: { heard: [] },
    initial: "busy",
    states: {
      busy: {
        invoke: ["a", "b", "c"].map((id) => ({ id, src: "kid" as const })),
        on: { hit: { actions: [note, sendTo(({ event }) => (event.child ?? "a") as never, { type: "hit" } as never)] }, close: { target: "closed", actions: note } },
      },
      closed: { type: "final" },
    },
  });
  const supervise = { strategy, children: ["a", "b", "c"], restarts: { max: 20, within: "1h" }, backoff: { minDelayMs: 200, maxDelayMs: 200, jitter: 0 } } as const;
  return defineActor({ name: `crew-${strategy}`, machine, supervise }) as unknown as Definition;
}

/** Plans over errands, undone where one fails. Made for every host anew: what a plan has yielded so far stays in its host's memory. */
export function plansOfHost(): readonly Definition[] {
  return ORDERS.map((order) => trip(order));
}

function trip(order: (typeof ORDERS)[number]): Definition {
  return definePlan<Journey>({
    name: `trip-${order}`,
    children: { errand: "errand", undo: "undo-errand" },
    order,
    concurrency: 2,
    expand: function* ({ input: { errands } }) {
      for (const errand of errands)
        yield {
          kind: "errand",
          key: errand.key,
          input: errand,
          ...(errand.step === undefined || order !== "steps" ? {} : { step: errand.step }),
          ...(errand.after === undefined || order !== "graph" ? {} : { after: errand.after }),
        };
    },
    compensate: { errand: ({ key }) => ({ kind: "undo", input: key }) },
  }) as unknown as Definition;
}
