import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineTask } from "../../src/define.ts";
import type { TaskContext } from "../../machines/task.ts";
import { Stand } from "./stage.ts";

/** Nothing that can be written down. */
function cycle(): object {
  const self: { self?: object } = {};
  return Object.assign(self, { self });
}

const contextOf = (stand: Stand, type: string, id: string): TaskContext => stand.record(type, id)?.context as TaskContext;

test("a task goes from undo by way of doing to done, and its delivery is acknowledged only then", async () => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a", { ms: 500 });
  await stand.settle();
  expect(stand.state("rerun", "a")).toBe("doing");
  expect(stand.unacknowledged).toHaveLength(1);
  await stand.advance(500);
  expect(stand.record("rerun", "a")).toMatchObject({ value: "done", status: "done", output: "made in attempt 1" });
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.laws.ends.get("rerun/a")).toEqual(["done"]);
  stand.check();
});

test("a short task that a crash may repeat reaches done in a single commit of one write", async () => {
  const stand = new Stand({ tasks: () => [defineTask({ name: "short", run: () => 1 })] });
  await stand.open();
  stand.start("short", "a");
  await stand.settle();
  expect(stand.stepsOf("commitApplied").map(({ commit }) => commit.writes.length)).toEqual([1]);
  expect(stand.state("short", "a")).toBe("done");
});

test.each(["fail", "park"])("work of a %s task begins only once its doing is stored", async (type) => {
  const stand = new Stand({ maxLatencyMs: 100 });
  await stand.open();
  stand.start(type, "a");
  await stand.until(() => stand.state(type, "a") === "doing");
  expect(stand.runs).toEqual([]);
  await stand.until(() => stand.state(type, "a") === "done");
  expect(stand.runs).toHaveLength(1);
  stand.check();
});

