import {
  assign,
  enqueueActions,
  fromPromise,
  fromTransition,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
  type AnyActorRef,
} from "xstate";
import type { Scene } from "../story.ts";
import { events, first, tracing, type Traced, type Made } from "./tracing.ts";

/** What XState promises of children that actions start and stop. */
const kid = setup({ ...tracing, types: { ...tracing.types, input: {} as { name: string } | undefined } }).createMachine({
  context: ({ input }) => ({ n: 0, trace: input === undefined ? [] : [input.name] }),
  entry: sendParent(({ context }) => ({ type: "born", words: context.trace[0] })),
  initial: "on",
  on: { "*": { actions: "note" } },
  states: { on: { on: { end: "off" } }, off: { type: "final" } },
  output: ({ context }) => context.trace,
});
const counter = fromTransition((n: number, event: { type: string }) => (event.type === "add" ? n + 1 : n), 0);
const nest = setup({ ...tracing, actors: { kid } }).createMachine({
  context: ({ spawn }: Made) => ({ ...first, egg: spawn("kid", { id: "egg", input: { name: "egg" } }) }),
  on: {
    born: { actions: [sendParent(({ event }) => ({ type: "born", words: `grandchild ${(event as { words?: string }).words}` })), "keep"] },
  },
} as never);
const family = setup({
  ...tracing,
  types: { ...tracing.types, context: {} as Traced & { readonly ref?: AnyActorRef | undefined; readonly all?: readonly AnyActorRef[] } },
  actors: { kid, counter, nest, answer: fromPromise(async () => 42) },
});
const heard = { born: { actions: "keep" as const } };

