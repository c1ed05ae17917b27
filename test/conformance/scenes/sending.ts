import {
  assign,
  cancel,
  emit,
  enqueueActions,
  forwardTo,
  fromTransition,
  log,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
  type AnyActorRef,
} from "xstate";
import type { Scene } from "../story.ts";
import { base, enter, events, first, traced, tracing, type Made } from "./tracing.ts";

/** What XState promises of actions: their order, what each is told, and who hears what is sent. */
const kid = setup(tracing).createMachine({
  context: first,
  on: {
    "*": { actions: "note" },
    answer: { actions: [sendParent({ type: "one" }), sendParent({ type: "two" }), raise({ type: "own" }), sendParent({ type: "three" })] },
    introduced: {
      actions: [
        "note",
        sendTo(
          ({ event }) => (event as unknown as { who: AnyActorRef }).who,
          ({ self }) => ({ type: "greeted", who: self }),
        ),
      ],
    },
  },
});
const family = setup({ ...tracing, actors: { kid } });

export const sendingScenes: readonly Scene[] = [
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
    name: "enqueueActions: every kind of action in its order, guards in between, and what it sends to parent and child",
    machine: (act) => {
      const inner = setup({
        ...tracing,
        actors: { kid },
        guards: { isBig: ({ context }) => context.n > 1, isAbove: ({ context }, least: number) => context.n > least },
        actions: {
          ...tracing.actions,
          say: (_, words: string) => act(words),
          all: enqueueActions(({ enqueue, check, context, event, self }) => {
            const is = check as (guard: unknown) => boolean;
            enqueue("up");
            enqueue({ type: "say", params: `${event.type} ${context.n}` });
            enqueue.assign({ trace: ({ context: after }: Made) => [...after.trace, after.n] });
            if (is("isBig")) enqueue.raise({ type: "big" });
            if (is({ type: "isAbove", params: 2 })) enqueue.stopChild("k");
            else enqueue.sendTo("k", { type: `hello ${context.n}` });
            enqueue.sendParent({ type: "told" });
            enqueue.sendTo(self, { type: "mine" });
            enqueue.emit({ type: "emitted" } as never);
            enqueue.cancel("bell");
            enqueue.raise({ type: "bell" }, { id: "bell", delay: 100_000 });
          }) as never,
        },
      }).createMachine({
        context: first,
        entry: enqueueActions(({ enqueue }) => {
          enqueue.assign({ n: 0 });
          enqueue.spawnChild("kid", { id: "k" });
        }),
        on: { all: { actions: "all" }, big: { actions: "note" }, mine: { actions: "note" }, bell: { actions: "note" } },
      });
      return setup({ ...tracing, actors: { inner } }).createMachine({
        context: first,
        invoke: { id: "i", src: "inner" },
        on: { all: { actions: forwardTo("i") }, told: { actions: "note" } },
      });
    },
    steps: [...events("all", "all", "all"), 100_000],
  },
  {
    name: "what is sent in one step arrives in its order: to oneself, to a child, and back with its answers",
    machine: () =>
      family.createMachine({
        context: first,
        invoke: { id: "k", src: "kid" },
        on: {
          go: {
            actions: [
              sendTo("k", { type: "a" }),
              sendTo(({ self }) => self, { type: "me" }),
              raise({ type: "raised" }),
              sendTo("k", { type: "answer" }),
              sendTo("k", { type: "b" }),
              sendTo(({ self }) => self, { type: "me too" }),
            ],
          },
          raised: { actions: ["note", sendTo("k", { type: "c" })] },
          // Of whether its own words or the child's come first nothing is said.
          one: { actions: "note" },
          two: { actions: "note" },
          three: { actions: "note" },
        },
      }),
    steps: events("go"),
  },
  {
    name: "references in events: whoever is introduced answers, and its answer introduces it",
    machine: () =>
      family.createMachine({
        context: { ...first, friend: undefined as unknown } as never,
        entry: [spawnChild("kid", { id: "a" }), spawnChild("kid", { id: "b" })],
        on: {
          self: { actions: sendTo("a", ({ self }) => ({ type: "introduced", who: self })) },
          greeted: { actions: ["note", assign(({ event }) => ({ friend: (event as unknown as { who: AnyActorRef }).who }) as never)] },
          thank: { actions: sendTo(({ context }) => (context as unknown as { friend: AnyActorRef }).friend, { type: "thanks" }) },
          each: {
            actions: sendTo("a", ({ context }) => ({
              type: "introduced",
              who: (context as unknown as { friend: AnyActorRef }).friend,
              n: 1,
            })),
          },
        },
      } as never),
    steps: events("self", "thank", "each"),
  },
  {
    name: "an event passed on as it came, also to whoever the context says, and by a child to its parent's other child",
    machine: () => {
      const middle = setup({ types: { input: {} as { to: AnyActorRef }, context: {} as { to: AnyActorRef } } }).createMachine({
        context: ({ input }) => ({ to: input.to }),
        on: { pass: { actions: forwardTo(({ context }) => context.to) } },
      });
      return setup({ ...tracing, actors: { kid, middle } }).createMachine({
        context: ({ spawn }: Made) => ({ ...first, kid: spawn("kid", { id: "k" }) }),
        entry: spawnChild("middle", {
          id: "m",
          input: ({ context }: Made) => ({ to: (context as unknown as { kid: AnyActorRef }).kid }),
        } as never),
        on: {
          pass: { actions: [forwardTo("m"), "note"] },
          direct: { actions: forwardTo(({ context }) => (context as unknown as { kid: AnyActorRef }).kid) },
        },
      } as never);
    },
    steps: [{ type: "pass", words: "to both" }, { type: "direct" }],
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
    name: "what user code sends by a reference while the machine decides: from assign, and from transition logic to its parent",
    machine: () => {
      const nosy = fromTransition((n: number, event: { type: string }, { self }) => {
        const { _parent: parent } = self as unknown as { _parent?: AnyActorRef };
        if (event.type === "ask") parent?.send({ type: "told", words: n });
        return n + 1;
      }, 0);
      return setup({ ...tracing, actors: { nosy, kid } }).createMachine({
        context: ({ spawn }: Made) => ({ ...first, kid: spawn("kid", { id: "k" }) }),
        invoke: { id: "n", src: "nosy" },
        on: {
          ask: { actions: forwardTo("n") },
          told: { actions: "keep" },
          nudge: {
            actions: assign(({ context, self }) => {
              (context as unknown as { kid: AnyActorRef }).kid.send({ type: "nudged" });
              self.send({ type: "me" });
              return { n: context.n + 1 };
            }),
          },
          me: { actions: ["note", sendTo("k", { type: "after" })] },
        },
      } as never);
    },
    steps: events("ask", "nudge", "ask"),
  },
  {
    name: "custom actions that send: by self, by a child's reference",
    isRepeated: true,
    machine: (act) =>
      family.createMachine({
        context: ({ spawn }: Made) => ({ ...first, kid: spawn("kid", { id: "k" }) }),
        on: {
          go: {
            actions: [
              ({ self }: { self: AnyActorRef }) => {
                act("first");
                self.send({ type: "mine" });
              },
              ({ context }: { context: unknown }) => {
                act("second");
                (context as { kid: AnyActorRef }).kid.send({ type: "yours" });
              },
            ],
          },
          mine: { actions: "note" },
        },
      } as never),
    steps: events("go", "go"),
  },
  {
    name: "sent to whoever has ended, was stopped, or is stopped in the same step",
    machine: () => {
      const brief = setup({}).createMachine({ initial: "on", states: { on: { on: { end: "off" } }, off: { type: "final" } } });
      return setup({ ...tracing, actors: { kid, brief } }).createMachine({
        context: ({ spawn }: Made) => ({ ...first, kid: spawn("kid", { id: "k" }), brief: spawn("brief", { id: "b" }) }),
        on: {
          end: { actions: sendTo("b", { type: "end" }) },
          again: { actions: [sendTo("b", { type: "end" }), "up"] },
          stop: { actions: [sendTo("k", { type: "before" }), stopChild("k"), "up"] },
          late: { actions: [sendTo(({ context }) => (context as unknown as { kid: AnyActorRef }).kid, { type: "late" }), "up"] },
        },
      } as never);
    },
    steps: events("end", "again", "stop", "late"),
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
