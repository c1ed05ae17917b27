import { expect, test } from "vitest";
import { TroupeError } from "../../src/core/errors.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { partitionOf } from "../../src/core/placement.ts";
import { POLICIES } from "./process.ts";
import { Stand } from "./stage.ts";

const TTL_MS = 3_000;

test.each([
  ["rerun", "done", 2],
  ["fail", "failed", 1],
  ["park", "doing", 1],
] as const)("work of a %s task whose host died: the task is %s after %i runs", async (type, state, runs) => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start(type, "a", { ms: 10_000 });
  await stand.advance(1_000);
  first.kill();
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(20_000);
  expect(stand.state(type, "a")).toBe(state);
  expect(stand.runs.map(({ attempt, host }) => [attempt, host])).toEqual(
    [
      [1, "host-1"],
      [2, "host-2"],
    ].slice(0, runs),
  );
  expect(stand.laws.ends.get(`${type}/a`) ?? []).toEqual(type === "park" ? [] : [state]);
  expect(stand.record(type, "a")?.parked?.error.code).toBe(type === "park" ? "crashed" : undefined);
  expect(stand.context(type, "a").error?.code).toBe(type === "fail" ? "crashed" : undefined);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("no two attempts have one number: one that failed after its host had died uses up the numbers of both its runs", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("rerun", "a", { ms: 1_000, failures: 2 }, { headers: { [HEADERS.replyTo]: "inbox" } });
  await stand.settle();
  first.kill();
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(20_000);
  expect(stand.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(stand.replies).toMatchObject([{ state: "done", output: "made in attempt 3", attempt: 3 }]);
  stand.check();
});

test("a parked task stays parked over hosts and is taken up again by a retry", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("park", "a", { ms: 1_000 }, { headers: { [HEADERS.replyTo]: "inbox" } });
  await stand.settle();
  first.kill();
  await stand.advance(TTL_MS);
  const second = await stand.open();
  await stand.advance(60_000);
  await second.stop();
  await stand.open();
  await stand.advance(60_000);
  expect(stand.runs).toHaveLength(1);
  stand.send("park", "a", { type: "retry" });
  await stand.advance(2_000);
  expect(stand.state("park", "a")).toBe("done");
  expect(stand.runs.map(({ attempt }) => attempt)).toEqual([1, 2]);
  expect(stand.replies).toMatchObject([{ id: "a", state: "done" }]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test.each([
  ["while it waits", (): boolean => true],
  // The answer to the commit of the timer's turn is under way.
  ["just when it has ended", (stand: Stand, dueAt: number): boolean => stand.clock.now() >= dueAt],
])("a delay that the server keeps ends although its host dies %s, on an otherwise idle host", async (_when, isTime) => {
  const stand = new Stand();
  const first = await stand.open();
  const dueAt = stand.clock.now() + 8_000;
  stand.world.onStep((step) => {
    if (step.kind === "commitApplied" && isTime(stand, dueAt)) first.kill();
  });
  stand.start("rerun", "a", undefined, { headers: { [HEADERS.delay]: "8000" } });
  await stand.advance(8_000);
  expect(first.isDead).toBe(true);
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(60_000);
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a backoff in the dead host's memory goes on where it was", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("rerun", "a", { failures: 1 });
  await stand.settle();
  expect(stand.state("rerun", "a")).toBe("undo.retrying");
  first.kill();
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(1_000);
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test.each(POLICIES)("a commit of a %s task that is not answered ends its session, stored or not", async (type) => {
  for (const stored of [true, false]) {
    const stand = new Stand();
    await stand.open();
    stand.world.faults.failCommits({ kind: "unknown", stored });
    stand.start(type, "a", { ms: 1_000 });
    await stand.advance(30_000);
    // A `doing` that is there without its host knowing is a crash for those that may not run twice.
    const lost = stored && type !== "rerun";
    expect(stand.state(type, "a")).toBe(lost ? (type === "fail" ? "failed" : "doing") : "done");
    expect(stand.runs.length).toBe(lost ? 0 : type === "rerun" ? 2 : 1);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  }
});

test("a commit that arrives late is refused by the fence that has moved", async () => {
  const stand = new Stand();
  await stand.open();
  stand.world.faults.failCommits({ kind: "late", afterMs: 5_000 });
  stand.start("rerun", "a", { ms: 20_000 });
  await stand.advance(10_000);
  expect(stand.stepsOf("commitApplied").map(({ outcome }) => outcome.kind)).toContain("conflict");
  await stand.advance(30_000);
  expect(stand.laws.ends.get("rerun/a")).toEqual(["done"]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a lost fence drops its partition's turns; the rest of the batch is committed again", async () => {
  const stand = new Stand({ singlesOverlap: false });
  const host = await stand.open();
  const idIn = (partition: number): string => {
    for (let i = 0; ; i++) if (partitionOf("rerun", `t${i}`, 2) === partition) return `t${i}`;
  };
  const [lost, kept] = [idIn(0), idIn(1)];
  stand.world.faults.failCommits({ kind: "conflict", lost: [0] }, { when: ({ fences }) => fences.size === 2 });
  stand.start("rerun", lost, { ms: 5_000 });
  stand.start("rerun", kept, { ms: 5_000 });
  await stand.settle();
  expect(host.host.partitions.map(({ session }) => session === undefined)).toEqual([true, false]);
  expect(stand.state("rerun", kept)).toBe("doing");
  expect(stand.state("rerun", lost)).toBe("");
  await stand.advance(20_000);
  expect(stand.runsOf(`rerun/${kept}`)).toHaveLength(1);
  expect(stand.runsOf(`rerun/${lost}`)).toHaveLength(2);
  expect(stand.laws.ends.size).toBe(2);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a commit that the server refuses for good becomes a dead letter, and nothing waits on it", async () => {
  const stand = new Stand();
  await stand.open();
  stand.world.faults.failCommits({ kind: "refused", error: new TroupeError("too_large", "A fault was asked for") });
  stand.start("rerun", "a", { ms: 1_000 });
  await stand.advance(10_000);
  expect(stand.deadLetters).toMatchObject([{ key: "rerun/a", code: "too_large" }]);
  expect(stand.unacknowledged).toEqual([]);
  stand.start("rerun", "b");
  await stand.settle();
  expect(stand.state("rerun", "b")).toBe("done");
  stand.check();
});

test("a record that cannot be loaded costs the session, not the task", async () => {
  const stand = new Stand();
  await stand.open();
  stand.world.faults.failRequests("load", { applied: false }, { times: 2 });
  for (let i = 0; i < 10; i++) stand.start("rerun", `t${i}`);
  await stand.advance(10_000);
  expect([...stand.laws.ends.values()].flat()).toEqual(Array(10).fill("done"));
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a task that waits for a slot is not forgotten when its mail comes again and its host dies", async () => {
  const stand = new Stand();
  const first = await stand.open({ concurrency: 1 });
  stand.start("rerun", "a", undefined, { headers: { [HEADERS.delay]: "8000" } });
  await stand.settle();
  stand.start("rerun", "blocker", { ms: 60_000 });
  await stand.advance(9_000);
  expect(stand.state("rerun", "a")).toBe("undo.ready");
  for (const partition of [0, 1]) stand.world.rewind(partition, "mail.event");
  await stand.advance(1_000);
  expect(stand.unacknowledged.some((left) => left.endsWith("mail.event rerun/a"))).toBe(true);
  first.kill();
  await stand.advance(TTL_MS);
  await stand.open({ concurrency: 2 });
  await stand.advance(10_000);
  expect(stand.state("rerun", "a")).toBe("done");
  stand.check();
});