export const spawningScenes: readonly Scene[] = [
  {
    name: "begun in the context, by an action of the root and on the way: each is heard, once, in its turn",
    machine: () =>
      family.createMachine({
        context: ({ spawn }) => ({ ...first, ref: spawn("kid", { id: "first", input: { name: "first" } }) }),
        entry: [
          spawnChild("kid", { id: "second", input: { name: "second" } }),
          assign({ ref: ({ spawn }) => spawn("counter", { id: "third" }) }),
        ],
        on: {
          // Between several senders there is no order: counted, not kept.
          born: { actions: "up" },
          go: { actions: [spawnChild("kid", { id: "fourth", input: ({ context }) => ({ name: `after ${context.n}` }) }), "note"] },
          add: { actions: sendTo("third", { type: "add" }) },
        },
      }),
    steps: events("go", "add"),
  },
  {
    name: "a child of a child, begun with the contexts of both",
    machine: () => family.createMachine({ context: first, invoke: { id: "n", src: "nest" }, on: heard }),
    steps: events("nothing"),
  },
  ...(
    [
      ["by its reference", ({ context }: { context: { ref?: AnyActorRef } }) => context.ref as AnyActorRef],
      ["by its name", "k"],
      ["by a name that is computed", ({ event }: { event: { type: string } }) => event.type.slice(0, 1)],
    ] as const
  ).map(([how, which]): Scene => ({
    name: `stopped ${how} and begun again under its name within one step`,
    machine: () =>
      family.createMachine({
        context: ({ spawn }) => ({ ...first, ref: spawn("kid", { id: "k", input: { name: "0" } }) }),
        on: {
          ...heard,
          kill: {
            actions: [
              stopChild(which as never),
              assign({ n: ({ context }) => context.n + 1 }),
              assign({ ref: ({ spawn, context }) => spawn("kid", { id: "k", input: { name: `${context.n}` } }) }),
            ],
          },
          end: { actions: sendTo(({ context }) => context.ref as AnyActorRef, { type: "end" }) },
          "xstate.done.actor.k": { actions: "keep" },
        },
      }),
    steps: events("kill", "kill", "end", "kill"),
  })),
  {
    name: "replaced under its name without having been stopped: the name is the new one's, the old one hears by its reference",
    machine: () =>
      family.createMachine({
        context: ({ spawn }) => ({ ...first, ref: spawn("kid", { id: "k", input: { name: "old" } }) }),
        on: {
          ...heard,
          other: { actions: [stopChild("k"), spawnChild("kid", { id: "k", input: { name: "new" } })] },
          tell: { actions: sendTo("k", { type: "hello" }) },
          whoever: { actions: [sendTo(({ context }) => context.ref as AnyActorRef, { type: "late" }), "up"] },
        },
      }),
    steps: events("tell", "other", "tell", "whoever"),
  },
  {
    name: "lists of children in the context: begun, sent to and stopped each by each",
    machine: () =>
      family.createMachine({
        context: { ...first, all: [] },
        on: {
          ...heard,
          add: {
            actions: assign({
              n: ({ context }) => context.n + 1,
              all: ({ context, spawn }) => [...(context.all ?? []), spawn("kid", { id: `k${context.n}`, input: { name: `${context.n}` } })],
            }),
          },
          each: {
            actions: enqueueActions(({ enqueue, context }) =>
              context.all?.forEach((ref, i) => enqueue.sendTo(ref, { type: `number ${i}` })),
            ),
          },
          drop: {
            actions: [
              stopChild(({ context }) => context.all?.[0] as AnyActorRef),
              assign({ all: ({ context }) => context.all?.slice(1) ?? [] }),
            ],
          },
        },
      }),
    steps: events("add", "add", "add", "each", "drop", "each", "add"),
  },
  {
    name: "spawned to be watched: by an action and in the context, a machine and transition logic",
    machine: () =>
      family.createMachine({
        context: ({ spawn }) => ({ ...first, ref: spawn("counter", { id: "c", syncSnapshot: true }) }),
        entry: spawnChild("kid", { id: "k", input: { name: "watched" }, syncSnapshot: true }),
        on: {
          add: { actions: sendTo("c", { type: "add" }) },
          hello: { actions: sendTo("k", { type: "hello" }) },
          end: { actions: sendTo("k", { type: "end" }) },
          "xstate.snapshot.*": { actions: "keep" },
          "xstate.done.actor.*": { actions: "keep" },
        },
      }),
    steps: events("add", "hello", "add", "end"),
  },
  {
    name: "spawned on entry, kept when its state is left, and gone with the machine",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "a",
        on: heard,
        states: {
          a: { entry: spawnChild("kid", { id: "k", input: { name: "kept" } }), on: { go: "b" } },
          b: { on: { tell: { actions: sendTo("k", { type: "still here" }) }, end: "z" } },
          z: { type: "final" },
        },
      }),
    steps: events("go", "tell", "end"),
  },
  {
    name: "work that is spawned: its answer comes by its name",
    machine: () =>
      family.createMachine({
        context: first,
        on: {
          go: { actions: assign({ ref: ({ spawn }) => spawn("answer", { id: "a" }) }) },
          again: { actions: spawnChild("answer", { id: "b" }) },
          "xstate.done.actor.*": { actions: "keep" },
        },
      }),
    steps: events("go", "again"),
  },
  {
    name: "a child's end in passing: done before its parent's first step is over",
    machine: () => {
      const brief = setup({}).createMachine({ initial: "a", states: { a: { always: "z" }, z: { type: "final" } }, output: 1 });
      return setup({ ...tracing, actors: { brief } }).createMachine({
        context: ({ spawn }: Made) => ({ ...first, ref: spawn("brief", { id: "b" }) }),
        entry: spawnChild("brief", { id: "c" }),
        on: { "xstate.done.actor.b": { actions: "note" }, "xstate.done.actor.c": { actions: "note" } },
      } as never);
    },
    steps: [],
  },
  {
    name: "a child that hears only of what was sent after it began, and everything of that",
    machine: () =>
      family.createMachine({
        context: first,
        initial: "a",
        on: heard,
        states: {
          a: {
            on: {
              go: {
                target: "b",
                actions: [
                  spawnChild("kid", { id: "k", input: { name: "k" } }),
                  sendTo("k", { type: "first" }),
                  stopChild("k"),
                  spawnChild("kid", { id: "k", input: { name: "l" } }),
                  sendTo("k", { type: "second" }),
                ],
              },
            },
          },
          b: { entry: sendTo("k", { type: "third" }) },
        },
      }),
    steps: events("go"),
  },
  {
    name: "a child of the step that ends its parent never begins",
    machine: (act) =>
      setup({ ...tracing, actors: { kid: setup({}).createMachine({ entry: () => act("born") }) } }).createMachine({
        context: first,
        initial: "a",
        states: { a: { on: { go: "z" } }, z: { type: "final", entry: spawnChild("kid", { id: "k" }) } },
      }),
    steps: events("go"),
  },
];
