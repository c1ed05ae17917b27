import { fromTransition, sendParent, sendTo, setup, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { enter, events, first, traced, tracing, type Made } from "./tracing.ts";

/** What XState promises of machines and transition logic that a state invokes. */
const inner = setup(tracing).createMachine({ context: first, on: { "*": { actions: "note" } } });
/** Says three things while it begins, and ends when it is told. */
const eager = setup(tracing).createMachine({
  context: first,
  entry: [sendParent({ type: "one" }), sendParent({ type: "two" }), sendParent({ type: "three" })],
  initial: "on",
  states: { on: { on: { end: "off" } }, off: { type: "final" } },
  output: "ended",
});
const middle = setup({ ...tracing, actors: { inner } }).createMachine({
  context: first,
  initial: "idle",
  states: {
    idle: { on: { work: "working" } },
    working: { invoke: { id: "inner", src: "inner" }, on: { end: "off" } },
    off: { type: "final" },
  },
});
const counter = fromTransition((state: { n: number }, event: { type: string }) => ({ n: event.type === "add" ? state.n + 1 : state.n }), {
  n: 0,
});
const made = setup({}).createMachine({
  context: ({ input }) => ({ given: input }),
});
const family = setup({ ...tracing, actors: { inner, eager, middle, counter, made } });

export const invocationScenes: readonly Scene[] = [
  {
    name: "a child that says several things while it begins, to a parent that leaves at the last",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { on: { go: "b" } },
          b: { invoke: { id: "e", src: "eager" }, on: { one: { actions: "note" }, two: { actions: "note" }, three: "c" } },
          c: { entry: enter("c") },
        },
      }),
    steps: events("go"),
  },
  {
    name: "invoked by the root: begun anew only where the root is entered again, kept over everything else",
    machine: () =>
      traced(
        family.createMachine({
          id: "root",
          context: first,
          invoke: { id: "k", src: "inner" },
          initial: "a",
          on: {
            tell: { actions: sendTo("k", { type: "hello" }) },
            inside: ".b",
            again: { target: "#root", reenter: true },
            only: { actions: "up" },
          },
          states: { a: {}, b: { on: { a: "a" } } },
        }),
      ),
    steps: events("tell", "inside", "only", "a", "tell", "again", "tell"),
  },
  {
    name: "several at once, by one state and by regions beside each other, started by one event, ended one by one",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "off",
        states: {
          off: { on: { go: "on" } },
          on: {
            type: "parallel",
            invoke: [
              { id: "a", src: "eager", onDone: { actions: "note" } },
              { id: "b", src: "inner" },
            ],
            on: {
              one: { actions: "up" },
              endA: { actions: sendTo("a", { type: "end" }) },
              endC: { actions: sendTo("c", { type: "end" }) },
            },
            states: {
              left: { initial: "x", states: { x: { invoke: { id: "c", src: "eager", onDone: "y" } }, y: { type: "final" } } },
              right: { initial: "x", states: { x: { invoke: { id: "d", src: "counter" }, on: { endA: "y" } }, y: { type: "final" } } },
            },
            onDone: "over",
          },
          over: { entry: enter("over") },
        },
      }),
    steps: events("go", "endA", "endC", "endA"),
  },
  {
    name: "left in the very step that entered it, at once and after a while of passing through; another one begins instead",
    machine: () =>
      family.createMachine({
        context: first,
        type: "parallel",
        states: {
          x: {
            initial: "a",
            states: {
              a: { on: { go: "b" } },
              b: { invoke: { id: "k", src: "eager" }, always: "c" },
              c: { invoke: { id: "l", src: "eager" }, always: { guard: ({ context }) => context.n > 0, target: "d" } },
              d: { invoke: { id: "m", src: "inner" } },
            },
          },
          y: { initial: "a", states: { a: { on: { go: "b" } }, b: { entry: "up" } } },
        },
        on: { "*": { actions: "note" } },
      }),
    steps: events("go"),
  },
  {
    name: "entered again by what it raised itself: one child in the end, a new one, told of nothing before its time",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "a",
        on: { one: { actions: "up" } },
        states: {
          a: {
            invoke: { id: "k", src: "eager" },
            entry: sendTo("k", { type: "hello" }),
            always: { guard: ({ context }) => context.n === 0, target: "a", reenter: true, actions: "up" },
            on: { again: { target: "a", reenter: true } },
          },
        },
      }),
    steps: events("again", "again"),
  },
  {
    name: "ids that nobody chose are the same every time, two of one state and one of the root",
    machine: () =>
      family.createMachine({
        id: "m",
        context: first,
        invoke: { src: "counter" },
        initial: "a",
        states: {
          a: {
            id: "named",
            invoke: [{ src: "inner" }, { src: "eager", onDone: "b" }],
            on: { end: { actions: sendTo("1.named", { type: "end" }) } },
          },
          b: { invoke: { src: "inner" }, entry: sendTo("0.m.b", { type: "hello" }) },
        },
      }),
    steps: events("end"),
  },
  {
    name: "an end is heard by the state that invoked, also where another one of the same logic runs beside it, and by whoever asks by name",
    machine: () =>
      family.createMachine({
        context: first,
        type: "parallel",
        on: {
          first: { actions: sendTo("one", { type: "end" }) },
          second: { actions: sendTo("two", { type: "end" }) },
          "xstate.done.actor.*": { actions: "keep" },
        },
        states: {
          a: { initial: "x", states: { x: { invoke: { id: "one", src: "eager", onDone: { target: "y", actions: "note" } } }, y: {} } },
          b: { initial: "x", states: { x: { invoke: { id: "two", src: "eager" } } } },
        },
      }),
    steps: events("second", "first"),
  },
  {
    name: "an end in the state of a child's child: the parents are told one after the other, and each leaves its tree",
    machine: () =>
      traced(
        family.createMachine({
          context: first,
          initial: "on",
          states: {
            on: {
              invoke: { id: "m", src: "middle", onDone: { target: "off", actions: "note" } },
              on: { work: { actions: sendTo("m", { type: "work" }) }, end: { actions: sendTo("m", { type: "end" }) } },
            },
            off: { type: "final" },
          },
        }),
      ),
    steps: events("work", "end"),
  },
  {
    name: "input: of the context as the entry has made it, of the event that led there, of the machine itself; and none",
    machine: () =>
      family.createMachine({
        context: { ...first, n: 1 },
        initial: "a",
        on: { hello: { actions: "note" } },
        states: {
          a: { on: { go: { target: "b", actions: "up" } } },
          b: {
            entry: "up",
            invoke: [
              { id: "context", src: "made", input: ({ context }: Made) => ({ n: context.n }) },
              { id: "event", src: "made", input: ({ event }: Made) => event },
              { id: "self", src: "made", input: ({ self }: { self: AnyActorRef }) => ({ parent: self }) },
              { id: "fixed", src: "made", input: [1, { deep: null }] },
              { id: "none", src: "made" },
            ],
          },
        },
      }),
    steps: [{ type: "go", words: "this way" }],
  },
  {
    name: "watched: transition logic and a machine, in state and context, until each is done; and a child that is watched and left",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "on",
        states: {
          on: {
            invoke: [
              { id: "c", src: "counter", onSnapshot: { actions: "keep" } },
              { id: "e", src: "eager", onSnapshot: { actions: "keep" }, onDone: { actions: "note" } },
            ],
            on: {
              add: { actions: sendTo("c", { type: "add" }) },
              end: { actions: sendTo("e", { type: "end" }) },
              leave: "off",
            },
          },
          off: {},
        },
      }),
    steps: events("add", "end", "leave"),
  },
  {
    name: "watched, and left for what is seen: the snapshot says when",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "on",
        states: {
          on: {
            invoke: {
              id: "c",
              src: "counter",
              onSnapshot: {
                target: "off",
                guard: ({ event }) => (event.snapshot as unknown as { context: { n: number } }).context.n === 2,
                actions: "keep",
              },
            },
            on: { add: { actions: sendTo("c", { type: "add" }) } },
          },
          off: { entry: enter("off") },
        },
      }),
    steps: events("add", "add", "add"),
  },
];
