import { assign, fromPromise, setup } from "xstate";
import { defineActor, defineTask } from "../../src/index.ts";

/** Actors that the kit's own tests put on stage. */

const DAY_MS = 86_400_000;

/** Waits to be paid, reminds every day, gives up after a week. */
export const order = defineActor({
  name: "order",
  machine: setup({
    types: {
      context: {} as { reminders: number; amount: number },
      events: {} as { type: "paid"; amount: number } | { type: "arrived" },
    },
  }).createMachine({
    id: "order",
    context: { reminders: 0, amount: 0 },
    initial: "paying",
    states: {
      paying: {
        initial: "waiting",
        states: {
          waiting: {
            after: {
              [DAY_MS]: { target: "waiting", reenter: true, actions: assign({ reminders: ({ context }) => context.reminders + 1 }) },
            },
          },
        },
        always: { guard: ({ context }) => context.reminders >= 7, target: "forgotten" },
        on: { paid: { target: "shipping", actions: assign({ amount: ({ event }) => event.amount }) } },
      },
      shipping: { after: { 3_000: "shipped" } },
      shipped: { on: { arrived: "done" } },
      done: { type: "final" },
      forgotten: { type: "final" },
    },
  }),
});

/** Ticks once a day for ever. */
export const calendar = defineActor({
  name: "calendar",
  machine: setup({ types: { context: {} as { days: number } } }).createMachine({
    id: "calendar",
    context: { days: 0 },
    initial: "day",
    states: {
      day: { after: { [DAY_MS]: { target: "day", reenter: true, actions: assign({ days: ({ context }) => context.days + 1 }) } } },
    },
  }),
});

/** Asks its `src` for work and says how it went. */
export const worker = (work: () => Promise<string>) =>
  defineActor({
    name: "worker",
    machine: setup({
      types: { context: {} as { made: string } },
      actors: { work: fromPromise(work) },
    }).createMachine({
      id: "worker",
      context: { made: "" },
      initial: "working",
      states: {
        working: {
          invoke: {
            id: "work",
            src: "work",
            onDone: { target: "made", actions: assign({ made: ({ event }) => event.output }) },
            onError: "broken",
          },
        },
        made: {},
        broken: {},
      },
    }),
  });

export const double = defineTask<number, number>({ name: "double", run: ({ input }) => input * 2 });
