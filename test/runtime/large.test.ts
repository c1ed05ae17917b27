import { assign, fromPromise, setup } from "xstate";
import { describe, expect, test } from "vitest";
import { coverOf } from "../../src/core/cover.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import type { StepKind } from "../../src/memory/steps.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** Records that one message cannot hold. A message here takes some 3,000 bytes of a record. */
const MESSAGE_BYTES = 4_096;

const hoarder = setup({ types: { context: {} as { hoard: string; turns: number } } }).createMachine({
  context: { hoard: "", turns: 0 },
  initial: "open",
  on: {
    hoard: {
      actions: assign({
        hoard: ({ event }) => String(event["letter"]).repeat(Number(event["count"])),
        turns: ({ context }) => context.turns + 1,
      }),
    },
  },
  states: { open: { on: { close: "closed" } }, closed: { type: "final" } },
});

const stage = (options: StandOptions = {}): Stand =>
  new Stand({
    maxWriteBytes: MESSAGE_BYTES,
    ...options,
    tasks: () => [defineActor({ name: "hoarder", machine: hoarder, retention: { done: "2m" } })],
  });
const hoard = (stand: Stand, letter: string, count: number): void => void stand.send("hoarder", "a", { type: "hoard", letter, count });
const hoarded = (stand: Stand) => stand.record("hoarder", "a")?.context as { hoard: string; turns: number } | undefined;

/** Parts that are stored, and those that the stored record says it has. */
function expectNoPartsButTheRecords(stand: Stand): void {
  const wanted = Array.from(stand.world.records).flatMap(([key, stored]) =>
    Array.from({ length: coverOf(stored)?.parts ?? 0 }, (_, index) => `part ${key} ${index}`),
  );
  expect(stand.world.parts.toSorted()).toEqual(wanted.toSorted());
}

