import { assign, sendTo, setup, spawnChild } from "xstate";
import { describe, expect, test } from "vitest";
import { actorAt } from "../../src/actor-at.ts";
import { defineActor } from "../../src/define-actor.ts";
import { busy, childOf, heard, kid, stage } from "./order.ts";
import { Stand } from "./stage.ts";

/** What machines may do to themselves and to each other; what the world may send them is in actors.test.ts and letters.test.ts. */
describe("a cycle of forwards", () => {
  const player = (other: string) =>
    setup({ types: { context: {} as { hits: number } } }).createMachine({
      context: { hits: 0 },
      initial: "playing",
      states: {
        playing: {
          on: {
            ball: {
              actions: [
                assign({ hits: ({ context }) => context.hits + 1 }),
                sendTo(
                  () => actorAt(other),
                  ({ event }) => event,
                ),
              ],
            },
            close: "over",
          },
        },
        over: { type: "final" },
      },
    });
  const hits = (stand: Stand, type: string) => (stand.record(type, "1")?.context as { hits: number } | undefined)?.hits ?? 0;

  test("goes round, a commit for each station, and keeps nobody waiting; it ends with the first who ends", async () => {
    const stand = new Stand({
      maxLatencyMs: 5,
      tasks: () => [defineActor({ name: "ping", machine: player("pong/1") }), defineActor({ name: "pong", machine: player("ping/1") })],
    });
    await stand.open();
    stand.start("ping", "1");
    stand.start("pong", "1");
    await stand.advance(100);
    stand.send("ping", "1", { type: "ball" });
    await stand.advance(1_000);
    const before = hits(stand, "ping");
    expect(before).toBeGreaterThan(10);
    stand.start("rerun", "t");
    await stand.advance(200);
    expect(stand.state("rerun", "t")).toBe("done");
    expect(hits(stand, "ping")).toBeGreaterThan(before);
    stand.send("pong", "1", { type: "close" });
    await stand.advance(5_000);
    expect(stand.deadLetters).toMatchObject([{ key: "pong/1", code: "not_running" }]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("to itself is the same", async () => {
    const stand = new Stand({ maxLatencyMs: 5, tasks: () => [defineActor({ name: "ping", machine: player("ping/1") })] });
    await stand.open();
    stand.start("ping", "1");
    stand.send("ping", "1", { type: "ball" });
    await stand.advance(1_000);
    expect(hits(stand, "ping")).toBeGreaterThan(10);
    stand.send("ping", "1", { type: "close" });
    await stand.advance(5_000);
    expect(stand.record("ping", "1")?.status).toBe("done");
    expect(stand.unacknowledged).toEqual([]);
  });
});

describe("an always loop", () => {
  const machine = setup({}).createMachine({
    initial: "calm",
    states: { calm: { on: { go: "left" } }, left: { always: "right" }, right: { always: "left" } },
  });

  test.each([
    ["park", { status: "active", value: "calm", parked: { reason: "transition_threw" } }],
    ["fail", { status: "error" }],
  ] as const)("ends after so many steps, and counts as thrown: %s", async (onThrow, expected) => {
    const stand = new Stand({ tasks: () => [defineActor({ name: "dizzy", machine, onThrow })] });
    await stand.open();
    stand.start("dizzy", "1");
    stand.send("dizzy", "1", { type: "go" });
    stand.start("rerun", "t");
    await stand.settle();
    expect(stand.record("dizzy", "1")).toMatchObject(expected);
    expect(stand.state("rerun", "t")).toBe("done");
    expect(stand.unacknowledged).toEqual([]);
  });

  test("in the first states makes the start a dead letter", async () => {
    const born = setup({}).createMachine({ initial: "left", states: { left: { always: "right" }, right: { always: "left" } } });
    const stand = new Stand({ tasks: () => [defineActor({ name: "dizzy", machine: born })] });
    await stand.open();
    stand.start("dizzy", "1");
    await stand.settle();
    expect(stand.deadLetters).toMatchObject([{ key: "dizzy/1", code: "transition_threw" }]);
    expect(stand.unacknowledged).toEqual([]);
  });
});

test.each([1, 2, 3, 4, 5])("the end of a child that was replaced meanwhile is not heard as its successor's (%i)", async (seed) => {
  const stand = stage({ seed, maxLatencyMs: 10, nearMail: false });
  await busy(stand);
  await stand.advance(1_000);
  // The child is told to end, and another takes its place before its answer is there.
  stand.send("order", "7", { type: "end" });
  stand.send("order", "7", { type: "again" });
  await stand.advance(5_000);
  expect(stand.record("order", "7")?.value).toBe("busy");
  expect(heard(stand)).toEqual([]);
  expect(childOf(stand)).toMatchObject({ id: "7~k~2", generation: 2 });
  expect(stand.record("order-kid", "7~k~1")?.status).not.toBe("active");
  expect(stand.record("order-kid", "7~k~2")?.status).toBe("active");
  expect(stand.deadLetters).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test.each([1, 2, 3, 4, 5, 6])(
  "a parent that is stopped while its children are being created leaves none, whoever dies (%i)",
  async (seed) => {
    const ids = Array.from({ length: 60 }, (_, n) => `k${n}`);
    const machine = setup({ actors: { kid } }).createMachine({
      initial: "on",
      states: { on: { entry: ids.map((id) => spawnChild("kid", { id })), on: { close: "closed" } }, closed: { type: "final" } },
    } as never);
    const stand = new Stand({ seed, maxWrites: 16, maxLatencyMs: 20, tasks: () => [defineActor({ name: "order", machine })] });
    const first = await stand.open();
    stand.start("order", "7");
    await stand.until(() => stand.record("order", "7")?.outbox !== undefined);
    stand.send("order", "7", { type: "close" });
    await stand.advance(seed * 15);
    expect([...stand.world.records.keys()].length).toBeLessThan(61);
    first.kill();
    await stand.open();
    await stand.advance(60_000);
    expect(stand.record("order", "7")?.status).toBe("done");
    expect(ids.map((id, n) => stand.record("order-kid", `7~${id}~${n + 1}`)?.status)).toEqual(ids.map(() => "stopped"));
    expect([stand.world.timers.length, stand.deadLetters.length, stand.unacknowledged.length]).toEqual([0, 0, 0]);
    stand.check();
  },
);
