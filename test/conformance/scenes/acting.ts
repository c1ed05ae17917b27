import { assign, cancel, emit, forwardTo, fromTransition, log, raise, sendParent, sendTo, setup, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, traced, tracing, type Made } from "./tracing.ts";

/** What XState promises of actions: their order, what each is told, and what they bring about. */
export const actingScenes: readonly Scene[] = [
  {
    name: "actions on the way from state to state: exits, the transition's own, entries, whatever their kind; each with the context so far",
    machine: (act) => {
      const say =
        (words: string) =>
        ({ context, event }: { context: { n: number }; event: { type: string } }) =>
          act(`${words} ${context.n} ${event.type}`);
      return base.createMachine({
        context: first,
        entry: [say("root"), "up", say("root")],
        initial: "a",
        states: {
          a: {
            entry: say("in a"),
            exit: ["up", say("out of a")],
            on: { go: { target: "b", actions: [say("on the way"), "up", raise({ type: "raised" }), "up", say("still")] } },
          },
          b: {
            entry: [say("in b"), "up"],
            initial: "c",
            states: {
              c: { entry: say("in c"), on: { raised: { target: "d", actions: [say("raised"), "up"] } } },
              d: { entry: say("in d") },
            },
          },
        },
      });
    },
    steps: events("go"),
  },
  {
    name: "parameters of actions and guards: by value, of the context, of the event; none is undefined",
    machine: (act) =>
      setup({
        ...tracing,
        actions: {
          ...tracing.actions,
          say: (_, params: unknown) => act(`say ${JSON.stringify(params)}`),
          put: assign((_, params: { n: number }) => ({ n: params.n })),
        },
        guards: { isAbove: ({ context }, params: { least: number }) => context.n > params.least },
      }).createMachine({
        context: { ...first, n: 5 },
        on: {
          plain: { actions: ["say", { type: "say" } as never, { type: "say", params: { a: [1, null] } }] },
          ofContext: { actions: { type: "say", params: ({ context }: Made) => ({ n: context.n }) } },
          ofEvent: { actions: { type: "put", params: ({ event }) => ({ n: (event as unknown as { n: number }).n }) } },
          guarded: {
            guard: { type: "isAbove", params: ({ event }) => ({ least: (event as unknown as { n: number }).n }) },
            actions: { type: "say", params: "above" },
          },
        },
      }),
    steps: [
      { type: "plain" },
      { type: "ofContext" },
      { type: "ofEvent", n: 8 },
      { type: "ofContext" },
      { type: "guarded", n: 7 },
      { type: "guarded", n: 8 },
    ],
  },
  {
    name: "sent on entry and on exit to what the state itself invokes: the first word and the last",
    machine: () => {
      const talker = setup(tracing).createMachine({
        context: first,
        on: {
          "*": {
            actions: ["note", sendParent(({ context, event }) => ({ type: "heard", words: `${event.type} ${context.trace.length}` }))],
          },
        },
      });
      return setup({ ...tracing, actors: { talker } }).createMachine({
        context: first,
        initial: "a",
        on: { heard: { actions: "keep" } },
        states: {
          a: { on: { go: "b" } },
          b: {
            entry: [sendTo("t", { type: "hello" }), "up", sendTo("t", ({ context }) => ({ type: `you are ${context.n}` }))],
            invoke: { id: "t", src: "talker" },
            on: { go: "a" },
          },
        },
      });
    },
    steps: events("go", "go", "go"),
  },
  {
    name: "emitted by a parent, a child and transition logic, of the event, of the context and between assigns; and what is logged",
    machine: () => {
      const counter = fromTransition((n: number, event: { type: string }, { emit: tell }) => {
        tell({ type: "counted", n } as never);
        return event.type === "count" ? n + 1 : n;
      }, 0);
      const speaker = setup({ ...tracing, types: { ...tracing.types, emitted: {} as { type: string; n?: number } } }).createMachine({
        context: first,
        on: {
          "*": {
            actions: [
              emit(({ event }) => ({ type: `echo.${event.type}` })),
              "up",
              emit(({ context }) => ({ type: "now", n: context.n })),
              "up",
              log(({ context, event }) => `${event.type} at ${context.n}`),
              log("plainly", "with a label"),
              log(({ context }) => context.trace),
            ],
          },
        },
      });
      return setup({
        ...tracing,
        actors: { counter, speaker },
        types: { ...tracing.types, emitted: {} as { type: string } },
      }).createMachine({
        context: first,
        invoke: [
          { id: "c", src: "counter" },
          { id: "s", src: "speaker" },
        ],
        entry: [emit({ type: "hello" }), log("begun")],
        exit: emit({ type: "bye" }),
        initial: "on",
        states: {
          on: {
            on: {
              count: { actions: [forwardTo("c"), emit({ type: "one" }), emit({ type: "two" })] },
              say: { actions: forwardTo("s") },
              end: "off",
            },
          },
          off: { type: "final", entry: log("over") },
        },
      });
    },
    steps: events("count", "say", "count", "end"),
  },
  {
    name: "a parent and two children that talk in a circle until one has had enough",
    machine: () => {
      const player = setup({ types: { context: {} as { n: number; other?: AnyActorRef }, input: {} as { n: number } } }).createMachine({
        context: ({ input }) => ({ n: input.n }),
        on: {
          meet: { actions: assign({ other: ({ event }) => (event as unknown as { other: AnyActorRef }).other }) },
          ball: [
            { guard: ({ context }) => context.n === 0, actions: sendParent({ type: "lost" }) },
            {
              actions: [
                assign({ n: ({ context }) => context.n - 1 }),
                sendTo(({ context }) => context.other as AnyActorRef, { type: "ball" }, { delay: 10 }),
              ],
            },
          ],
        },
      });
      return setup({ ...tracing, actors: { player } }).createMachine({
        context: ({ spawn }: Made) => ({
          ...first,
          a: spawn("player", { id: "a", input: { n: 3 } }),
          b: spawn("player", { id: "b", input: { n: 2 } }),
        }),
        entry: [
          sendTo("a", ({ context }) => ({ type: "meet", other: (context as unknown as { b: AnyActorRef }).b })),
          sendTo("b", ({ context }) => ({ type: "meet", other: (context as unknown as { a: AnyActorRef }).a })),
        ],
        on: { serve: { actions: sendTo("a", { type: "ball" }) }, lost: { actions: "note" } },
      } as never);
    },
    steps: [{ type: "serve" }, 1_000],
  },
  {
    name: "delayed by the machine that ended: nothing it set comes to anything",
    machine: () =>
      traced(
        base.createMachine({
          context: first,
          initial: "on",
          on: { late: { actions: "note" } },
          states: {
            on: {
              entry: [raise({ type: "late" }, { delay: 500 }), raise({ type: "late" }, { delay: 50_000, id: "long" }), cancel("none")],
              on: { end: "off" },
            },
            off: { type: "final", entry: [raise({ type: "late" }, { delay: 10 }), enter("off")] },
          },
        }),
      ),
    steps: [{ type: "end" }, 60_000],
  },
];
