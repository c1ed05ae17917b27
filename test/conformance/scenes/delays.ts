import { assign, cancel, enqueueActions, raise, sendTo, setup, spawnChild, stopChild } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, first, traced, tracing } from "./tracing.ts";

/** What XState promises of delays: transitions, events to oneself and to others. */
const listener = setup(tracing).createMachine({
  context: first,
  on: { ping: { actions: "note" }, pong: { actions: "note" }, forget: { actions: cancel("bell") } },
  entry: raise({ type: "pong" }, { id: "bell", delay: 300_000 }),
});
const family = setup({
  ...tracing,
  actors: { listener },
  delays: { fromEvent: ({ event }) => (event as { delay?: number }).delay ?? 0, grown: ({ context }) => 1_000 * (context.n + 1) },
});

export const delayScenes: readonly Scene[] = [
  {
    name: "a delay in a state deep inside leads out of the outermost; one of an outer state leads inside without entering it again",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "one",
          states: {
            one: {
              initial: "two",
              after: { 1_000: ".three" },
              states: { two: {}, three: { initial: "deep", states: { deep: { after: { 500: "#end" } } } } },
            },
            end: { id: "end", type: "final" },
          },
        }),
      ),
    steps: [999, 1, 499, 1],
  },
  {
    name: "a delayed choice is made once: the first that fits is taken, and nothing is left for the next state",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { after: { 100: [{ guard: ({ context }) => context.n === 0, target: "b" }, { target: "c" }] } },
          b: {
            on: { "*": { actions: "note" } },
            after: { 200: [{ guard: ({ context }) => context.n > 0, target: "a" }, { target: "c" }] },
          },
          c: { on: { "*": { actions: "note" } } },
        },
      }),
    steps: [100, 100, 100, 500],
  },
  {
    name: "a delay that leads nowhere leaves nothing and enters nothing",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "a",
          states: { a: { initial: "x", after: { 300: { actions: "up" } }, states: { x: { after: { 100: { actions: "note" } } } } } },
        }),
      ),
    steps: [100, 200, 1_000],
  },
  {
    name: "delays said by the event: of a state, of an event to itself, of one to a child",
    machine: () =>
      family.createMachine({
        context: first,
        invoke: { id: "k", src: "listener" },
        initial: "off",
        on: {
          up: { actions: "up" },
          me: { actions: raise({ type: "up" }, { delay: ({ event }) => (event as unknown as { delay: number }).delay }) },
          kid: { actions: sendTo("k", { type: "ping" }, { delay: "fromEvent" }) },
        },
        states: { off: { on: { on: "on" } }, on: { after: { fromEvent: "off", grown: { actions: "note" } } } },
      }),
    steps: [
      { type: "on", delay: 4_000 },
      1_000,
      3_000,
      { type: "me", delay: 50 },
      50,
      { type: "kid", delay: 600 },
      599,
      1,
      { type: "on", delay: 1_500 },
      1_500,
    ],
  },
  {
    name: "one's own delayed events, and only those, can be cancelled: a child's of the same id goes on",
    machine: () =>
      family.createMachine({
        context: first,
        invoke: [
          { id: "a", src: "listener" },
          { id: "b", src: "listener" },
        ],
        on: {
          mine: { actions: raise({ type: "up" }, { id: "bell", delay: 300_000 }) },
          forget: { actions: [cancel("bell"), cancel("nobody's")] },
          tell: { actions: sendTo("a", { type: "forget" }) },
          up: { actions: "up" },
        },
      }),
    steps: [{ type: "mine" }, { type: "forget" }, { type: "tell" }, 400_000],
  },
  {
    name: "set and cancelled in one step: what is delayed can be, what is sent at once cannot",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { on: { go: "b" } },
          b: {
            invoke: { id: "k", src: "listener" },
            entry: [
              sendTo("k", { type: "ping" }, { id: "late", delay: 0 }),
              cancel("late"),
              sendTo("k", { type: "pong" }, { id: "now" }),
              cancel("now"),
              raise({ type: "up" }, { id: "mine", delay: 0 }),
              cancel("mine"),
              raise({ type: "up" }, { id: "instead", delay: 10 }),
              cancel(({ context }) => (context.n === 0 ? "mine" : "instead")),
            ],
            on: { up: { actions: "up" } },
          },
        },
      }),
    steps: [{ type: "go" }, 1_000],
  },
  {
    name: "a delayed event to a child that is replaced meanwhile reaches neither",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { on: { spawned: "b", invoked: "c" } },
          b: {
            entry: [
              spawnChild("listener", { id: "k" }),
              sendTo("k", { type: "ping" }, { delay: 1_000 }),
              stopChild("k"),
              spawnChild("listener", { id: "k" }),
            ],
            on: { next: { target: "a", actions: stopChild("k") } },
          },
          c: {
            invoke: { id: "k", src: "listener" },
            entry: sendTo("k", { type: "ping" }, { delay: 10_000 }),
            on: { again: { target: "c", reenter: true } },
          },
        },
      }),
    steps: [{ type: "spawned" }, 2_000, { type: "next" }, { type: "invoked" }, 2_000, { type: "again" }, 9_000, 5_000],
  },
  {
    name: "a delayed event to itself outlives the state that set it; an earlier one is overtaken by a shorter one",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        on: { late: { actions: "note" }, soon: { actions: "note" } },
        states: {
          a: {
            on: {
              go: {
                target: "b",
                actions: enqueueActions(({ enqueue }) => {
                  enqueue.raise({ type: "late" }, { delay: 8_000 });
                  enqueue.raise(({ context }) => ({ type: context.n === 0 ? "soon" : "never" }), { delay: 4_000 });
                  enqueue.assign({ n: 1 });
                }),
              },
            },
          },
          b: { entry: enter("b") },
        },
      }),
    steps: [{ type: "go" }, 4_000, 4_000],
  },
  {
    name: "an event answered by a delayed one, many times over",
    machine: () =>
      setup({ ...tracing, delays: { tick: ({ context }) => 100 + context.n * 10 } }).createMachine({
        context: first,
        initial: "on",
        states: {
          on: {
            entry: raise({ type: "tick" }, { delay: "tick" }),
            on: {
              tick: [
                { guard: ({ context }) => context.n === 4, target: "off" },
                { actions: [assign({ n: ({ context }) => context.n + 1 }), raise({ type: "tick" }, { delay: "tick" })] },
              ],
            },
          },
          off: { type: "final" },
        },
        output: ({ context }) => context.n,
      }),
    steps: [100, 110, 120, 500],
  },
];
