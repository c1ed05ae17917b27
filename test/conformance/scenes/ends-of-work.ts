import { fromCallback, fromPromise, sendTo, setup } from "xstate";
import type { Scene } from "../story.ts";
import { events, first, tracing } from "./tracing.ts";

/** What XState promises of work that fails, and of work that is over. */
const nobody = setup({
  ...tracing,
  actors: { reject: fromPromise(async (): Promise<never> => Promise.reject(new Error("nobody heard"))) },
}).createMachine({
  context: first,
  invoke: { id: "r", src: "reject" },
});

export const endOfWorkScenes: readonly Scene[] = [
  {
    name: "promises that fail: heard where they were invoked, thrown at once or later, also with an error that is none",
    machine: () =>
      setup({
        ...tracing,
        actors: {
          reject: fromPromise(async (): Promise<never> => Promise.reject(new Error("later"))),
          throwing: fromPromise(() => {
            throw new Error("at once");
          }),
          // oxlint-disable-next-line prefer-promise-reject-errors -- that is the case in question
          text: fromPromise(async (): Promise<never> => Promise.reject("only words")),
        },
      }).createMachine({
        context: first,
        initial: "a",
        states: {
          a: { invoke: { id: "r", src: "reject", onError: { target: "b", actions: "keep" } } },
          b: { invoke: { id: "r", src: "throwing", onError: { target: "c", actions: "keep" } } },
          c: { invoke: { id: "r", src: "text", onError: { target: "d", actions: "note" } } },
          d: { invoke: { id: "r", src: "reject" }, on: { "xstate.error.actor.r": { target: "e", actions: "keep" } } },
          e: { invoke: { id: "r", src: "reject" }, on: { "*": { target: "z", actions: "note" } } },
          z: { type: "final" },
        },
      }),
    steps: [],
  },
  {
    name: "a failure that nobody hears: the child's parent fails, and its parent hears of that",
    machine: () =>
      setup({ ...tracing, actors: { nobody, other: setup({}).createMachine({}) } }).createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: [
              { id: "n", src: "nobody", onError: { target: "b", actions: "keep" } },
              { id: "o", src: "other" },
            ],
          },
          b: { invoke: { id: "n", src: "nobody" } },
        },
      }),
    steps: [],
  },
  {
    name: "the last word of a state to the work that it invokes: heard by that, not by what takes its name",
    isRestarted: true,
    machine: (act) =>
      setup({
        ...tracing,
        actors: {
          listens: fromCallback(({ receive, input }) => {
            receive((event) => act(`${input as number} hears ${event.type}`));
            return () => act(`${input as number} is over`);
          }),
        },
      }).createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: { id: "l", src: "listens", input: ({ context }) => context.n },
            entry: [sendTo("l", { type: "hello" }), "up"],
            exit: sendTo("l", { type: "bye" }),
            on: { again: { target: "a", reenter: true }, go: "b", end: "z" },
          },
          b: { on: { go: "a" } },
          z: { type: "final" },
        },
      }),
    steps: events("again", "go", "go", "end"),
  },
];
