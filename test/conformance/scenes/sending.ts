import {
  assign,
  enqueueActions,
  forwardTo,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
  type AnyActorRef,
} from "xstate";
import type { Scene } from "../story.ts";
import { events, first, tracing, type Made } from "./tracing.ts";

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
            enqueue.emit({ type: "emitted" });
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
          greeted: { actions: ["note", assign(({ event }) => ({ friend: (event as unknown as { who: AnyActorRef }).who }))] },
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
        }),
        on: {
          pass: { actions: [forwardTo("m"), "note"] },
          direct: { actions: forwardTo(({ context }) => (context as unknown as { kid: AnyActorRef }).kid) },
        },
      } as never);
    },
    steps: [{ type: "pass", words: "to both" }, { type: "direct" }],
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
];
