import { assign, sendParent, sendTo, setup, spawnChild } from "xstate";
import { expect, test } from "vitest";
import { actorAt } from "../../src/actor-at.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** Turns that send more than one commit can hold. */
const kid = setup({ types: { context: {} as { n: number } } }).createMachine({
  context: { n: 0 },
  on: { add: { actions: [assign({ n: ({ context }) => context.n + 1 }), sendParent(({ context }) => ({ type: "told", n: context.n }))] } },
});
const ids = Array.from({ length: 60 }, (_, i) => `k${i}`);
const parent = setup({ types: { context: {} as { told: number } }, actors: { kid } }).createMachine({
  context: { told: 0 },
  initial: "on",
  on: { told: { actions: assign({ told: ({ context }) => context.told + 1 }) } },
  states: {
    on: {
      entry: ids.map((id) => spawnChild("kid", { id })),
      on: { add: { actions: ids.map((id) => sendTo(id, { type: "add" })) }, close: "closed" },
    },
    closed: { type: "final" },
  },
} as never);

const stage = (options: StandOptions = {}): Stand =>
  new Stand({ maxWrites: 16, ...options, tasks: () => [defineActor({ name: "order", machine: parent })] });
const kids = (stand: Stand) => ids.map((id, i) => stand.record("order-kid", `7~${id}~${i + 1}`));
const batches = (stand: Stand) => stand.stepsOf("commitApplied").map(({ commit }) => commit.writes.length);

test("a turn that creates, addresses and stops more children than a commit holds does all of it, in order", async () => {
  const stand = stage();
  await stand.open();
  stand.start("order", "7");
  for (let i = 0; i < 3; i++) stand.send("order", "7", { type: "add" });
  await stand.settle();
  expect(kids(stand).map((record) => record?.context)).toEqual(ids.map(() => ({ n: 3 })));
  expect(stand.record("order", "7")?.context).toEqual({ told: 180 });
  stand.send("order", "7", { type: "close" });
  await stand.settle();
  expect(kids(stand).map((record) => record?.status)).toEqual(ids.map(() => "stopped"));
  expect(stand.record("order", "7")?.outbox).toBeUndefined();
  expect(Math.max(...batches(stand))).toBeLessThanOrEqual(16);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])("a host that dies while its mail leaves is followed by one that sends the rest (%i)", async (seed) => {
  const stand = stage({ seed, maxLatencyMs: 20 });
  const first = await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "add" });
  await stand.until(() => stand.record("order", "7")?.outbox !== undefined);
  await stand.advance(seed * 7);
  first.kill();
  const second = await stand.open();
  await stand.advance(60_000);
  stand.send("order", "7", { type: "close" });
  await stand.until(() => stand.record("order", "7")?.status === "done");
  await stand.advance(seed * 5);
  second.kill();
  await stand.open();
  await stand.advance(60_000);
  expect(stand.record("order", "7")?.context).toEqual({ told: 60 });
  expect(kids(stand).map((record) => [record?.context, record?.status])).toEqual(ids.map(() => [{ n: 1 }, "stopped"]));
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("many events for one actor at once are turned over several commits, in order", async () => {
  const machine = setup({ types: { context: {} as { heard: number[] } } }).createMachine({
    context: { heard: [] },
    on: { count: { actions: assign({ heard: ({ context, event }) => [...context.heard, event["n"] as number] }) } },
  });
  const stand = new Stand({ maxWrites: 16, maxLatencyMs: 50, tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.advance(1_000);
  for (let n = 0; n < 200; n++) stand.send("order", "7", { type: "count", n });
  await stand.advance(30_000);
  expect((stand.record("order", "7")?.context as { heard: number[] } | undefined)?.heard).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(Math.max(...batches(stand))).toBeLessThanOrEqual(16);
  expect(stand.unacknowledged).toEqual([]);
});

const herald = setup({ types: { context: {} as { heard: number } } }).createMachine({
  context: { heard: 0 },
  on: {
    cry: { actions: Array.from({ length: 12 }, () => sendTo(() => actorAt("herald/deaf"), { type: "news" })) },
    hear: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
  },
} as never);

test("what waits for a full commit is heard after something that is not, also where nobody idle may stay in memory", async () => {
  const stand = new Stand({
    maxWrites: 16,
    nearMail: false,
    tasks: () => [defineActor({ name: "herald", machine: herald, history: false })],
  });
  for (const id of ["1", "deaf"]) stand.start("herald", id);
  await stand.open({ cacheBytes: 0 });
  await stand.settle();
  for (const type of ["cry", "nothing", "hear", "nothing", "hear"]) stand.send("herald", "1", { type });
  await stand.settle();
  expect(stand.record("herald", "1")?.context).toEqual({ heard: 2 });
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
