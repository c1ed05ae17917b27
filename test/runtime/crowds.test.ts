import { assign, enqueueActions, fromCallback, fromPromise, raise, setup } from "xstate";
import { expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

/** Much of one kind for one actor: more than one commit holds. */
const MOST_WRITES = 16;
const many = Array.from({ length: 60 }, (_, i) => i);
const types = { context: {} as { n: number } };
const nothing = { n: 0 };
const counting = setup({ types, actions: { up: assign({ n: ({ context }) => context.n + 1 }) } });
const contextOf = (stand: Stand) => stand.record("crowd", "1")?.context;
const largest = (stand: Stand) => Math.max(...stand.stepsOf("commitApplied").map(({ commit }) => commit.writes.length));

async function opened(machine: Parameters<typeof defineActor>[0]["machine"]): Promise<Stand> {
  const stand = new Stand({ maxWrites: MOST_WRITES, tasks: () => [defineActor({ name: "crowd", machine })] });
  await stand.open();
  stand.start("crowd", "1");
  await stand.settle();
  return stand;
}

test("timers that one turn sets are all stored, and fire", async () => {
  const stand = await opened(
    counting.createMachine({
      context: nothing,
      on: {
        go: { actions: enqueueActions(({ enqueue }) => many.forEach((i) => enqueue.raise({ type: "up" }, { delay: 10_000 + i }))) },
        up: { actions: "up" },
      },
    }),
  );
  stand.send("crowd", "1", { type: "go" });
  await stand.settle();
  expect(stand.world.timers).toHaveLength(many.length);
  expect(stand.record("crowd", "1")?.outbox).toBeUndefined();
  await stand.advance(20_000);
  expect(contextOf(stand)).toEqual({ n: many.length });
  expect(largest(stand)).toBeLessThanOrEqual(MOST_WRITES);
  expect(stand.unacknowledged).toEqual([]);
});

test("an actor that ends with many timers set withdraws them all", async () => {
  const stand = await opened(
    counting.createMachine({
      context: nothing,
      initial: "on",
      states: { on: { on: { later: { actions: raise({ type: "up" }, { delay: 3_600_000 }) }, end: "off" } }, off: { type: "final" } },
    }),
  );
  for (const _ of many) stand.send("crowd", "1", { type: "later" });
  await stand.settle();
  expect(stand.world.timers).toHaveLength(many.length);
  stand.send("crowd", "1", { type: "end" });
  await stand.settle();
  expect(stand.record("crowd", "1")?.status).toBe("done");
  expect(stand.world.timers).toEqual([]);
  expect(largest(stand)).toBeLessThanOrEqual(MOST_WRITES);
  expect(stand.unacknowledged).toEqual([]);
});

test("what work says in one breath is all heard, in order, and its end after it", async () => {
  const stand = await opened(
    setup({
      types: { context: {} as { n: number; last: number } },
      actors: { chatter: fromCallback(({ sendBack }) => many.forEach((n) => sendBack({ type: "said", n }))) },
    }).createMachine({
      context: { n: 0, last: -1 },
      invoke: { id: "c", src: "chatter" },
      on: {
        said: {
          guard: ({ context, event }) => event["n"] === context.last + 1,
          actions: assign({ n: ({ context }) => context.n + 1, last: ({ event }) => event["n"] as number }),
        },
      },
    }),
  );
  expect(contextOf(stand)).toEqual({ n: many.length, last: many.length - 1 });
  expect(largest(stand)).toBeLessThanOrEqual(MOST_WRITES);
});

test("custom actions of one turn all run and none is owed afterwards", async () => {
  let ran = 0;
  const stand = await opened(
    setup({ types, actions: { note: () => void ran++ } }).createMachine({
      context: nothing,
      on: { go: { actions: enqueueActions(({ enqueue }) => many.forEach(() => enqueue("note"))) } },
    }),
  );
  stand.send("crowd", "1", { type: "go" });
  await stand.settle();
  expect(ran).toBe(many.length);
  expect(stand.record("crowd", "1")?.owed).toBeUndefined();
  expect(largest(stand)).toBeLessThanOrEqual(MOST_WRITES);
  expect(stand.unacknowledged).toEqual([]);
});

test("work of which there is much is all taken up by the next host", async () => {
  const running = new Set<number>();
  const stand = new Stand({
    maxWrites: MOST_WRITES,
    tasks: (process) => {
      const work = fromPromise(async ({ input }: { input: number }) => {
        if (!process.isDead && process.name === "host-2") running.add(input);
        return new Promise(() => {});
      });
      const machine = setup({ types, actors: { work } }).createMachine({
        context: nothing,
        on: {
          go: { actions: enqueueActions(({ enqueue }) => many.forEach((i) => enqueue.spawnChild("work", { id: `w${i}`, input: i }))) },
        },
      });
      return [defineActor({ name: "crowd", machine })];
    },
  });
  const first = await stand.open({ concurrency: 100 });
  stand.start("crowd", "1");
  stand.send("crowd", "1", { type: "go" });
  await stand.settle();
  first.kill();
  await stand.open({ concurrency: 100 });
  await stand.advance(30_000);
  expect(running.size).toBe(many.length);
  expect(Object.keys(stand.record("crowd", "1")?.activities ?? {})).toHaveLength(many.length);
  expect(largest(stand)).toBeLessThanOrEqual(MOST_WRITES);
});
