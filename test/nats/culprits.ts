import { assign, fromPromise, raise, sendTo, setup, spawnChild } from "xstate";
import { actorAt, defineActor, defineTask } from "../../src/index.ts";

/** Machines that do what no machine should, each on a certain event; what they keep in mind says what they heard. */
const kid = setup({}).createMachine({
  initial: "alive",
  states: { alive: { on: { end: "over" } }, over: { type: "final" } },
});

const endless: { self?: object } = {};
endless.self = endless;

const culpritMachine = setup({
  types: { context: {} as { n: number; kept: unknown } },
  actors: { kid },
  actions: {
    count: assign({ n: ({ context }) => context.n + 1 }),
    throws: assign(() => {
      throw new Error("boom");
    }),
  },
}).createMachine({
  context: { n: 0, kept: "" },
  initial: "calm",
  on: {
    well: { actions: "count" },
    throw: { actions: ["count", "throws"] },
    raise: { actions: raise({ type: "raise" }) },
    cycle: { actions: assign({ kept: endless }) },
    cyclicMessage: { actions: [spawnChild("kid", { id: "k" }), sendTo("k", { type: "end", endless })] },
    grow: { actions: assign({ kept: () => "x".repeat(2 * 1024 * 1024) }) },
  },
  states: { calm: { on: { loop: "left" } }, left: { always: "right" }, right: { always: "left" } },
});
export const culprit = defineActor({ name: "culprit", machine: culpritMachine });
export const failing = defineActor({ name: "failing", machine: culpritMachine, onThrow: "fail" });

/** Hits its ball back to whoever is on the other side. */
const playerOf = (other: string) =>
  defineActor({
    name: other === "pong" ? "ping" : "pong",
    history: false,
    machine: setup({ types: { context: {} as { id: string; hits: number }, input: {} as string } }).createMachine({
      context: ({ input }) => ({ id: input, hits: 0 }),
      initial: "playing",
      states: {
        playing: {
          on: {
            ball: {
              actions: [
                assign({ hits: ({ context }) => context.hits + 1 }),
                sendTo(({ context }) => actorAt(`${other}/${context.id}`), { type: "ball" }),
              ],
            },
            close: "over",
          },
        },
        over: { type: "final" },
      },
    }),
  });
export const ping = playerOf("pong");
export const pong = playerOf("ping");

/** A child `k` of a machine of its own, another when it is told `again`; what it hears of its end. */
export const parent = defineActor({
  name: "parent",
  machine: setup({
    types: { context: {} as { heard: readonly string[] } },
    actors: { kid },
    actions: {
      hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }),
      keep: assign({ heard: ({ context, event }) => [...context.heard, (event as unknown as { error: { code: string } }).error.code] }),
    },
  }).createMachine({
    context: { heard: [] },
    initial: "idle",
    states: {
      idle: { on: { go: "busy" } },
      busy: {
        invoke: { id: "k", src: "kid", onDone: { target: "idle", actions: "hear" }, onError: { target: "idle", actions: "keep" } },
        on: { again: { target: "busy", reenter: true }, close: "closed" },
        after: { 3_600_000: "closed" },
      },
      closed: { type: "final" },
    },
  }),
});

/** Its child is of a type that no host here has. */
export const lonely = defineActor({
  name: "lonely",
  machine: setup({ types: { context: {} as { error: unknown } }, actors: { job: fromPromise(async () => 1) } }).createMachine({
    context: { error: undefined },
    initial: "asking",
    states: {
      asking: { invoke: { id: "k", src: "job", onError: { target: "told", actions: assign({ error: ({ event }) => event.error }) } } },
      told: { type: "final" },
    },
  }),
  children: { job: defineTask({ name: "nobody", run: () => 1 }) },
});

export const CROWD = 1_500;
/** More children than a commit can hold. */
export const crowd = defineActor({
  name: "crowd",
  machine: setup({ actors: { kid } }).createMachine({
    initial: "open",
    states: {
      open: { entry: Array.from({ length: CROWD }, (_, i) => spawnChild("kid", { id: `k${i}` })), on: { close: "closed" } },
      closed: { type: "final" },
    },
  } as never),
});

export const CULPRITS = [culprit, failing, ping, pong, parent, lonely, crowd, defineTask({ name: "greet", run: () => "hello" })];
