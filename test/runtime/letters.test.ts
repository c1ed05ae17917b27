import { expect, test } from "vitest";
import { z } from "zod";
import { HEADERS } from "../../src/core/envelope.ts";
import { Stand } from "./stage.ts";

test("events that come before their start wait for it, in order", async () => {
  const stand = new Stand();
  stand.send("rerun", "a", { type: "first" });
  stand.send("rerun", "a", { type: "cancel", reason: "early" });
  const host = await stand.open({ concurrency: 1 });
  // Nothing is on its way: such events have no actor.
  await stand.settle();
  expect(stand.deadLetters.map(({ code }) => code)).toEqual(["unknown_id", "unknown_id"]);
  stand.start("rerun", "blocker", { ms: 5_000 });
  await stand.settle();
  stand.start("rerun", "b", { ms: 60_000 });
  await stand.settle();
  stand.send("rerun", "b", { type: "cancel", reason: "early" });
  await stand.settle();
  expect(stand.deadLetters).toHaveLength(2);
  await stand.advance(6_000);
  expect(stand.state("rerun", "b")).toBe("failed");
  expect(stand.unacknowledged).toEqual([]);
  expect(host.phases).toEqual(["running", "running"]);
  stand.check();
});

test("events that wait for a start are heard after it by the next host, where the first one dies", async () => {
  const stand = new Stand();
  const first = await stand.open({ concurrency: 1 });
  stand.start("rerun", "blocker", { endless: true });
  await stand.settle();
  stand.start("rerun", "b", { ms: 60_000 });
  stand.send("rerun", "b", { type: "cancel", reason: "early" });
  await stand.settle();
  expect(stand.state("rerun", "b")).toBe("");
  first.kill();
  await stand.open();
  await stand.until(() => stand.state("rerun", "b") === "failed");
  expect(stand.deadLetters).toEqual([]);
  expect(stand.runsOf("rerun/b")).toEqual([]);
  stand.check();
});

test("an event for an actor that has ended, or whose record is gone, is a dead letter and creates nothing", async () => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a");
  await stand.settle();
  stand.send("rerun", "a", { type: "late" });
  await stand.settle();
  expect(stand.deadLetters).toMatchObject([{ key: "rerun/a", code: "not_running" }]);
  await stand.advance(2 * 3_600_000);
  expect(stand.state("rerun", "a")).toBe("");
  stand.send("rerun", "a", { type: "cancel" });
  await stand.settle();
  expect(stand.deadLetters).toMatchObject([{ code: "not_running" }, { code: "unknown_id" }]);
  expect(stand.state("rerun", "a")).toBe("");
  expect(stand.unacknowledged).toEqual([]);
});

test.each([
  ["of an unknown type", (stand: Stand) => stand.raw("normal", "nobody", "a", "{}"), "unknown_type"],
  ["that is not JSON", (stand: Stand) => stand.raw("normal", "rerun", "a", "{"), "bad_payload"],
  ["in an unknown format", (stand: Stand) => stand.raw("normal", "rerun", "a", "{}", { [HEADERS.contentType]: "text/x" }), "bad_payload"],
  ["with an input that does not fit", (stand: Stand) => stand.start("strict", "a", { width: "wide" }), "invalid_input"],
  ["with a bad delay", (stand: Stand) => stand.raw("low", "rerun", "a", "{}", { [HEADERS.delay]: "soon" }), "bad_delay"],
  ["with a bad deadline", (stand: Stand) => stand.raw("high", "rerun", "a", "{}", { [HEADERS.deadline]: "never" }), "bad_deadline"],
  ["event of an unknown type", (stand: Stand) => stand.send("nobody", "a", { type: "hello" }), "unknown_type"],
])("a start %s becomes a dead letter with its reason, and nothing waits on it", async (_what, publish, code) => {
  const stand = new Stand({
    tasks: (process) => [process.task({ name: "strict", input: z.object({ width: z.number() }), run: async () => "never" })],
  });
  await stand.open({ concurrency: 1 });
  publish(stand);
  stand.start("rerun", "after");
  await stand.settle();
  expect(stand.deadLetters).toMatchObject([{ code }]);
  expect(stand.state("rerun", "after")).toBe("done");
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test.each([
  ["not JSON", "{", "bad_payload"],
  ["no event", "[]", "bad_payload"],
  ["reserved", '{"type":"xstate.done.actor.run"}', "reserved_event"],
])("an event that is %s becomes a dead letter and its actor goes on", async (_what, body, code) => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a", { ms: 1_000 });
  await stand.settle();
  stand.raw("event", "rerun", "a", body);
  await stand.settle();
  expect(stand.deadLetters).toMatchObject([{ key: "rerun/a", code }]);
  await stand.advance(1_000);
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.unacknowledged).toEqual([]);
});

