import { assign, fromTransition, sendParent, sendTo, setup, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, tracing, type Made } from "./tracing.ts";

/** What XState promises of how actors begin, and how little of a life some have. */
export const beginningScenes: readonly Scene[] = [
  {
    name: "stopped before it came to invoke anything: its children never begin",
    machine: () => {
      const eager = setup({}).createMachine({ entry: sendParent({ type: "one" }) });
      const late = setup({ actors: { eager } }).createMachine({
        initial: "a",
        states: { a: { on: { stop: "b" }, exit: sendParent({ type: "leaving" }) }, b: { invoke: { id: "e", src: "eager" } } },
      });
      return setup({ ...tracing, actors: { late } }).createMachine({
        context: first,
        initial: "on",
        on: { "*": { actions: "note" } },
        states: { on: { invoke: { id: "l", src: "late" }, on: { stop: "off" } }, off: {} },
      });
    },
    steps: events("stop"),
  },
  {
    name: "a child that is given its parent's reference and uses it, begun in the parent's first moment",
    machine: () => {
      const shy = setup({ types: { input: {} as { to: AnyActorRef }, context: {} as { to: AnyActorRef } } }).createMachine({
        context: ({ input }) => ({ to: input.to }),
        entry: sendTo(({ context }) => context.to, { type: "greeted" }),
      });
      return setup({ ...tracing, actors: { shy } }).createMachine({
        context: ({ spawn, self }: Made) => ({ ...first, kid: spawn("shy", { id: "spawned", input: { to: self } }) }),
        invoke: { id: "invoked", src: "shy", input: ({ self }: Made) => ({ to: self }) },
        initial: "a",
        states: { a: { on: { greeted: "b" } }, b: { on: { greeted: "c" } }, c: {} },
      } as never);
    },
    steps: [],
  },
  {
    name: "transition logic that sends to itself is done with one event before the next",
    machine: () => {
      const chain = fromTransition(
        (state: readonly string[], event: { type: string }, { self }) => {
          if (event.type === "a") {
            self.send({ type: "b" });
            self.send({ type: "c" });
          }
          if (event.type === "b") self.send({ type: "d" });
          return event.type.length === 1 ? [...state, event.type] : state;
        },
        [] as readonly string[],
      );
      return setup({ ...tracing, actors: { chain } }).createMachine({
        context: first,
        invoke: { id: "c", src: "chain", onSnapshot: { actions: "keep" } },
        on: { go: { actions: sendTo("c", { type: "a" }) } },
      });
    },
    steps: events("go"),
  },
  {
    name: "a child that ends with its first breath, one after the other in a row of states, and in a state that is final",
    machine: () => {
      const at = setup({ types: { input: {} as string } }).createMachine({
        initial: "a",
        states: { a: { always: "z" }, z: { type: "final" } },
        output: "done",
      });
      return setup({ ...tracing, actors: { at } }).createMachine({
        context: first,
        initial: "a",
        states: {
          a: { invoke: { id: "k", src: "at", input: "a", onDone: { target: "b", actions: "keep" } } },
          b: { invoke: { id: "k", src: "at", input: "b", onDone: { target: "c", actions: assign({ n: 7 }) } } },
          c: { invoke: { id: "l", src: "at", input: "c", onDone: "z" } },
          z: { type: "final" },
        },
        output: ({ context }) => context,
      });
    },
    steps: [],
  },
  {
    name: "a machine whose whole point is what it invokes: no states of its own",
    machine: () => base.createMachine({ context: first, on: { up: { actions: "up" } }, exit: enter("never") }),
    steps: events("up", "nothing", "up"),
  },
];
