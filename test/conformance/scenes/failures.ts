import { assign, enqueueActions, fromTransition, sendParent, sendTo, setup, spawnChild, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { enter, events, first, tracing, type Made } from "./tracing.ts";

/** What XState promises of errors: who ends, who hears of it, and that nothing of a failed step stays. */
const boom = (): never => {
  throw new Error("boom");
};
const fragile = (part: object) =>
  setup(tracing).createMachine({ context: first, initial: "on", states: { on: { on: { go: "off" } }, off: {} }, ...part } as never);
const breaks = {
  "a guard of an always": { states: { on: { on: { go: "off" } }, off: { always: { guard: boom, target: "on" } } } },
  "a delay that is computed": {
    states: { on: { on: { go: "off" } }, off: { entry: enqueueActions(({ enqueue }) => enqueue.raise({ type: "x" }, { delay: boom })) } },
  },
  "an output of the whole": { states: { on: { on: { go: "off" } }, off: { type: "final" } }, output: boom },
  "an output of a final state": {
    states: { on: { on: { go: "off" } }, off: { initial: "z", states: { z: { type: "final", output: boom } }, onDone: {} } },
  },
  "an enqueueActions": { states: { on: { on: { go: "off" } }, off: { entry: enqueueActions(boom) } } },
  "an event that is computed": { states: { on: { on: { go: "off" } }, off: { entry: sendParent(boom) } } },
  "an assign after others": {
    states: { on: { on: { go: "off" } }, off: { entry: [enter("in"), sendParent({ type: "said" }), assign(boom)] } },
  },
  "an assign while it begins": { entry: assign(boom) },
  "its context": { context: boom },
} as const;

export const failureScenes: readonly Scene[] = [
  ...Object.entries(breaks).map(([what, part]): Scene => ({
    name: `a child that throws in ${what}: its parent hears`,
    machine: () =>
      setup({ ...tracing, actors: { fragile: fragile(part) } }).createMachine({
        context: first,
        initial: "on",
        on: { said: { actions: "note" } },
        states: {
          on: {
            invoke: { id: "f", src: "fragile", onError: { target: "off", actions: "keep" } },
            on: { go: { actions: sendTo("f", { type: "go" }) } },
          },
          off: {},
        },
      }),
    steps: events("go", "go"),
  })),
  {
    name: "a computed input that throws: the machine that invokes fails, and so does what it has begun",
    machine: () =>
      setup({ ...tracing, actors: { other: setup({}).createMachine({}) } }).createMachine({
        context: first,
        initial: "a",
        states: { a: { invoke: { id: "first", src: "other" }, on: { go: "b" } }, b: { invoke: { id: "o", src: "other", input: boom } } },
      } as never),
    steps: events("go", "go"),
  },
  {
    name: "transition logic that throws: its parent hears, or fails with it",
    machine: () => {
      const logic = fromTransition((n: number, event: { type: string }) => (event.type === "bad" ? boom() : n + 1), 0);
      return setup({ ...tracing, actors: { logic } }).createMachine({
        context: first,
        initial: "a",
        on: { bad: { actions: sendTo("l", { type: "bad" }) }, good: { actions: sendTo("l", { type: "good" }) } },
        states: {
          a: { invoke: { id: "l", src: "logic", onError: { target: "b", actions: "keep" } } },
          b: { invoke: { id: "l", src: "logic" } },
        },
      });
    },
    steps: events("good", "bad", "good", "bad"),
  },
  {
    name: "an error passed up by three that do not hear it, to one that does; the siblings of each are gone",
    machine: () => {
      const sibling = setup({}).createMachine({});
      const broken = fragile({ states: { on: { on: { go: "off" } }, off: { entry: assign(boom) } } });
      const holder = setup({ actors: { broken, sibling } }).createMachine({
        invoke: [
          { id: "b", src: "broken" },
          { id: "s", src: "sibling" },
        ],
        on: { go: { actions: sendTo("b", { type: "go" }) } },
      });
      const upper = setup({ actors: { holder, sibling } }).createMachine({
        invoke: [
          { id: "s", src: "sibling" },
          { id: "h", src: "holder" },
        ],
        on: { go: { actions: sendTo("h", { type: "go" }) } },
      });
      return setup({ ...tracing, actors: { upper } }).createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: { id: "u", src: "upper", onError: { target: "b", actions: "keep" } },
            on: { go: { actions: sendTo("u", { type: "go" }) } },
          },
          b: {},
        },
      });
    },
    steps: events("go"),
  },
  {
    name: "a spawned child that fails, heard by its name; and one that nobody hears",
    machine: () =>
      setup({
        ...tracing,
        actors: { broken: fragile({ states: { on: { on: { go: "off" } }, off: { entry: assign(boom) } } }) },
      }).createMachine({
        context: ({ spawn }: Made) => ({ ...first, ref: spawn("broken", { id: "a" }) }),
        entry: spawnChild("broken", { id: "b" }),
        on: {
          a: { actions: sendTo(({ context }) => (context as unknown as { ref: AnyActorRef }).ref, { type: "go" }) },
          b: { actions: sendTo("b", { type: "go" }) },
          up: { actions: "up" },
          "xstate.error.actor.a": { actions: "keep" },
        },
      } as never),
    steps: events("a", "up", "b", "up"),
  },
  {
    name: "nothing of a step that failed stays: no context, no state, no child, no timer",
    machine: () =>
      setup({ ...tracing, actors: { other: setup({}).createMachine({ entry: sendParent({ type: "born" }) }) } }).createMachine({
        context: first,
        initial: "a",
        on: { born: { actions: "note" } },
        states: {
          a: { on: { go: { target: "b", actions: ["up", spawnChild("other", { id: "o" })] } }, after: { 200_000: "late" } },
          b: { entry: ["up", assign(boom)] },
          late: {},
        },
      } as never),
    steps: [{ type: "go" }, 300_000],
  },
];
