import { assign, sendParent, sendTo, setup } from "xstate";
import type { Scene } from "../story.ts";

/** Kinds of states. */
const base = setup({
  types: { context: {} as { trace: string[] } },
  actions: { enter: assign({ trace: ({ context }, name: string) => [...context.trace, name] }) },
});
const enter = (name: string) => ({ type: "enter" as const, params: name });

export const stateScenes: readonly Scene[] = [
  {
    name: "history, shallow and deep, and its default",
    machine: () =>
      base.createMachine({
        context: { trace: [] },
        initial: "off",
        states: {
          off: { on: { shallow: "on.last", deep: "on.lastDeep" } },
          on: {
            initial: "one",
            on: { off: "off" },
            states: {
              one: { on: { next: "two" } },
              two: { initial: "x", states: { x: { on: { next: "y" } }, y: { entry: enter("y") } } },
              last: { type: "history", target: "one" },
              lastDeep: { type: "history", history: "deep" },
            },
          },
        },
      }),
    steps: [
      { type: "shallow" },
      { type: "next" },
      { type: "next" },
      { type: "off" },
      { type: "shallow" },
      { type: "next" },
      { type: "off" },
      { type: "deep" },
    ],
  },
  {
    name: "parallel regions that end one after the other",
    machine: () =>
      base.createMachine({
        context: { trace: [] },
        initial: "both",
        states: {
          both: {
            type: "parallel",
            states: {
              left: { initial: "a", states: { a: { on: { l: "z" }, exit: enter("left") }, z: { type: "final" } } },
              right: { initial: "a", states: { a: { on: { r: "z" }, exit: enter("right") }, z: { type: "final" } } },
            },
            onDone: { target: "over", actions: enter("both") },
          },
          over: { entry: enter("over"), type: "final" },
        },
      }),
    steps: [{ type: "r" }, { type: "r" }, { type: "l" }],
  },
  {
    name: "nested final states, entry and exit in order, re-entry",
    machine: () =>
      base.createMachine({
        context: { trace: [] },
        initial: "outer",
        states: {
          outer: {
            entry: enter("+outer"),
            exit: enter("-outer"),
            initial: "a",
            onDone: "after",
            on: { same: { target: "outer", reenter: true }, inner: ".a" },
            states: { a: { entry: enter("+a"), exit: enter("-a"), on: { go: "z" } }, z: { type: "final", entry: enter("+z") } },
          },
          after: { entry: enter("+after"), always: { target: "end", guard: ({ context }) => context.trace.length > 3 } },
          end: {},
        },
      }),
    steps: [{ type: "inner" }, { type: "same" }, { type: "go" }],
  },
  ...(
    [
      ["an action", { actions: "boom" }],
      ["a guard", { guard: "boom", target: "after" }],
      ["a send to a child that there is not", { actions: sendTo("nobody", { type: "x" }) }],
      ["a send to the parent of a root", { actions: sendParent({ type: "x" }) }],
    ] as const
  ).map(([what, go]): Scene => ({
    name: `${what} that throws ends the machine in error, where its definition says so`,
    machine: () =>
      setup({
        actions: {
          boom: assign(() => {
            throw new Error("boom");
          }),
        },
        guards: {
          boom: (): boolean => {
            throw new Error("boom");
          },
        },
      }).createMachine({ initial: "before", states: { before: { on: { go } }, after: {} } } as never),
    steps: [{ type: "go" }, { type: "go" }],
  })),
];
