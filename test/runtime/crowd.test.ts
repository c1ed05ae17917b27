import { assign, sendParent, sendTo, setup, spawnChild, stopChild } from "xstate";
import { expect, test } from "vitest";
import { isEnded } from "../../src/core/record.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

/** Families of thousands, and of many generations. */
const CHILDREN = 10_000;

interface Spawning {
  readonly spawn: (src: string, options: object) => unknown;
}

/** Answers when it is asked; every second one ends with that, the others live until their parent ends. */
const kid = setup({ types: { context: {} as { n: number }, input: {} as { n: number } } }).createMachine({
  context: ({ input }) => ({ n: input.n }),
  initial: "alive",
  states: {
    alive: {
      after: { 3_600_000: "over" },
      on: {
        ask: [
          { guard: ({ context }) => context.n % 2 === 0, target: "over", actions: sendParent({ type: "told" }) },
          { actions: sendParent({ type: "told" }) },
        ],
      },
    },
    over: { type: "final" },
  },
});

test("ten thousand children of one parent begin, answer and end, and nothing is left", { timeout: 240_000 }, async () => {
  const machine = setup({ types: { context: {} as { told: number; done: number } }, actors: { kid } }).createMachine({
    context: ({ spawn }: Spawning) => {
      for (let n = 0; n < CHILDREN; n++) spawn("kid", { id: `k${n}`, input: { n } });
      return { told: 0, done: 0 };
    },
    on: {
      ask: { actions: Array.from({ length: CHILDREN }, (_, n) => sendTo(`k${n}`, { type: "ask" })) },
      told: { actions: assign({ told: ({ context }) => context.told + 1 }) },
      "xstate.done.actor.*": { actions: assign({ done: ({ context }) => context.done + 1 }) },
    },
    initial: "open",
    states: { open: { on: { close: "closed" } }, closed: { type: "final" } },
  } as never);
  const stand = new Stand({ maxLatencyMs: 100, tasks: () => [defineActor({ name: "order", machine, history: false })] });
  await stand.open({ cacheBytes: 100_000_000 });
  stand.start("order", "7");
  stand.send("order", "7", { type: "ask" });
  await stand.advance(300_000);
  expect(stand.record("order", "7")?.context).toEqual({ told: CHILDREN, done: CHILDREN / 2 });
  expect(Object.keys(stand.record("order", "7")?.children ?? {}).length).toBe(CHILDREN);
  // With all the mail of its first turn the parent is larger than a message.
  expect(stand.stepsOf("commitApplied").some(({ commit }) => commit.writes.some(({ kind }) => kind === "part"))).toBe(true);
  stand.send("order", "7", { type: "close" });
  await stand.advance(120_000);
  const records = [...stand.world.records.keys()].map((key) => stand.record("order-kid", key.slice("order-kid/".length)));
  const kids = records.filter((record) => record !== undefined);
  expect([kids.length, kids.filter(isEnded).length]).toEqual([CHILDREN, CHILDREN]);
  expect(stand.record("order", "7")).toMatchObject({ status: "done", context: { told: CHILDREN, done: CHILDREN / 2 } });
  expect([stand.world.timers.length, stand.unacknowledged.length, stand.deadLetters.length]).toEqual([0, 0, 0]);
  stand.check();
});

const DEPTH = 5;
const WIDTH = 3;
const COUNT = (WIDTH ** DEPTH - 1) / (WIDTH - 1) - 1;

/** A machine whose children are machines whose children … */
function generation(depth: number): ReturnType<typeof leaf> {
  if (depth === 1) return leaf();
  const below = generation(depth - 1);
  return setup({ types: { context: {} as { done: number } }, actors: { below } }).createMachine({
    id: `depth${depth}`,
    context: ({ spawn }: Spawning) => {
      for (let n = 0; n < WIDTH; n++) spawn("below", { id: `c${n}` });
      return { done: 0 };
    },
    initial: "open",
    on: {
      end: { actions: Array.from({ length: WIDTH }, (_, n) => sendTo(`c${n}`, { type: "end" })) },
      "xstate.done.actor.*": { actions: assign({ done: ({ context }) => context.done + 1 }) },
    },
    states: {
      open: {
        on: { close: "closed" },
        always: { guard: ({ context }: { context: { done: number } }) => context.done === WIDTH, target: "closed" },
      },
      closed: { type: "final" },
    },
  } as never) as never;
}

function leaf() {
  return setup({}).createMachine({
    initial: "open",
    states: { open: { after: { 3_600_000: "over" }, on: { end: "over" } }, over: { type: "final" } },
  });
}

test.each([
  ["ends from its leaves up", "end", "done"],
  ["is stopped from its root down", "close", "stopped"],
])("a tree five deep %s", async (_how, type, status) => {
  const stand = new Stand({ tasks: () => [defineActor({ name: "root", machine: generation(DEPTH) })] });
  await stand.open();
  stand.start("root", "1");
  await stand.settle();
  const below = () =>
    [...stand.world.records.keys()].filter((key) => key !== "root/1").map((key) => stand.record(...(key.split("/") as [string, string])));
  expect(below().map((record) => record?.status)).toEqual(Array.from({ length: COUNT }, () => "active"));
  stand.send("root", "1", { type });
  await stand.settle();
  expect(below().map((record) => record?.status)).toEqual(Array.from({ length: COUNT }, () => status));
  expect(stand.record("root", "1")?.status).toBe("done");
  expect([stand.world.timers.length, stand.unacknowledged.length, stand.deadLetters.length]).toEqual([0, 0, 0]);
  stand.check();
});

test("in a crowd children still come and go one by one, and are found by name", async () => {
  const ids = Array.from({ length: 100 }, (_, n) => `k${n}`);
  const machine = setup({ types: { context: {} as { told: number } }, actors: { kid } }).createMachine({
    context: ({ spawn }: Spawning) => {
      for (const id of ids) spawn("kid", { id, input: { n: 1 } });
      return { told: 0 };
    },
    on: {
      told: { actions: assign({ told: ({ context }) => context.told + 1 }) },
      drop: { actions: [stopChild("k0"), sendTo("k1", { type: "ask" })] },
      more: {
        actions: [spawnChild("kid", { id: "late", input: { n: 1 } }), sendTo("late", { type: "ask" }), sendTo("k2", { type: "ask" })],
      },
      leave: { actions: stopChild("k3") },
      join: { actions: spawnChild("kid", { id: "fresh", input: { n: 1 } }) },
      lost: { actions: sendTo("nobody", { type: "ask" }) },
    },
  } as never);
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  for (const type of ["drop", "more", "leave", "join"]) stand.send("order", "7", { type });
  await stand.settle();
  const children = Object.keys(stand.record("order", "7")?.children ?? {});
  expect(children.length).toBe(100);
  expect(["k0", "k3", "late", "fresh"].filter((id) => children.includes(id))).toEqual(["late", "fresh"]);
  for (const id of ["7~k0~1", "7~k3~4"]) expect(stand.record("order-kid", id)?.status).toBe("stopped");
  expect(stand.record("order-kid", "7~fresh~102")?.status).toBe("active");
  expect(stand.record("order", "7")?.context).toEqual({ told: 3 });
  stand.send("order", "7", { type: "lost" });
  await stand.settle();
  expect(stand.record("order", "7")?.parked?.reason).toBe("transition_threw");
  expect(stand.unacknowledged).toEqual([]);
});
