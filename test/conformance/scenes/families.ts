import { assign, fromTransition, sendParent, sendTo, setup, spawnChild, stopChild, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";

/** Ends, errors, snapshots and names over more than one generation. */
const failing = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  initial: "well",
  states: {
    well: { on: { fail: "ill" } },
    ill: {
      entry: assign(() => {
        throw new Error("ill");
      }),
    },
  },
});
const broken = setup({}).createMachine({
  context: (): { n: number } => {
    throw new Error("stillborn");
  },
});
const brief = setup({ types: { input: {} as number } }).createMachine({
  initial: "z",
  states: { z: { type: "final" } },
  output: "at once",
});
const ticker = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  on: { tick: { actions: assign({ n: ({ context }) => context.n + 1 }) } },
  after: { 300_000: ".over" },
  initial: "on",
  states: { on: {}, over: {} },
});
const printer = setup({ types: { context: {} as { lines: string[] } } }).createMachine({
  context: { lines: [] },
  on: { print: { actions: assign({ lines: ({ context, event }) => [...context.lines, event["line"] as string] }) } },
});
const writer = setup({}).createMachine({
  on: {
    write: {
      actions: sendTo(
        ({ system }) => system.get("printer") as AnyActorRef,
        ({ event }) => ({ type: "print", line: event["line"] }),
      ),
    },
  },
});

/** Five deep: each passes down what it hears, and up what it is told. */
const leaf = setup({}).createMachine({
  initial: "on",
  states: { on: { on: { down: { actions: sendParent({ type: "up" }) }, end: "off" } }, off: { type: "final" } },
  output: 1,
});
const above = (below: typeof leaf) =>
  setup({ actors: { below } }).createMachine({
    initial: "on",
    states: {
      on: {
        invoke: { id: "below", src: "below", onDone: "off" },
        on: {
          down: { actions: sendTo("below", { type: "down" }) },
          up: { actions: sendParent({ type: "up" }) },
          end: { actions: sendTo("below", { type: "end" }) },
        },
      },
      off: { type: "final" },
    },
    output: 1,
  } as never) as unknown as typeof leaf;

const family = setup({
  types: { context: {} as { heard: readonly unknown[] } },
  actors: {
    failing,
    broken,
    brief,
    ticker,
    printer,
    writer,
    kid: leaf,
    counter: fromTransition((n: number, e: { type: string }) => (e.type === "up" ? n + 1 : n), 0),
    below: above(above(above(leaf))),
  },
  actions: {
    hear: assign({
      heard: ({ context, event }) => {
        const { error, output, snapshot } = event as { error?: Error; output?: unknown; snapshot?: { context: unknown; value?: unknown } };
        return [
          ...context.heard,
          error?.message ?? output ?? (snapshot === undefined ? event.type : { context: snapshot.context, value: snapshot.value }),
        ];
      },
    }),
  },
});
const nothing = { heard: [] };

export const familyScenes: readonly Scene[] = [
  {
    name: "a child that fails, and a parent that hears of it",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "a",
        states: {
          a: {
            invoke: { id: "f", src: "failing", onError: { target: "b", actions: "hear" } },
            on: { fail: { actions: sendTo("f", { type: "fail" }) } },
          },
          b: {},
        },
      }),
    steps: [],
  },
  {
    name: "a child that cannot begin",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "a",
        states: { a: { on: { go: "b" } }, b: { invoke: { id: "f", src: "broken", onError: { target: "a", actions: "hear" } } } },
      }),
    steps: [{ type: "go" }],
  },
  {
    name: "a child's error that nobody hears ends the parent, and its other children",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "a",
        states: {
          a: { on: { go: "b" } },
          b: {
            invoke: [
              { id: "k", src: "kid" },
              { id: "f", src: "broken" },
            ],
          },
        },
      }),
    steps: [{ type: "go" }],
  },
  {
    name: "a child that is done before it has heard anything",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "a",
        states: { a: { invoke: { id: "b", src: "brief", input: 1, onDone: { target: "b", actions: "hear" } } }, b: {} },
      }),
    steps: [],
  },
  {
    name: "a child whose every state is watched",
    machine: () =>
      family.createMachine({
        context: nothing,
        invoke: [
          { id: "t", src: "ticker", onSnapshot: { actions: "hear" } },
          { id: "c", src: "counter", onSnapshot: { actions: "hear" } },
        ],
        on: {
          tick: { actions: sendTo("t", { type: "tick" }) },
          idle: { actions: sendTo("t", { type: "idle" }) },
          up: { actions: sendTo("c", { type: "up" }) },
          deaf: { actions: sendTo("t", { type: "nonsense" }) },
        },
      }),
    steps: [{ type: "tick" }, { type: "idle" }, { type: "deaf" }, { type: "up" }, 300_000],
  },
  {
    name: "a systemId: a cousin is found by its name, and the next one of the same name after it",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "a",
        invoke: { id: "w", src: "writer" },
        on: { write: { actions: sendTo("w", ({ event }) => ({ type: "write", line: event["line"] })) } },
        states: {
          a: { invoke: { id: "p", src: "printer", systemId: "printer" }, on: { again: { target: "a", reenter: true }, other: "b" } },
          b: { entry: spawnChild("printer", { id: "q", systemId: "printer" }), on: { gone: { actions: stopChild("q") } } },
        },
      }),
    steps: [
      { type: "write", line: "one" },
      { type: "again" },
      { type: "write", line: "two" },
      { type: "other" },
      { type: "write", line: "three" },
      { type: "gone" },
    ],
  },
  {
    name: "a tree five deep: down, up, and to its end",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "on",
        states: {
          on: {
            invoke: { id: "below", src: "below", onDone: { target: "off", actions: "hear" } },
            on: {
              down: { actions: sendTo("below", { type: "down" }) },
              up: { actions: "hear" },
              end: { actions: sendTo("below", { type: "end" }) },
              leave: "left",
            },
          },
          left: {},
          off: { type: "final" },
        },
        output: ({ context }) => context.heard,
      }),
    steps: [{ type: "down" }, { type: "down" }, { type: "end" }],
  },
];