test("a failed attempt waits for its backoff, which grows, and the attempts are counted", async () => {
  const stand = new Stand();
  await stand.open();
  const sentAt = stand.clock.now();
  stand.start("rerun", "a", { failures: 2 });
  await stand.settle();
  expect(stand.state("rerun", "a")).toBe("undo.retrying");
  await stand.advance(999);
  expect(stand.runs).toHaveLength(1);
  await stand.until(() => stand.state("rerun", "a") === "done");
  expect(stand.runs.map(({ attempt, at }) => [attempt, at - sentAt])).toEqual([
    [1, 0],
    [2, 1_000],
    [3, 3_000],
  ]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a task whose attempts are used up has failed, with the last error", async () => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a", { failures: 9 });
  await stand.until(() => stand.state("rerun", "a") === "failed");
  expect(stand.runs).toHaveLength(3);
  expect(contextOf(stand, "rerun", "a").error).toMatchObject({ message: "attempt 3 was asked to fail" });
  await stand.advance(120_000);
  expect(stand.runs).toHaveLength(3);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("an error that no retry can mend ends the task at once", async () => {
  const stand = new Stand({
    tasks: (process) => [
      process.task({ name: "hopeless", run: () => Promise.reject(Object.assign(new Error("no"), { retryable: false })) }),
    ],
  });
  await stand.open();
  stand.start("hopeless", "a");
  await stand.settle();
  expect(stand.state("hopeless", "a")).toBe("failed");
  expect(stand.runs).toHaveLength(1);
});

test.each([
  ["in the host's memory", 2_000],
  ["in the server", 10_000],
])("a delay that is kept %s counts from the sending, and nothing runs before it ends", async (_where, delayMs) => {
  const stand = new Stand();
  await stand.open();
  const sentAt = stand.clock.now();
  stand.start("rerun", "a", undefined, { headers: { [HEADERS.delay]: String(delayMs) } });
  await stand.settle();
  expect(stand.state("rerun", "a")).toBe("undo.delayed");
  await stand.advance(delayMs - 1);
  expect(stand.runs).toEqual([]);
  await stand.advance(1);
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.runs.map(({ at }) => at - sentAt)).toEqual([delayMs]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a delay that has passed while nobody looked does not begin again", async () => {
  const stand = new Stand();
  stand.start("rerun", "a", undefined, { headers: { [HEADERS.delay]: "5000" } });
  await stand.advance(4_000);
  await stand.open();
  await stand.advance(999);
  expect(stand.runs).toEqual([]);
  await stand.advance(1);
  expect(stand.state("rerun", "a")).toBe("done");
});

test("a task that was not begun by its deadline has expired without running", async () => {
  const stand = new Stand();
  await stand.open({ concurrency: 1 });
  stand.start("rerun", "blocker", { ms: 60_000 });
  await stand.settle();
  stand.start("rerun", "late", undefined, { headers: { [HEADERS.deadline]: String(stand.clock.now() + 5_000) } });
  await stand.advance(4_999);
  expect(stand.state("rerun", "late")).toBe("");
  await stand.advance(1);
  expect(stand.state("rerun", "late")).toBe("expired");
  expect(stand.runsOf("rerun/late")).toEqual([]);
  await stand.advance(60_000);
  expect(stand.laws.ends.get("rerun/late")).toEqual(["expired"]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a deadline that passes with no host there is noticed by the first one that comes", async () => {
  const stand = new Stand();
  stand.start("rerun", "late", undefined, { headers: { [HEADERS.deadline]: String(stand.clock.now() + 5_000) } });
  await stand.advance(6_000);
  await stand.open();
  await stand.settle();
  expect(stand.state("rerun", "late")).toBe("expired");
  expect(stand.runs).toEqual([]);
});

test("a deadline does not touch a task that has begun in time, nor one whose record is gone", async () => {
  const stand = new Stand({ tasks: (process) => [process.standard({ name: "brief", retention: { done: "1m" } })] });
  await stand.open();
  const headers = { [HEADERS.deadline]: String(stand.clock.now() + 300_000) };
  stand.start("brief", "a", { ms: 1_000 }, { headers });
  await stand.advance(1_000);
  expect(stand.state("brief", "a")).toBe("done");
  await stand.advance(61_000);
  expect(stand.state("brief", "a")).toBe("");
  await stand.advance(300_000);
  expect(stand.laws.ends.get("brief/a")).toEqual(["done"]);
  expect(stand.state("brief", "a")).toBe("");
  stand.check();
});

test("an attempt that takes too long is aborted, fails with timeout and is tried again", async () => {
  const stand = new Stand({ tasks: (process) => [process.standard({ name: "slow", timeout: "2s", retry: { attempts: 2 } })] });
  await stand.open();
  stand.start("slow", "a", { ms: 60_000 });
  await stand.advance(1_999);
  expect(stand.state("slow", "a")).toBe("doing");
  await stand.advance(1);
  expect(stand.state("slow", "a")).toBe("undo.retrying");
  expect(stand.runs.map(({ ended }) => ended)).toEqual(["aborted"]);
  await stand.until(() => stand.state("slow", "a") === "failed");
  expect(contextOf(stand, "slow", "a").error).toMatchObject({ code: "timeout" });
  expect(stand.runs).toHaveLength(2);
  stand.check();
});

test("an attempt without heartbeats is given up, one with them is not", async () => {
  const stand = new Stand({
    tasks: (process) => [
      process.task<{ beats: number }, string>({
        name: "beating",
        heartbeatTimeout: "1s",
        retry: { attempts: 1 },
        run: async ({ input, heartbeat, signal }) => {
          for (let i = 0; i < input.beats; i++) {
            await process.pause(900, signal);
            heartbeat();
          }
          await process.pause(1_500, signal);
          return "unexpected";
        },
      }),
    ],
  });
  await stand.open();
  stand.start("beating", "a", { beats: 5 });
  await stand.advance(5 * 900 + 999);
  expect(stand.state("beating", "a")).toBe("doing");
  await stand.advance(1);
  expect(stand.state("beating", "a")).toBe("failed");
  expect(contextOf(stand, "beating", "a").error).toMatchObject({ code: "timeout" });
});

test("the outcome is sent once, after the end is stored, and a late duplicate is told so", async () => {
  const stand = new Stand({ maxLatencyMs: 50 });
  await stand.open();
  stand.start("rerun", "a", { ms: 1_000 }, { headers: { [HEADERS.replyTo]: "inbox.1" } });
  await stand.advance(500);
  stand.start("rerun", "a", { ms: 9_000 }, { headers: { [HEADERS.replyTo]: "inbox.2" } });
  await stand.advance(499);
  expect(stand.replies).toEqual([]);
  await stand.advance(1_000);
  stand.start("rerun", "a", undefined, { headers: { [HEADERS.replyTo]: "inbox.3" } });
  await stand.advance(1_000);
  const outcome = { type: "rerun", id: "a", state: "done", output: "made in attempt 1", attempt: 1 };
  expect(stand.world.outgoing.map((each) => each.kind === "reply" && each.to)).toEqual(["inbox.1", "inbox.2", "inbox.3"]);
  expect(stand.replies).toEqual([outcome, { ...outcome, duplicate: true }, { ...outcome, duplicate: true }]);
  expect(stand.runs).toHaveLength(1);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test.each([
  ["too large", () => "x".repeat(50_000), "too_large"],
  ["not storable", () => cycle(), "invalid_output"],
])("an output that is %s fails the task instead of the host", async (_how, run, code) => {
  const stand = new Stand({
    maxWriteBytes: 20_000,
    maxRecordBytes: 18_000,
    tasks: (process) => [process.task({ name: "big", run: async () => run() as unknown, retry: { attempts: 1 } })],
  });
  await stand.open();
  stand.start("big", "a");
  await stand.advance(10_000);
  expect(stand.state("big", "a")).toBe("failed");
  expect(contextOf(stand, "big", "a").error).toMatchObject({ code });
  expect(stand.unacknowledged).toEqual([]);
});

test.each([
  ["too large", () => new Error("x".repeat(50_000))],
  ["not storable", () => Object.assign(new Error("no"), { faults: [cycle()] })],
])("an error that is %s fails the task all the same", async (_how, make) => {
  const stand = new Stand({
    maxWriteBytes: 20_000,
    maxRecordBytes: 18_000,
    tasks: (process) => [process.task({ name: "bad", run: () => Promise.reject(make()), retry: { attempts: 1 } })],
  });
  await stand.open();
  stand.start("bad", "a");
  await stand.advance(10_000);
  expect(stand.state("bad", "a")).toBe("failed");
  expect(stand.unacknowledged).toEqual([]);
});
