import { assign, sendTo, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { enter, events, first, type Made } from "./tracing.ts";
import { workers } from "./workers.ts";

/** What XState promises of promises, callbacks and observables. */
const said = { said: { actions: "keep" as const } };

export const workScenes: readonly Scene[] = [
  {
    name: "promises: with input of the context, no promise at all, nothing as an answer, several times the same, one after the other",
    machine: () =>
      workers.createMachine({
        context: { ...first, n: 2 },
        initial: "a",
        states: {
          a: {
            invoke: {
              src: "add",
              id: "p",
              input: ({ context }) => ({ a: context.n, b: 1 }),
              onDone: { target: "b", actions: ["keep", assign({ n: 9 })] },
            },
          },
          b: {
            invoke: { src: "add", id: "p", input: ({ context }) => ({ a: context.n, b: 1 }), onDone: { target: "c", actions: "keep" } },
          },
          c: { invoke: { src: "plain", id: "q", onDone: { target: "d", actions: "keep" } } },
          d: {
            invoke: {
              src: "nothing",
              id: "n",
              onDone: [
                { guard: ({ event }) => event.output !== undefined, target: "wrong" },
                { target: "z", actions: "note" },
              ],
            },
          },
          wrong: {},
          z: { type: "final" },
        },
        output: ({ context }) => context.trace,
      }),
    steps: [],
  },
  {
    name: "promises in regions beside each other, and in a state around others: each is answered for itself",
    machine: () =>
      workers.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            type: "parallel",
            onDone: "b",
            states: {
              x: {
                initial: "w",
                states: { w: { invoke: { src: "add", id: "x", input: { a: 1, b: 1 }, onDone: "z" } }, z: { type: "final" } },
              },
              y: {
                initial: "w",
                states: { w: { invoke: { src: "add", id: "y", input: { a: 2, b: 2 }, onDone: "z" } }, z: { type: "final" } },
              },
            },
          },
          b: {
            invoke: { src: "plain", id: "outer", onDone: "c" },
            initial: "in",
            states: { in: { initial: "deep", states: { deep: {} } } },
          },
          c: { entry: enter("c") },
        },
      }),
    steps: events("nothing"),
  },
  {
    name: "callbacks: what they say while they begin, on what they hear, and not after they were left",
    isRestarted: true,
    machine: () =>
      workers.createMachine({
        context: first,
        initial: "off",
        on: said,
        states: {
          off: { on: { go: "passing" } },
          passing: { invoke: { id: "never", src: "talker", input: "nobody" }, always: "on" },
          on: {
            invoke: { id: "t", src: "talker", input: ({ event }) => event.type },
            entry: sendTo("t", { type: "early" }),
            on: { ping: { actions: [sendTo("t", { type: "ping" }), sendTo("t", { type: "pong" })] }, stop: "off" },
          },
        },
      }),
    steps: events("go", "ping", "stop", "go"),
  },
  {
    name: "a callback that fails as it begins, heard by the state that invoked it, and by none",
    machine: () =>
      workers.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { invoke: { id: "x", src: "broken", onError: { target: "b", actions: "keep" } } },
          b: { on: { go: "c" } },
          c: { invoke: { id: "x", src: "broken" }, on: { go: "a" } },
        },
      }),
    steps: events("go", "go"),
  },
  {
    name: "references for work: one that is sent to it, one that it is begun with, and its own, by which it is spoken to",
    isRestarted: true,
    machine: () =>
      workers.createMachine({
        context: { ...first, who: undefined } as never,
        initial: "a",
        on: { ...said, call: { actions: sendTo(({ context }) => (context as unknown as { who: AnyActorRef }).who, { type: "you" }) } },
        states: {
          a: {
            invoke: { id: "m", src: "mirror" },
            on: { ready: { actions: sendTo("m", ({ self }) => ({ type: "hello", from: self })) }, next: "b" },
          },
          b: { invoke: { id: "c", src: "calls", input: ({ self }: Made) => ({ to: self }) }, on: { next: "c" } },
          c: {
            invoke: {
              id: "p",
              src: "asks",
              input: ({ self }: { self: AnyActorRef }) => ({ to: self }),
              onDone: { target: "d", actions: "keep" },
            },
          },
          d: {
            invoke: { id: "i", src: "introduces" },
            on: {
              introduced: { actions: assign({ who: ({ event }: { event: unknown }) => (event as { who: AnyActorRef }).who }) },
            },
          },
        },
      } as never),
    steps: events("next", "next", "call", "call"),
  },
  {
    name: "observables: values seen until the end, with input; one that fails; one that says nothing; one that is left halfway",
    machine: () =>
      workers.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { invoke: { id: "o", src: "three", input: 10, onSnapshot: { actions: "keep" }, onDone: { target: "b", actions: "note" } } },
          b: { invoke: { id: "o", src: "failing", onSnapshot: { actions: "keep" }, onError: { target: "c", actions: "keep" } } },
          c: { invoke: { id: "o", src: "empty", onSnapshot: { actions: enter("never") }, onDone: { target: "d", actions: "note" } } },
          d: {
            invoke: {
              id: "o",
              src: "endless",
              onSnapshot: { target: "e", guard: ({ event }) => (event.snapshot as { context?: number }).context === 2, actions: "keep" },
            },
          },
          e: { entry: enter("e") },
        },
      }),
    steps: [],
  },
  {
    name: "observables of events: each is an event of the machine; their end and their failure too",
    machine: () =>
      workers.createMachine({
        context: first,
        initial: "a",
        on: said,
        states: {
          a: { invoke: { id: "n", src: "news", input: "today", onDone: { target: "b", actions: "note" } } },
          b: { invoke: { id: "n", src: "badNews", onError: { target: "c", actions: "keep" } } },
          c: {},
        },
      }),
    steps: [],
  },
  {
    name: "watched work: a promise shows nothing on its way; work that is spawned to be watched shows itself by its name",
    machine: () =>
      workers.createMachine({
        context: ({ spawn }: Made) => ({ ...first, ref: spawn("three", { id: "o", input: 1, syncSnapshot: true }) }),
        initial: "a",
        on: { "xstate.snapshot.o": { actions: "keep" }, "xstate.done.actor.o": { actions: "note" } },
        states: {
          a: { on: { go: "b" } },
          b: { invoke: { id: "p", src: "plain", onSnapshot: { actions: enter("never") }, onDone: "c" } },
          c: {},
        },
      } as never),
    steps: events("go"),
  },
  {
    name: "work that is left does not matter any more, nor does work in a machine that has ended",
    machine: () =>
      workers.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: [
              { id: "p", src: "never", onDone: "wrong" },
              { id: "q", src: "never" },
            ],
            on: { go: "b" },
          },
          b: { invoke: { id: "p", src: "plain", onDone: { target: "c", actions: "keep" } } },
          c: { invoke: { id: "q", src: "never" }, always: "z" },
          wrong: {},
          z: { type: "final", entry: enter("z") },
        },
      }),
    steps: events("go"),
  },
];
