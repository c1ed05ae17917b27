import { assign, enqueueActions, fromPromise, raise, sendTo, setup, spawnChild, type AnyActorRef } from "xstate";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import type { Process } from "../runtime/process.ts";
import { Stand } from "../runtime/stage.ts";
import { dies, type Scene } from "./scene.ts";

/** Parents in everything that a record can hold of one. A machine that was written here once is never changed: add another. */
const kid = setup({ types: { context: {} as { orders: number } } }).createMachine({
  id: "kid",
  context: { orders: 0 },
  initial: "alive",
  on: { order: { actions: assign({ orders: ({ context }) => context.orders + 1 }) }, end: ".over" },
  states: { alive: {}, over: { type: "final" } },
  output: ({ context }) => context.orders,
});

const familyMachine = (process: Process, isFirst: boolean) =>
  setup({
    types: { context: {} as { heard: readonly string[]; boss: AnyActorRef | undefined } },
    actors: {
      kid,
      errand: fromPromise(async () => ""),
      work: fromPromise(async () => {
        await process.pause(5_000);
        return "worked";
      }),
      flaky: fromPromise(() => (isFirst ? Promise.reject(new Error("not yet")) : Promise.resolve(1))),
    },
    actions: { hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
  }).createMachine({
    id: "family",
    context: { heard: [], boss: undefined },
    entry: [
      assign({ boss: ({ spawn }) => spawn("kid", { id: "boss", systemId: "chief", syncSnapshot: true }) }),
      spawnChild("kid", { id: "quick" }),
      spawnChild("errand", { id: "errand", input: { ms: 8_000 } }),
      raise({ type: "soon" }, { id: "soon", delay: 2_000 }),
      raise({ type: "late" }, { id: "late", delay: 60_000 }),
      sendTo("boss", { type: "order" }, { id: "order", delay: 30_000 }),
    ],
    invoke: [
      { id: "work", src: "work", onSnapshot: {} },
      { id: "flaky", src: "flaky" },
    ],
    initial: "open",
    on: {
      hasten: { actions: sendTo("quick", { type: "end" }) },
      soon: { actions: "hear" },
      late: { actions: "hear" },
      "xstate.done.actor.*": { actions: "hear" },
      "xstate.snapshot.*": {},
    },
    states: {
      open: {
        initial: "first",
        states: { first: { on: { next: "second" } }, second: {}, memory: { type: "history" } },
        on: { rest: "resting" },
      },
      resting: { on: { back: "open.memory" } },
      closed: { type: "final" },
    },
  } as never);

const heardBy = (stand: Stand): readonly string[] => (stand.record("family", "1")?.context as { heard: readonly string[] } | undefined)?.heard ?? [];

const family: Scene = {
  stand: (options) =>
    new Stand({
      ...options,
      tasks: (process) => [
        defineActor({
          name: "family",
          machine: familyMachine(process, options.isFirst),
          children: { errand: process.standard({ name: "rerun" }) },
          activities: { flaky: { retry: { attempts: 3, minDelayMs: 10_000, jitter: 0 } } },
        }),
      ],
    }),
  async bring(stand) {
    stand.start("family", "1", undefined, { headers: { [HEADERS.replyTo]: "inbox" } });
    for (const type of ["next", "rest", "hasten"]) {
      stand.send("family", "1", { type });
      await stand.settle();
    }
    const isRetrying = (): boolean => stand.record("family", "1")?.activities["flaky"]?.dueAt !== undefined;
    await stand.until(() => isRetrying() && stand.record("family", "1")?.ended !== undefined);
  },
  async goOn(stand, expect) {
    stand.send("family", "1", { type: "back" });
    await stand.advance(70_000);
    expect(stand.record("family", "1")?.value).toEqual({ open: "second" });
    expect(heardBy(stand).toSorted()).toEqual([
      "late",
      "soon",
      "xstate.done.actor.errand",
      "xstate.done.actor.flaky",
      "xstate.done.actor.quick",
      "xstate.done.actor.work",
    ]);
    expect(stand.record("family-kid", "1~boss~1")?.context).toEqual({ orders: 1 });
    stand.send("family-kid", "1~boss~1", { type: "end" });
    await stand.settle();
    expect(heardBy(stand).at(-1)).toBe("xstate.done.actor.boss");
  },
};

/** Throws when it is told to. */
export const fragile = setup({}).createMachine({
  id: "fragile",
  on: {
    boom: {
      actions: assign(() => {
        throw new Error("boom");
      }),
    },
  },
});
const supervised: Scene = {
  stand: (options) =>
    new Stand({
      ...options,
      tasks: () => [
        defineActor({
          name: "boss",
          machine: setup({ actors: { kid: fragile } }).createMachine({
            id: "boss",
            invoke: [
              { id: "k", src: "kid", input: { name: "the kid" } as never },
              { id: "calm", src: "kid" },
            ],
          }),
          supervise: { restarts: { max: 2, within: "1h" }, backoff: { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 2, jitter: 0 } },
        }),
      ],
    }),
  async bring(stand) {
    stand.start("boss", "1");
    await stand.settle();
    stand.send("boss-kid", "1~k~1", { type: "boom" });
    await stand.until(() => stand.record("boss", "1")?.children?.["k"]?.dueAt !== undefined);
  },
  async goOn(stand, expect) {
    for (let restart = 1; restart <= 2; restart++) {
      await stand.advance(60_000);
      const { id = "" } = stand.record("boss", "1")?.children?.["k"] ?? {};
      expect(stand.record("boss-kid", id)?.status).toBe("active");
      stand.send("boss-kid", id, { type: "boom" });
      await stand.settle();
    }
    // The restart before the record was stored is one of the two: the second failure after it is one too many.
    expect(stand.record("boss", "1")).toMatchObject({
      status: "error",
      supervision: { last: { child: "k", directive: "escalate", why: "exhausted" } },
    });
  },
};

const KIDS = Array.from({ length: 40 }, (_, i) => `k${i}`);
const crowdMachine = setup({ types: { context: {} as { done: number } }, actors: { kid } }).createMachine({
  id: "crowd",
  context: { done: 0 },
  entry: KIDS.map((id) => spawnChild("kid", { id })),
  on: {
    end: { actions: enqueueActions(({ enqueue }) => KIDS.forEach((id) => enqueue.sendTo(id, { type: "end" }))) },
    "xstate.done.actor.*": { actions: assign({ done: ({ context }) => context.done + 1 }) },
  },
} as never);
const crowd: Scene = {
  stand: (options) => new Stand({ ...options, maxWrites: 16, tasks: () => [defineActor({ name: "crowd", machine: crowdMachine })] }),
  async bring(stand, host) {
    stand.start("crowd", "1");
    await dies(stand, host, () => stand.record("crowd", "1")?.outbox !== undefined);
  },
  async goOn(stand, expect) {
    await stand.advance(10_000);
    expect(KIDS.map((id, n) => stand.record("crowd-kid", `1~${id}~${n + 1}`)?.status)).toEqual(KIDS.map(() => "active"));
    stand.send("crowd", "1", { type: "end" });
    await stand.advance(10_000);
    expect(stand.record("crowd", "1")?.context).toEqual({ done: KIDS.length });
    expect(stand.record("crowd", "1")?.outbox).toBeUndefined();
  },
};

export const FAMILY_SCENES: Readonly<Record<string, Scene>> = {
  "an actor with children, work, timers and a memory": family,
  "a supervisor whose child waits for its restart": supervised,
  "a parent with mail that did not fit": crowd,
};
