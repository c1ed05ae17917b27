import { assign, setup } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, traced, tracing } from "./tracing.ts";

/** What XState promises of history states. */
const inside = {
  initial: "one",
  states: {
    one: { on: { next: "two" } },
    two: { initial: "x", states: { x: { on: { next: "y" } }, y: { initial: "p", states: { p: { on: { next: "q" } }, q: {} } } } },
  },
} as const;

export const historyScenes: readonly Scene[] = [
  {
    name: "history, shallow, deep and without a word of which: where there is some, and where there is none yet",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "off",
          states: {
            off: { on: { plain: "on.plain", shallow: "on.shallow", deep: "on.deep", chosen: "on.chosen" } },
            on: {
              ...inside,
              on: { off: "off" },
              states: {
                ...inside.states,
                plain: { type: "history" },
                shallow: { type: "history", history: "shallow" },
                deep: { type: "history", history: "deep" },
                chosen: { type: "history", target: "two.y" },
              },
            },
          },
        }),
      ),
    steps: events("chosen", "off", "chosen", "next", "off", "plain", "next", "next", "off", "deep", "off", "shallow", "off", "deep"),
  },
  ...(["deep", "shallow"] as const).map((history): Scene => ({
    name: `${history} history of a parallel state, directly on it: before it was ever left, and after`,
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "off",
          states: {
            off: { on: { go: "on.back" } },
            on: {
              type: "parallel",
              on: { off: "off" },
              states: {
                back: { type: "history", history },
                a: { ...inside, on: { a: ".two" } },
                b: { initial: "w", states: { w: { on: { b: "z" } }, z: { type: "final" } } },
                c: { initial: "w", states: { w: { on: { c: "z" } }, z: { type: "final" } } },
              },
            },
          },
        }),
      ),
    steps: events("go", "a", "next", "b", "off", "go", "off", "go"),
  })),
  {
    name: "a parallel state that has history besides is done when its regions are",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "both",
        states: {
          both: {
            type: "parallel",
            states: {
              back: { type: "history" },
              a: { initial: "w", states: { w: { on: { a: "z" } }, z: { type: "final" } } },
              b: { initial: "w", states: { w: { on: { b: "z" } }, z: { type: "final" } } },
            },
            onDone: "over",
          },
          over: {},
        },
      }),
    steps: events("a", "b"),
  },
  {
    name: "several histories entered at once, each for its region, and only some of them",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "off",
        states: {
          off: { on: { all: ["on.a.back", "on.b.back", "on.c.deep"] as never, some: ["on.a.back", "on.c.deep"] as never } },
          on: {
            type: "parallel",
            on: { off: "off" },
            states: {
              a: { ...inside, on: { a: ".two.y" }, states: { ...inside.states, back: { type: "history" } } },
              b: { ...inside, on: { b: ".two" }, states: { ...inside.states, back: { type: "history" } } },
              c: { ...inside, on: { c: ".two.y.q" }, states: { ...inside.states, deep: { type: "history", history: "deep" } } },
            },
          },
        },
      }),
    steps: events("some", "a", "b", "c", "off", "some", "b", "off", "all"),
  },
  {
    name: "back through a state that is only passed: what was visited last counts, not what is passed",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "idle",
          states: {
            idle: {
              initial: "absent",
              states: {
                absent: { on: { deploy: "#deploy" } },
                present: { on: { deploy: "#deploy", destroy: "#destroy" } },
                back: { type: "history" },
              },
            },
            deploy: { id: "deploy", on: { good: "idle.present", bad: "idle.back" } },
            destroy: { id: "destroy", always: "idle.absent" },
          },
        }),
      ),
    steps: events("deploy", "bad", "deploy", "good", "deploy", "bad", "destroy", "deploy", "bad"),
  },
  {
    name: "a transition to one's own history: enters nothing new while there is none, and the same state again where it re-enters",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "a",
          states: {
            a: {
              initial: "one",
              on: { back: ".back", again: { target: "#back", reenter: true }, out: "b" },
              states: { one: { on: { next: "two" } }, two: {}, back: { type: "history", id: "back" } },
            },
            b: { on: { a: "#back" } },
          },
        }),
      ),
    steps: events("back", "next", "back", "next", "again", "next", "again", "out", "a"),
  },
  {
    name: "history as an initial state: of the machine, and of a state that is entered",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "back",
          states: {
            back: { type: "history", target: "b" },
            a: { on: { b: "b" } },
            b: {
              initial: "back",
              on: { a: "a", again: { target: "b", reenter: true } },
              states: { back: { type: "history", target: "x" }, w: {}, x: { on: { next: "y" } }, y: {} },
            },
          },
        } as never),
      ),
    steps: events("again", "next", "again", "a", "b"),
  },
  {
    name: "the actions of an initial transition and of the parent's entry, on the way to history with and without a default",
    machine: () => {
      const place = (target?: string) => ({
        entry: enter("parent"),
        initial: { target: "x", actions: enter("initial") },
        on: { off: "#off" },
        states: { x: { on: { next: "y" } }, y: {}, back: { type: "history" as const, ...(target === undefined ? {} : { target }) } },
      });
      return base.createMachine({
        context: first,
        initial: "off",
        states: { off: { id: "off", on: { plain: "plain.back", chosen: "chosen.back" } }, plain: place(), chosen: place("y") },
      } as never);
    },
    steps: events("plain", "next", "off", "plain", "off", "chosen", "off", "chosen"),
  },
  {
    name: "work is begun anew in the state that history leads back to, and its input is made of the context by then",
    machine: () =>
      setup({
        ...tracing,
        actors: {
          kid: setup({ types: { input: {} as number, context: {} as { given: number } } }).createMachine({
            context: ({ input }) => ({ given: input }),
          }),
        },
      }).createMachine({
        context: first,
        initial: "on",
        on: { up: { actions: "up" } },
        states: {
          on: {
            initial: "a",
            on: { off: "off" },
            states: {
              a: { on: { next: "b" } },
              b: { invoke: { id: "k", src: "kid", input: ({ context }) => context.n } },
              back: { type: "history" },
            },
          },
          off: { entry: assign({ trace: ({ context }) => [...context.trace, context.n] }), on: { on: "on.back" } },
        },
      }),
    steps: events("up", "next", "off", "up", "on", "up", "off", "on"),
  },
];