test("whoever waits for the outcome of a start that nobody can take is told", async () => {
  const stand = new Stand();
  await stand.open();
  stand.raw("normal", "nobody", "a", "{}", { [HEADERS.replyTo]: "inbox.1" });
  await stand.settle();
  expect(stand.replies).toMatchObject([{ type: "nobody", id: "a", state: "failed", error: { code: "unknown_type" } }]);
});

test("events that waited for a start which nobody can take become dead letters too", async () => {
  for (const order of [0, 1]) {
    const stand = new Stand({ seed: 5 });
    const send = [() => stand.raw("normal", "rerun", "a", "{"), () => stand.send("rerun", "a", { type: "cancel" })];
    send[order]?.();
    send[1 - order]?.();
    await stand.open();
    await stand.advance(10_000);
    expect(stand.deadLetters.map(({ code }) => code).sort()).toEqual(["bad_payload", "unknown_id"]);
    expect(stand.unacknowledged).toEqual([]);
  }
});

test("a body that is too large even for a dead letter does not stay unacknowledged", async () => {
  const stand = new Stand({ maxWriteBytes: 20_000, maxRecordBytes: 18_000 });
  await stand.open();
  stand.raw("normal", "rerun", "a", JSON.stringify("x".repeat(20_100)));
  await stand.advance(10_000);
  expect(stand.deadLetters).toMatchObject([{ key: "rerun/a", code: "too_large" }]);
  expect(stand.unacknowledged).toEqual([]);
});

test("the same start twice is one task, and the second input is ignored", async () => {
  const stand = new Stand();
  await stand.open();
  stand.start("rerun", "a", { ms: 1_000 });
  // Lanes are read side by side: whichever was delivered first is the first.
  await stand.settle();
  stand.start("rerun", "a", { failures: 9 });
  stand.start("rerun", "a", { failures: 9 }, { lane: "high" });
  await stand.advance(2_000);
  stand.start("rerun", "a", { failures: 9 }, { lane: "low" });
  await stand.advance(10_000);
  expect(stand.runs).toHaveLength(1);
  expect(stand.laws.ends.get("rerun/a")).toEqual(["done"]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("what comes twice before its dead letter is stored is one dead letter, and costs nobody else's turns", async () => {
  const stand = new Stand({ singlesOverlap: false, partitions: 1 });
  await stand.open({ soonRounds: 60 });
  let isFirst = true;
  stand.world.onStep((step) => {
    if (step.kind !== "delivered" || step.source !== "in.event" || !isFirst) return;
    isFirst = false;
    stand.world.rewind(step.partition, "in.event");
  });
  stand.raw("event", "rerun", "nobody", "not JSON");
  stand.start("rerun", "a", { ms: 100 });
  await stand.advance(1_000);
  expect(stand.stepsOf("delivered").filter(({ source }) => source === "in.event")).toHaveLength(2);
  expect(stand.stepsOf("commitApplied").map(({ outcome }) => outcome.kind)).not.toContain("refused");
  expect(stand.deadLetters).toHaveLength(1);
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
