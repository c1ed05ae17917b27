/** The actors that are measured. History is off where others keep none; `journal` is the counter with it. */
import { assign, emit, setup } from "xstate";
import { defineActor, definePlan, defineTask } from "../src/index.ts";

export const CHILDREN = 100;

const job = defineTask<{ n: number }, number>({ name: "job", run: ({ input }) => input.n });
const stub = setup({}).createMachine({ initial: "end", states: { end: { type: "final" } } });

/** A hundred children that do nothing; done when all of them are. */
const parent = setup({ types: { context: {} as { left: number } }, actors: { job: stub } }).createMachine({
  context: ({ spawn }) => {
    for (let n = 0; n < CHILDREN; n++) spawn("job", { id: `c${n}`, input: { n } });
    return { left: CHILDREN };
  },
  on: { "xstate.done.actor.*": { actions: assign({ left: ({ context }) => context.left - 1 }) } },
  initial: "waiting",
  states: { waiting: { always: { guard: ({ context }) => context.left === 0, target: "done" } }, done: { type: "final" } },
});

interface Count {
  readonly events: number;
  readonly heard: number;
}

/** Hears numbered events and ends with the last; one that is out of order stops it for good. */
export const counter = setup({
  types: { context: {} as Count, input: {} as { events: number }, events: {} as { type: "tick"; n: number } },
}).createMachine({
  context: ({ input }) => ({ events: input.events, heard: 0 }),
  initial: "counting",
  states: {
    counting: {
      on: {
        tick: [
          { guard: ({ context, event }) => event.n !== context.heard, target: "disordered" },
          { guard: ({ context }) => context.heard + 1 === context.events, target: "done" },
          { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
        ],
      },
    },
    disordered: { on: { tick: {} } },
    done: { type: "final" },
  },
});

/** Says that it has rung, once that is stored. */
const bell = setup({
  types: { context: {} as { dueAt: number }, input: {} as { dueAt: number }, emitted: {} as { type: "rung"; dueAt: number } },
  delays: { due: ({ context }) => context.dueAt - Date.now() },
}).createMachine({
  context: ({ input }) => ({ dueAt: input.dueAt }),
  initial: "waiting",
  states: {
    waiting: { after: { due: { target: "rung", actions: emit(({ context }) => ({ type: "rung" as const, dueAt: context.dueAt })) } } },
    rung: { type: "final" },
  },
});

/** Sleeps until it is called, and answers. */
const sleeper = setup({ types: { events: {} as { type: "call" }, emitted: {} as { type: "awake" } } }).createMachine({
  on: { call: { actions: emit({ type: "awake" }) } },
});

/** Children that do nothing, as many as it is told, with a limit; tells how many are done. */
const bulk = definePlan<{ children: number }, number, unknown, number>({
  name: "bulk",
  children: { job },
  concurrency: 64,
  *expand({ input, cursor }) {
    for (let n = (cursor as number | undefined) ?? 0; n < input.children; n++) yield { kind: "job", input: { n }, cursor: n + 1 };
  },
  collect: (done = 0) => done + 1,
});

const bare = { history: false } as const;
export const benchActors = [
  job,
  bulk,
  defineActor({ name: "parent", machine: parent, children: { job }, ...bare }),
  defineActor({ name: "counter", machine: counter, ...bare }),
  defineActor({ name: "journal", machine: counter }),
  defineActor({ name: "bell", machine: bell, ...bare }),
  defineActor({ name: "sleeper", machine: sleeper, ...bare }),
];