describe("a record that is larger than a message", () => {
  test("grows, shrinks, is found again by the next host, and leaves nothing behind", async () => {
    const stand = stage();
    const first = await stand.open();
    stand.start("hoarder", "a");
    await stand.settle();
    for (const [letter, count, parts] of [
      ["a", 20_000, 8],
      ["b", 8_000, 3],
      ["c", 100_000, 36],
      ["d", 1, 0],
      ["e", 9_000, 4],
    ] as const) {
      hoard(stand, letter, count);
      await stand.settle();
      expect(hoarded(stand)?.hoard).toBe(letter.repeat(count));
      expect(stand.world.parts.length).toBe(parts);
      expectNoPartsButTheRecords(stand);
    }
    await first.stop();
    await stand.open();
    hoard(stand, "f", 5_000);
    await stand.settle();
    expect(hoarded(stand)).toEqual({ hoard: "f".repeat(5_000), turns: 6 });
    expectNoPartsButTheRecords(stand);
    stand.send("hoarder", "a", { type: "close" });
    await stand.settle();
    expect(stand.record("hoarder", "a")).toMatchObject({ status: "done" });
    await stand.advance(130_000);
    expect(stand.world.parts).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test.each([
    ...steps("commitSent", "commitReceived", "commitApplied", "commitAnswered"),
    ...steps("requestSent", "requestAnswered", "delivered", "ackSent"),
  ])("survives a host that dies at %s, number %i", async (kind, nth) => {
    const stand = stage({ seed: nth, maxLatencyMs: 5 });
    const victim = await stand.open();
    stand.start("hoarder", "a");
    await stand.advance(1_000);
    let left = nth;
    stand.world.onStep((step) => {
      if (step.kind === kind && --left === 0) victim.kill();
    });
    const sizes = [20_000, 8_000, 1, 40_000];
    for (const [i, size] of sizes.entries()) {
      hoard(stand, "abcd".charAt(i), size);
      await stand.advance(20);
    }
    await stand.advance(5_000);
    victim.kill();
    await stand.open();
    await stand.advance(60_000);
    expect(hoarded(stand)).toEqual({ hoard: "d".repeat(40_000), turns: 4 });
    expectNoPartsButTheRecords(stand);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test.each([
    ["is stored and not answered", { kind: "unknown", stored: true }],
    ["is neither stored nor answered", { kind: "unknown", stored: false }],
    ["comes late from an owner that was replaced", { kind: "late", afterMs: 10_000 }],
    ["is refused for another's partition", { kind: "conflict", lost: [] }],
  ] as const)("is right after a commit that %s", async (_what, fault) => {
    const stand = stage();
    await stand.open();
    stand.start("hoarder", "a");
    hoard(stand, "a", 30_000);
    await stand.settle();
    stand.world.faults.failCommits(fault, { when: ({ writes }) => writes.some((write) => write.kind === "part") });
    hoard(stand, "b", 12_000);
    await stand.advance(30_000);
    expect(hoarded(stand)).toEqual({ hoard: "b".repeat(12_000), turns: 2 });
    expectNoPartsButTheRecords(stand);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("joins the batch of others, never more writes than it may hold", async () => {
    const stand = stage({ maxWrites: 64 });
    await stand.open();
    const ids = Array.from({ length: 20 }, (_, i) => `h${i}`);
    for (const id of ids) stand.start("hoarder", id);
    for (const id of ids) stand.send("hoarder", id, { type: "hoard", letter: "x", count: 20_000 });
    await stand.settle();
    expect(ids.map((id) => (stand.record("hoarder", id)?.context as { turns: number } | undefined)?.turns)).toEqual(ids.map(() => 1));
    const batches = stand.stepsOf("commitApplied").map(({ commit }) => commit.writes.length);
    expect(Math.max(...batches)).toBeLessThanOrEqual(64);
    expect(Math.max(...batches)).toBeGreaterThan(16);
    expectNoPartsButTheRecords(stand);
    stand.check();
  });

  test("has a limit: a turn beyond it parks the actor, its last record whole", async () => {
    const stand = stage({ maxRecordBytes: 50_000 });
    await stand.open();
    stand.start("hoarder", "a");
    hoard(stand, "a", 40_000);
    hoard(stand, "b", 60_000);
    await stand.settle();
    expect(stand.record("hoarder", "a")?.parked?.reason).toBe("too_large");
    expect(hoarded(stand)).toEqual({ hoard: "a".repeat(40_000), turns: 1 });
    expectNoPartsButTheRecords(stand);
    expect(stand.unacknowledged).toEqual([]);
  });

  test("whose parts were damaged is left as it is, and nobody waits on it", async () => {
    const stand = stage();
    const first = await stand.open();
    stand.start("hoarder", "a");
    hoard(stand, "a", 20_000);
    await stand.settle();
    await first.stop();
    stand.world.damagePart({ type: "hoarder", id: "a" }, 1);
    await stand.open();
    hoard(stand, "b", 1);
    await stand.advance(5_000);
    expect(stand.deadLetters).toMatchObject([{ key: "hoarder/a", code: "bad_payload" }]);
    expect(stand.unacknowledged).toEqual([]);
  });
});

describe("of a task", () => {
  const big = defineTask({ name: "big", run: () => "x".repeat(50_000) });

  test("the output may be larger than a message; whoever waits is told where it is", async () => {
    const stand = new Stand({ maxWriteBytes: MESSAGE_BYTES, tasks: () => [big] });
    await stand.open();
    stand.start("big", "a", undefined, { headers: { [HEADERS.replyTo]: "inbox" } });
    await stand.settle();
    expect(stand.record("big", "a")?.output).toBe("x".repeat(50_000));
    expect(stand.replies).toEqual([{ type: "big", id: "a", state: "done", attempt: 1, inRecord: true }]);
    expectNoPartsButTheRecords(stand);
    stand.check();
  });

  test("that is a child the output must fit a message to its parent: otherwise the task fails, and the parent hears why", async () => {
    const machine = setup({ types: { context: {} as { error: unknown } }, actors: { big: fromPromise(async () => "") } }).createMachine({
      context: { error: undefined },
      initial: "waits",
      states: {
        waits: {
          invoke: {
            id: "b",
            src: "big",
            onDone: "well",
            onError: { target: "told", actions: assign({ error: ({ event }) => event.error }) },
          },
        },
        well: { type: "final" },
        told: { type: "final" },
      },
    });
    const stand = new Stand({
      maxWriteBytes: MESSAGE_BYTES,
      tasks: () => [defineActor({ name: "order", machine, children: { big } }), big],
    });
    await stand.open();
    stand.start("order", "7");
    await stand.advance(60_000);
    expect(stand.state("order", "7")).toBe("told");
    expect(stand.record("order", "7")?.context).toMatchObject({ error: { code: "too_large" } });
    expect(stand.state("big", "order~7~b~1")).toBe("failed");
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});

test("a turn of a large record is kept in its history by its kind and size", async () => {
  const stand = stage();
  await stand.open();
  stand.start("hoarder", "a");
  hoard(stand, "a", 20_000);
  await stand.settle();
  const turns = stand.world.turns({ type: "hoarder", id: "a" });
  expect(turns.length).toBe(2);
  expect(Math.max(...turns.map(({ bytes }) => bytes.length))).toBeLessThan(MESSAGE_BYTES);
});

function steps(...kinds: StepKind[]): readonly (readonly [StepKind, number])[] {
  return kinds.flatMap((kind) => [1, 2, 3, 4].map((nth) => [kind, nth] as const));
}
