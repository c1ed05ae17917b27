import { assign, sendParent, sendTo, setup } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, traced, tracing } from "./tracing.ts";

/** What XState promises of final states: the order of what is done on the way, and who hears of it with which output. */
const ending = { initial: "on", states: { on: {}, off: { type: "final" } } } as const;
const region = (event: string) => ({ initial: "on", states: { on: { on: { [event]: "off" } }, off: { type: "final" as const } } });

/** Says a last word on its way out: on entry of its last state, and on exit of the whole. */
const speaker = setup({}).createMachine({
  initial: "on",
  states: {
    on: { on: { cancel: "off", close: "shut" } },
    off: { type: "final", entry: sendParent({ type: "cancelled" }) },
    shut: { type: "final" },
  },
  exit: sendParent({ type: "left" }),
  output: "the end",
});
/** With a child of its own, that hears the last word too. */
const holder = setup({
  actors: { pet: setup({}).createMachine({ on: { bye: { actions: sendParent({ type: "never heard" }) } } }) },
}).createMachine({
  invoke: { id: "pet", src: "pet" },
  initial: "on",
  states: { on: { on: { cancel: "off" } }, off: { type: "final" } },
  exit: sendTo("pet", { type: "bye" }),
});

export const finalScenes: readonly Scene[] = [
  {
    name: "a machine that is nothing but its end: its output is told the done event of its root",
    machine: () => setup({}).createMachine({ type: "final", output: ({ event }) => ({ by: event.type }) }),
    steps: events("anything"),
  },
  {
    name: "final states one in the other end from the inside out, each with an output of the context as it is by then",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "outer",
          states: {
            outer: {
              initial: "middle",
              onDone: { actions: ["note", assign({ n: ({ event }) => (event as { output: number }).output * 10 })] },
              states: {
                middle: {
                  initial: "inner",
                  onDone: { target: "last", actions: ["note", assign({ n: ({ event }) => (event as { output: number }).output + 1 })] },
                  states: {
                    inner: { on: { go: "end" } },
                    end: { type: "final", entry: assign({ n: 4 }), output: ({ context }) => context.n },
                  },
                },
                last: { type: "final", output: ({ context }) => context.n },
              },
            },
          },
        }),
      ),
    steps: events("go", "go"),
  },
  ...(
    [
      ["one after the other", ["a1", "a2", "b1", "b2"]],
      ["crosswise", ["a1", "b1", "b2", "a2"]],
      ["the plain one last", ["b2", "b1", "a2", "a1", "c"]],
    ] as const
  ).map(([how, order]): Scene => ({
    name: `parallel states within a parallel state are done when the last of all is: ${how}`,
    machine: () =>
      base.createMachine({
        context: first,
        initial: "work",
        states: {
          work: {
            type: "parallel",
            onDone: { target: "end", actions: "note" },
            states: {
              alpha: { type: "parallel", states: { one: region("a1"), two: region("a2") }, onDone: { actions: "note" } },
              beta: { type: "parallel", states: { one: region("b1"), two: region("b2") }, onDone: { actions: "note" } },
              gamma: { ...region("c"), onDone: { actions: "note" }, initial: how === "the plain one last" ? "on" : "off" },
            },
          },
          end: { type: "final" },
        },
        output: ({ context }) => context.trace,
      }),
    steps: events(...order),
  })),
  {
    name: "a parallel root: done when every region is, a region that is final itself among them, and its own onDone is never heard",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          type: "parallel",
          onDone: { actions: enter("never") },
          states: {
            a: { type: "final" },
            b: { type: "parallel", states: { c: { ...region("c"), onDone: { actions: "note" } } }, onDone: { actions: "note" } },
            d: region("d"),
          },
          output: ({ event, context }) => [event.type, context.trace.length],
        }),
      ),
    steps: events("d", "c"),
  },
  {
    name: "regions that end in one step end the whole once",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            type: "parallel",
            onDone: { target: "b", actions: ["up", "note"] },
            states: { x: region("go"), y: region("go"), z: { type: "final" } },
          },
          b: { initial: "c", states: { c: { type: "parallel", states: { d: region("end") } } } },
        },
      }),
    steps: events("go", "end"),
  },
  {
    name: "the output of a final region is not asked for: its parent has none of its own",
    machine: () =>
      base.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            type: "parallel",
            states: { b: { type: "final", output: () => Promise.reject(new Error("asked")) as never }, c: ending },
            onDone: { actions: "note" },
          },
        },
      }),
    steps: events("go"),
  },
  ...[events("one", "two"), events("two", "one"), events("both")].map((steps): Scene => ({
    name: `the end leaves every state, the last first, whichever was entered last: ${steps.map(({ type }) => type).join(", ")}`,
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          type: "parallel",
          states: {
            a: { initial: "x", states: { x: { on: { one: "z", both: "z" } }, z: { type: "final" } } },
            b: { initial: "x", states: { x: { on: { two: "z", both: "z" } }, z: { type: "final" } } },
          },
        }),
      ),
    steps,
  })),
  {
    name: "the exit of the whole is told of the event that led to the end",
    machine: (act) =>
      base.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { on: { go: "z" }, exit: () => act("exit a") },
          z: { type: "final", exit: ({ event }) => act(`exit z by ${event.type}`) },
        },
        exit: ({ event }) => act(`exit by ${event.type}`),
        output: ({ self }) => ({ self }),
      }),
    steps: events("go"),
  },
  ...(["cancel", "close"] as const).map((how): Scene => ({
    name: `a child's last words reach its parent before its end does: ${how}`,
    machine: () =>
      setup({ ...tracing, actors: { speaker } }).createMachine({
        context: first,
        initial: "a",
        on: { left: { actions: "note" } },
        states: {
          a: {
            invoke: { id: "s", src: "speaker", onDone: "done" },
            on: {
              cancel: { actions: sendTo("s", { type: "cancel" }) },
              close: { actions: sendTo("s", { type: "close" }) },
              cancelled: "b",
            },
          },
          b: {},
          done: { entry: enter("done") },
        },
      }),
    steps: events(how),
  })),
  {
    name: "what a child says to its own children at its end; nobody hears them any more",
    machine: () =>
      setup({ ...tracing, actors: { holder } }).createMachine({
        context: first,
        invoke: { id: "h", src: "holder", onDone: { actions: "note" } },
        on: { cancel: { actions: sendTo("h", { type: "cancel" }) }, "never heard": { actions: "note" } },
      }),
    steps: events("cancel", "cancel"),
  },
  ...(
    [
      ["said outright", { output: null }, {}],
      ["of its last state", { output: ({ event }: { event: object }) => (event as { output: unknown }).output }, { output: null }],
      ["none at all", {}, {}],
      ["false, and zero, and an empty text", { output: () => [false, 0, ""] }, {}],
    ] as const
  ).map(([what, root, last]): Scene => ({
    name: `an output that is nothing much: ${what}`,
    machine: () =>
      setup({
        ...tracing,
        actors: { kid: setup({}).createMachine({ initial: "z", states: { z: { type: "final", ...last } }, ...root } as never) },
      }).createMachine({
        context: first,
        initial: "on",
        states: {
          on: { invoke: { src: "kid", id: "k", onDone: { target: "z", actions: assign({ trace: ({ event }) => [event] }) } } },
          z: { type: "final", ...last },
        },
        ...root,
      } as never),
    steps: [],
  })),
];
