import { and, assign, cancel, enqueueActions, forwardTo, not, raise, sendTo, setup, spawnChild, stateIn, stopChild } from "xstate";
import type { Scene } from "../story.ts";

/** Where features meet. */
const base = setup({
  types: { context: {} as { n: number; trace: readonly string[] } },
  actors: {
    kid: setup({}).createMachine({ initial: "on", states: { on: { on: { end: "off" } }, off: { type: "final" } }, output: "bye" }),
  },
  actions: {
    up: assign({ n: ({ context }) => context.n + 1 }),
    note: assign({ trace: ({ context, event }) => [...context.trace, event.type] }),
    enter: assign({ trace: ({ context }, name: string) => [...context.trace, name] }),
  },
  guards: { isBig: ({ context }) => context.n >= 3, isAbove: ({ context }, least: number) => context.n > least },
  delays: { later: ({ context }) => 50_000 * (context.n + 1) },
});
const first = { n: 0, trace: [] };
const enter = (name: string) => ({ type: "enter" as const, params: name });

export const cornerScenes: readonly Scene[] = [
  {
    name: "wildcards: the exact event before the partial one, and that before any",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        on: { "*": { actions: enter("any") }, "door.*": { actions: enter("door") }, "door.open": { actions: enter("open") } },
        states: {
          a: { on: { next: "b", "door.close": { actions: enter("close") } } },
          b: { on: { "*": { actions: enter("b") } } },
        },
      }),
    steps: ["door.open", "door.close", "door.knock.twice", "door", "other", "next", "door.open", "other"].map((type) => ({ type })),
  },
  {
    name: "guards: with parameters, put together, by state, and the first that fits",
    machine: () =>
      base.createMachine({
        context: first,
        type: "parallel",
        on: {
          up: { actions: "up" },
          go: [
            { guard: and(["isBig", stateIn({ lamp: "lit" })]), actions: enter("big and lit") },
            { guard: not({ type: "isAbove", params: 1 }), actions: enter("small") },
            { actions: enter("else") },
          ],
        },
        states: { lamp: { initial: "dark", states: { dark: { on: { light: "lit" } }, lit: {} } }, other: {} },
      }),
    steps: ["go", "up", "up", "go", "up", "go", "light", "go"].map((type) => ({ type })),
  },
  {
    name: "shallow and deep history of parallel regions, with timers and work begun anew, after a long time",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "on",
        states: {
          on: {
            type: "parallel",
            on: { out: "off" },
            states: {
              left: {
                initial: "one",
                states: { one: { on: { l: "two" } }, two: { after: { 60_000: "three" } }, three: { entry: enter("three") } },
              },
              right: {
                initial: "one",
                states: { one: { on: { r: "two" } }, two: { invoke: { id: "k", src: "kid", onDone: { actions: "up" } } } },
              },
              back: { type: "history", history: "deep" },
            },
          },
          off: { on: { deep: "on.back", anew: "on" } },
        },
      }),
    steps: [
      { type: "l" },
      { type: "r" },
      30_000,
      { type: "out" },
      100_000,
      { type: "deep" },
      59_000,
      2_000,
      { type: "out" },
      { type: "anew" },
    ],
  },
  {
    name: "parallel regions: both hear, one raises for the other, each is done with what it says, then the whole",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "both",
        states: {
          both: {
            type: "parallel",
            states: {
              a: {
                initial: "x",
                states: { x: { on: { go: { target: "y", actions: raise({ type: "hint" }) } } }, y: { type: "final", output: "A" } },
              },
              b: { initial: "x", onDone: { actions: "note" }, states: { x: { on: { hint: "y" } }, y: { type: "final", output: "B" } } },
            },
            onDone: { target: "end", actions: "note" },
          },
          end: { type: "final" },
        },
        output: ({ context }) => context.trace,
      }),
    steps: [{ type: "go" }],
  },
  {
    name: "after and always on several levels, guarded, over a re-entry of the outer and the inner state",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "outer",
        on: { up: { actions: "up" } },
        states: {
          outer: {
            after: { later: { target: "late", guard: "isBig" }, 400_000: "late" },
            initial: "a",
            on: { outer: { target: "outer", reenter: true }, inner: { target: ".a", reenter: false }, keep: { actions: "up" } },
            states: { a: { always: { target: "b", guard: "isBig" }, after: { 10_000: { actions: "up" } } }, b: { entry: enter("b") } },
          },
          late: { entry: enter("late") },
        },
      }),
    steps: [10_000, { type: "inner" }, { type: "keep" }, 8_000, { type: "outer" }, 9_000, { type: "up" }, 200_000, 200_000],
  },
  {
    name: "spawned and stopped in one step, stopped and spawned in one step, and stopped twice",
    machine: () =>
      base.createMachine({
        context: first,
        on: {
          blink: { actions: [spawnChild("kid", { id: "x" }), stopChild("x"), "note"] },
          renew: { actions: [stopChild("y"), spawnChild("kid", { id: "y" })] },
          end: { actions: sendTo("y", { type: "end" }) },
          gone: { actions: [stopChild("y"), stopChild("y"), "note"] },
          "xstate.done.actor.y": { actions: "note" },
          "xstate.done.actor.x": { actions: "note" },
        },
      }),
    steps: ["blink", "renew", "renew", "end", "renew", "gone", "gone"].map((type) => ({ type })),
  },
  {
    name: "work of one name in one region after another, each answered for itself, and an event passed on to it",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: { id: "k", src: "kid", onDone: { target: "b", actions: enter("from a") } },
            on: { end: { actions: forwardTo("k") } },
          },
          b: {
            invoke: { id: "k", src: "kid", onDone: { target: "c", actions: enter("from b") } },
            on: { end: { actions: forwardTo("k") } },
          },
          c: {},
        },
      }),
    steps: [{ type: "end" }, { type: "end" }],
  },
  {
    name: "delays by name and number for sends to others, cancelled by who sent them, gone with who sent them",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "on",
        states: {
          on: {
            invoke: { id: "k", src: "kid", onDone: { actions: "note" } },
            on: {
              later: { actions: sendTo("k", { type: "end" }, { delay: 200_000, id: "bell" }) },
              named: { actions: sendTo("k", { type: "end" }, { delay: "later", id: "bell" }) },
              forget: { actions: [cancel("bell"), "note"] },
              many: {
                actions: enqueueActions(({ enqueue }) => [1, 2, 3].forEach((i) => enqueue.raise({ type: "up" }, { delay: i * 1_000 }))),
              },
              up: { actions: "up" },
              leave: "off",
            },
          },
          off: { on: { up: { actions: "up" } } },
        },
      }),
    steps: [{ type: "later" }, 10_000, { type: "forget" }, 300_000, { type: "many" }, 1_500, { type: "named" }, { type: "leave" }, 600_000],
  },
];
