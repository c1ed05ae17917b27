import { assign, fromTransition, sendParent, sendTo, setup, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, traced, tracing, type Made } from "./tracing.ts";

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
const made = setup({ types: { input: {} as unknown, context: {} as { given: unknown } } }).createMachine({
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
    name: "stopped before it came to invoke anything: its children never begin",
    machine: () => {
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
