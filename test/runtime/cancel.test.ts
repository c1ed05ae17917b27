import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { POLICIES } from "./process.ts";
import { Stand } from "./stage.ts";

const TTL_MS = 3_000;
const CANCEL = { type: "cancel", reason: "enough" };

function expectCancelled(stand: Stand, type: string, id: string): void {
  expect(stand.state(type, id)).toBe("failed");
  expect(stand.context(type, id).error).toMatchObject({ code: "cancelled", message: "enough" });
  expect(stand.laws.ends.get(`${type}/${id}`)).toEqual(["failed"]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
}

test.each(POLICIES)("a running %s task is aborted; what it returns afterwards is not looked at", async (type) => {
  const stand = new Stand();
  await stand.open();
  stand.start(type, "a", { ms: 60_000 });
  await stand.advance(1_000);
  stand.send(type, "a", CANCEL);
  await stand.settle();
  expect(stand.runs.map(({ ended }) => ended)).toEqual(["aborted"]);
  await stand.advance(120_000);
  expectCancelled(stand, type, "a");
});

test("a task in its backoff or delay is cancelled, and its timer with it", async () => {
  for (const [input, headers] of [
    [{ failures: 2 }, {}],
    [undefined, { [HEADERS.delay]: "2000" }],
    [undefined, { [HEADERS.delay]: "60000" }],
  ] as const) {
    const stand = new Stand();
    await stand.open();
    stand.start("rerun", "a", input, { headers });
    await stand.settle();
    expect(stand.state("rerun", "a")).toMatch(/^undo\.(retrying|delayed)$/);
    const ran = stand.runs.length;
    stand.send("rerun", "a", CANCEL);
    await stand.settle();
    expect(stand.world.timers).toEqual([]);
    await stand.advance(120_000);
    expect(stand.runs).toHaveLength(ran);
    expectCancelled(stand, "rerun", "a");
  }
});

test.each(POLICIES)("a %s task that still waits for a slot is cancelled and never runs", async (type) => {
  const stand = new Stand();
  await stand.open({ concurrency: 1 });
  stand.start("rerun", "blocker", { ms: 10_000 });
  await stand.settle();
  stand.start(type, "a");
  await stand.settle();
  stand.send(type, "a", CANCEL);
  await stand.advance(20_000);
  expect(stand.runsOf(`${type}/a`)).toEqual([]);
  expectCancelled(stand, type, "a");
});

test.each(["fail", "park"])("a %s task that was cancelled before its doing was stored does not run at all", async (type) => {
  const stand = new Stand();
  stand.start(type, "a");
  stand.send(type, "a", CANCEL);
  await stand.open();
  await stand.advance(1_000);
  expectCancelled(stand, type, "a");
  expect(stand.runs).toEqual([]);
});

test.each([
  ["rerun", "whose host died"],
  ["park", "that was parked and is to be tried again"],
] as const)("a %s task %s does not begin in the slot that becomes free while its cancel is being stored", async (type, _when) => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start(type, "a", { ms: 60_000 });
  await stand.advance(1_000);
  first.kill();
  await stand.advance(TTL_MS);
  stand.start("rerun", "blocker", { ms: 10_000 }, { lane: "high" });
  if (type === "park") stand.send(type, "a", { type: "retry" });
  await stand.open({ concurrency: 1 });
  await stand.advance(1_000);
  expect(stand.running).toBe(1);
  stand.world.faults.failCommits({ kind: "delayed", byMs: 20_000 });
  stand.send(type, "a", CANCEL);
  await stand.advance(15_000);
  expect(stand.runsOf("rerun/blocker").map(({ ended }) => ended)).toEqual(["returned"]);
  expect(stand.state(type, "a")).toBe("doing");
  stand.start("rerun", "next");
  await stand.advance(10_000);
  expect(stand.state("rerun", "next")).toBe("done");
  expect(stand.runsOf(`${type}/a`)).toHaveLength(1);
  expectCancelled(stand, type, "a");
});

test("a cancel that arrives before any host has looked finds its task", async () => {
  const stand = new Stand();
  stand.send("rerun", "a", CANCEL);
  stand.start("rerun", "a", { ms: 60_000 });
  await stand.open();
  await stand.advance(1_000);
  expect(stand.deadLetters).toEqual([]);
  expectCancelled(stand, "rerun", "a");
});

test("a cancel of a parked task ends it, and it does not look parked any more", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("park", "a", { ms: 60_000 });
  await stand.advance(1_000);
  first.kill();
  await stand.advance(4_000);
  await stand.open();
  await stand.advance(1_000);
  expect(stand.record("park", "a")?.parked).toMatchObject({ reason: "crashed" });
  stand.send("park", "a", CANCEL);
  await stand.advance(1_000);
  expectCancelled(stand, "park", "a");
  expect(stand.record("park", "a")?.parked).toBeUndefined();
});

test("a cancel after the end changes nothing and is no dead letter", async () => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a");
  await stand.settle();
  stand.send("rerun", "a", CANCEL);
  await stand.settle();
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.deadLetters).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a second cancel keeps the first reason", async () => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a", { ms: 60_000 });
  await stand.settle();
  stand.send("rerun", "a", CANCEL);
  stand.send("rerun", "a", { type: "cancel", reason: "later" });
  await stand.settle();
  expect(stand.deadLetters).toEqual([]);
  expectCancelled(stand, "rerun", "a");
});
