import { assign, forwardTo, fromTransition, sendParent, sendTo, setup, spawnChild, stopChild, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";

/** A child that counts, answers, fails and ends. */
const kid = setup({ types: { context: {} as { n: number; name: string }, input: {} as { name: string } | undefined } }).createMachine({
  id: "kid",
  context: ({ input }) => ({ n: 0, name: input?.name ?? "kid" }),
  on: {
    add: { actions: assign({ n: ({ context }) => context.n + 1 }) },
    ask: { actions: sendParent(({ context }) => ({ type: "told", words: `${context.name} ${context.n}` })) },
    reply: {
      actions: sendTo(
        ({ event }) => event["to"] as AnyActorRef,
        ({ context }) => ({ type: "told", words: context.name }),
      ),
    },
    end: ".over",
  },
  initial: "alive",
  states: { alive: { after: { 75_000: { actions: sendParent({ type: "told", words: "a minute" }) } } }, over: { type: "final" } },
  output: ({ context }) => `${context.name} ${context.n}`,
});
const counter = fromTransition((state: { n: number }, event: { type: string }) => ({ n: event.type === "add" ? state.n + 1 : state.n }), {
  n: 0,
});

interface Known {
  readonly heard: readonly unknown[];
  readonly ref?: AnyActorRef;
}
const family = setup({
  types: { context: {} as Known },
  actors: { kid, counter },
  actions: {
    hear: assign({
      heard: ({ context, event }) => [
        ...context.heard,
        "words" in event ? event["words"] : "output" in event ? event["output"] : event.type,
      ],
    }),
  },
});
const nothing: Known = { heard: [] };
const told = { told: { actions: "hear" as const } };

export const childScenes: readonly Scene[] = [
  {
    name: "an invoked machine: hears, answers, is left, comes again, ends",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "idle",
        on: told,
        states: {
          idle: { on: { go: "busy" } },
          busy: {
            invoke: { id: "k", src: "kid", input: { name: "bob" }, onDone: { target: "over", actions: "hear" } },
            on: {
              add: { actions: sendTo("k", { type: "add" }) },
              ask: { actions: sendTo("k", { type: "ask" }) },
              end: { actions: sendTo("k", { type: "end" }) },
              leave: "idle",
            },
          },
          over: { type: "final" },
        },
        output: ({ context }) => context.heard,
      }),
    steps: [{ type: "go" }, { type: "add" }, { type: "ask" }, 75_000, { type: "leave" }, { type: "go" }, { type: "ask" }, { type: "end" }],
  },
  {
    name: "an invoke that is entered again: the second child is another one",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "busy",
        on: told,
        states: {
          busy: {
            invoke: { id: "k", src: "kid", onDone: { actions: "hear" } },
            on: {
              again: { target: "busy", reenter: true },
              add: { actions: sendTo("k", { type: "add" }) },
              ask: { actions: forwardTo("k") },
              end: { actions: forwardTo("k") },
            },
          },
        },
      }),
    steps: [{ type: "add" }, { type: "ask" }, { type: "again" }, { type: "ask" }, { type: "add" }, { type: "end" }],
  },
  {
    name: "an invoke without an id, one that is only passed through, and a send to one's own invoke on entry",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "a",
        on: told,
        states: {
          a: {
            invoke: { src: "kid", onDone: "b" },
            entry: sendTo("0.(machine).a", { type: "add" }),
            on: { end: { actions: sendTo("0.(machine).a", { type: "end" }) } },
          },
          b: { invoke: { id: "never", src: "kid" }, always: "c" },
          c: { invoke: { id: "k", src: "kid" }, entry: [sendTo("k", { type: "add" }), sendTo("k", { type: "ask" })] },
        },
      }),
    steps: [{ type: "end" }],
  },
  {
    name: "spawnChild, stopChild, by name, by function, and transition logic as a child",
    machine: () =>
      family.createMachine({
        context: nothing,
        entry: spawnChild("counter", { id: "c" }),
        on: {
          ...told,
          born: { actions: spawnChild("kid", { id: ({ event }) => event["id"] as string, input: { name: "jim" } }) },
          add: { actions: [sendTo("c", { type: "add" }), sendTo(({ event }) => event["to"] as AnyActorRef, { type: "add" })] },
          add2: { actions: sendTo("x", { type: "add" }) },
          ask: { actions: sendTo("x", { type: "ask" }) },
          gone: { actions: [stopChild(({ event }) => event["id"] as string), "hear"] },
          clear: { actions: stopChild("c") },
        },
      }),
    steps: [
      { type: "born", id: "x" },
      { type: "add2" },
      { type: "born", id: "y" },
      { type: "ask" },
      { type: "gone", id: "nobody" },
      { type: "gone", id: "x" },
      { type: "born", id: "x" },
      { type: "ask" },
      { type: "clear" },
    ],
  },
  {
    name: "spawn inside assign: the reference is kept in the context and sent to",
    machine: () =>
      family.createMachine({
        context: ({ spawn }) => ({ heard: [], ref: spawn("kid", { id: "first", input: { name: "ann" } }) }),
        on: {
          ...told,
          add: { actions: sendTo(({ context }) => context.ref as AnyActorRef, { type: "add" }) },
          ask: { actions: sendTo(({ context }) => context.ref as AnyActorRef, { type: "ask" }) },
          introduce: {
            actions: sendTo(
              ({ context }) => context.ref as AnyActorRef,
              ({ self }) => ({ type: "reply", to: self }),
            ),
          },
          renew: { actions: assign({ ref: ({ spawn }) => spawn("kid", { id: "second", input: { name: "zoe" } }) }) },
          gone: { actions: stopChild(({ context }) => context.ref as AnyActorRef) },
          "xstate.done.actor.first": { actions: "hear" },
          end: { actions: sendTo(({ context }) => context.ref as AnyActorRef, { type: "end" }) },
        },
      }),
    steps: [{ type: "add" }, { type: "ask" }, { type: "introduce" }, { type: "end" }, { type: "renew" }, { type: "ask" }, { type: "gone" }],
  },
  {
    name: "the end of a parent stops its tree",
    machine: () =>
      family.createMachine({
        context: nothing,
        initial: "on",
        on: told,
        states: {
          on: {
            invoke: [
              { id: "a", src: "kid" },
              { id: "b", src: "counter" },
            ],
            on: { close: "off" },
          },
          off: { type: "final" },
        },
      }),
    steps: [{ type: "close" }, 75_000],
  },
];
