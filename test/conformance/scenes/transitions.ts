import { assign, raise, setup, stateIn } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, traced, tracing } from "./tracing.ts";

/** What XState promises of transitions: which is taken, what is left and entered for it, in which order. */
const deep = (inner: object) => ({
  initial: "b",
  states: { b: { initial: "c", states: { c: { initial: "d", states: { d: inner, e: {} } } } } },
});

export const transitionScenes: readonly Scene[] = [
  {
    name: "the innermost state that hears an event takes it; what it forbids, its parents do not hear",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "a",
          on: { any: { actions: enter("root") }, never: { actions: enter("root") }, out: ".z" },
          states: {
            a: {
              ...deep({ on: { d: "e", any: { actions: enter("d") }, never: undefined } }),
              on: { a: "z", any: { actions: enter("a") } },
            },
            z: { on: { back: "a.b.c.e", inner: "a.b" } },
          },
        } as never),
      ),
    steps: events("any", "never", "d", "any", "never", "a", "back", "out", "inner", "d"),
  },
  {
    name: "from deep inside to deep inside of another, by a parent's transition and by its own",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "a",
          on: { machine: "#dd" },
          states: {
            a: { ...deep({ on: { mine: "#sd", up: "#s" } }), on: { theirs: "#sd", same: { target: "#a", reenter: true } }, id: "a" },
            s: { id: "s", ...deep({ id: "sd", on: { back: "#a" } }) },
            d: { initial: "dd", states: { dd: { id: "dd", on: { up: "#a" } } } },
          },
        } as never),
      ),
    steps: events("mine", "back", "theirs", "back", "up", "machine", "up", "same", "machine"),
  },
  {
    name: "to a child: without and with re-entry, from the parent and from the child, and to itself",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "p",
          states: {
            p: {
              initial: "a",
              on: {
                b: ".b",
                again: { target: ".b", reenter: true },
                self: "p",
                anew: { target: "p", reenter: true },
                only: { actions: "up" },
                perhaps: [{ guard: ({ context }) => context.n > 1, actions: enter("more") }, { actions: enter("less") }],
              },
              states: {
                a: { on: { own: "a", ownAnew: { target: "a", reenter: true } } },
                b: { initial: "x", states: { x: { on: { y: "y" } }, y: {} } },
              },
            },
          },
        }),
      ),
    steps: events("own", "ownAnew", "b", "y", "b", "y", "again", "only", "perhaps", "self", "only", "perhaps", "anew"),
  },
  {
    name: "a root that re-enters itself, with initial actions on two levels",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: { target: "a", actions: enter("to a") },
          on: { again: { target: "#root", reenter: true }, inner: ".b" },
          id: "root",
          states: {
            a: { initial: { target: "x", actions: enter("to x") }, states: { x: { on: { y: "y" } }, y: {} } },
            b: { on: { a: "a" } },
          },
        } as never),
      ),
    steps: events("y", "again", "inner", "a"),
  },
  {
    name: "targets in several regions, in one and two levels, and with one region left to its initial state",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "off",
          states: {
            off: { on: { none: "on", one: "on.a.x", both: ["on.a.x", "on.b.y"] as never, deep: ["on.a.y", "on.c.p.y"] as never } },
            on: {
              type: "parallel",
              on: { off: "off" },
              states: {
                a: { initial: "w", states: { w: {}, x: {}, y: {} } },
                b: { initial: "w", states: { w: {}, x: {}, y: {} } },
                c: { type: "parallel", states: { p: { initial: "x", states: { x: {}, y: {} } }, q: {} } },
              },
            },
          },
        }),
      ),
    steps: events("none", "off", "one", "off", "both", "off", "deep"),
  },
  {
    name: "a region that sends another one somewhere is entered again itself; one that hears an event with nowhere to go is not",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          type: "parallel",
          on: { root: { actions: "up" } },
          states: {
            pages: { initial: "about", states: { about: { id: "about" }, board: { id: "board" } } },
            menu: {
              initial: "closed",
              states: {
                closed: { id: "closed", on: { toggle: "#open", only: { actions: "up" } } },
                open: { id: "open", on: { toggle: "#closed", board: { target: ["#board", "#open"] }, there: "#about" } },
              },
            },
            plain: { on: { root: { actions: enter("plain") } } },
          },
        }),
      ),
    steps: events("only", "root", "toggle", "board", "there", "toggle"),
  },
  {
    name: "regions hear one event together: actions in the order of the document, on whatever level, and each context after the other",
    machine: () =>
      base.createMachine({
        context: first,
        type: "parallel",
        states: {
          a: { initial: "x", states: { x: { on: { go: { actions: [enter("a.x"), "up"] } } } }, on: { go: { actions: enter("a") } } },
          b: { on: { go: { actions: assign({ trace: ({ context }) => [...context.trace, `b ${context.n}`] }) } } },
          c: { initial: "x", states: { x: { on: { go: { target: "y", actions: enter("c.x") } } }, y: { entry: enter("c.y") } } },
        },
      }),
    steps: events("go", "go"),
  },
  {
    name: "raised events wait for the transitions that nobody asks for, and for each other",
    machine: () =>
      base.createMachine({
        context: first,
        type: "parallel",
        states: {
          chain: {
            initial: "a",
            states: {
              a: { on: { go: "b" } },
              b: { entry: raise({ type: "bar" }), always: "c", on: { bar: "wrong" } },
              c: { on: { bar: "e" } },
              e: { entry: enter("e") },
              wrong: {},
            },
          },
          one: { initial: "x", states: { x: { on: { go: "y" } }, y: { entry: raise({ type: "first" }) } } },
          two: { initial: "x", states: { x: { on: { go: "y" } }, y: { entry: [raise({ type: "second" }), raise({ type: "third" })] } } },
          all: { on: { "*": { actions: "note" } } },
        },
      }),
    steps: events("go"),
  },
  {
    name: "always: in step with other regions, after an event that led nowhere, in a loop that ends, and on the root",
    machine: () =>
      base.createMachine({
        context: first,
        type: "parallel",
        always: { guard: ({ context }) => context.n > 0 && context.n < 4, actions: ["up", enter("root")] },
        on: { raise: { actions: raise({ type: "up" }) }, up: { actions: "up" } },
        states: {
          a: {
            initial: "a1",
            states: {
              a1: { on: { go: "a2" } },
              a2: { always: "a3" },
              a3: { always: { target: "a4", guard: stateIn({ b: "b3" }) as never } },
              a4: {},
            },
          },
          b: {
            initial: "b1",
            states: {
              b1: { on: { go: "b2" } },
              b2: { always: { target: "b3", guard: stateIn({ a: "a2" }) as never } },
              b3: { always: { target: "b4", guard: stateIn({ a: "a3" }) as never } },
              b4: {},
            },
          },
          c: {
            initial: "c1",
            states: {
              c1: { always: { target: "c2", guard: stateIn({ a: "a4" }) as never } },
              c2: { on: { "*": { actions: enter("heard") } } },
            },
          },
        },
      }),
    steps: events("go", "raise", "up"),
  },
  {
    name: "always: knows the event that led to it, in its guard and its actions, over several states",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { on: { go: "b" } },
          b: { always: "c" },
          c: { always: [{ guard: ({ event }) => (event as unknown as { to: string }).to === "d", target: "d", actions: "note" }, "e"] },
          d: { on: { go: "b" } },
          e: { entry: "note" },
        },
      }),
    steps: [
      { type: "go", to: "d" },
      { type: "go", to: "e" },
    ],
  },
  {
    name: "an initial state that is only passed, by what the input says; the machine may be over before it has begun",
    machine: () => {
      const kid = setup({ ...tracing, types: { ...tracing.types, input: {} as { duration: number } } }).createMachine({
        context: ({ input }) => ({ n: input.duration, trace: [] }),
        initial: "a",
        states: {
          a: { always: [{ target: "off", guard: ({ context }) => context.n < 1_000 }, { target: "on" }] },
          on: {},
          off: { type: "final" },
        },
        output: ({ context }) => context.n,
      });
      return setup({ ...tracing, actors: { kid } }).createMachine({
        context: first,
        invoke: [
          { id: "long", src: "kid", input: { duration: 3_000 }, onDone: { actions: "keep" } },
          { id: "short", src: "kid", input: { duration: 10 }, onDone: { actions: "keep" } },
        ],
      });
    },
    steps: events("nothing"),
  },
  {
    name: "routes lead to a state by its id, from wherever the machine is, where a guard allows it",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "a",
          on: {
            b: { actions: raise({ type: "xstate.route", to: "#b" } as never) },
            c: { actions: raise({ type: "xstate.route", to: "#c" } as never) },
            up: { actions: "up" },
          },
          states: {
            a: { id: "a", route: {} },
            b: { id: "b", route: { guard: ({ context }: { context: { n: number } }) => context.n > 0 } },
            z: { initial: "y", states: { y: {}, c: { id: "c", route: {} } } },
          },
        } as never),
      ),
    steps: events("b", "c", "up", "b", "b"),
  },
  {
    name: "descriptors: a longer one before a shorter, in whatever order they stand, and any where the guard of an exact one fails",
    machine: () =>
      base.createMachine({
        context: first,
        on: {
          "*": { actions: enter("any") },
          "a.*": { actions: enter("a") },
          "a.b.c.*": { actions: enter("a.b.c") },
          "a.b.*": { actions: enter("a.b") },
          exact: { guard: ({ context }) => context.n > 0, actions: enter("exact") },
          up: { actions: "up" },
        },
      }),
    steps: events("a.b.c.d", "a.b.c", "a.b.x", "a.bc", "a", "ab", "exact", "up", "exact"),
  },
];
