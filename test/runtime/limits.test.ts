import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import type { RunLimits } from "../../src/core/run-limits.ts";
import type { Process } from "./process.ts";
import { Stand, type Work } from "./stage.ts";

interface Tenant extends Work {
  readonly tenant?: string;
}

const limited = (limits: RunLimits<Tenant>) => (process: Process) => [
  process.standard({ name: "limited", limits }),
  process.standard({ name: "parks", onCrash: "park", limits }),
];

test("no more than so many of a type run at once, wherever they run", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 3 }) });
  await stand.open();
  await stand.open();
  // Their partitions are spread.
  await stand.advance(5_000);
  for (let n = 0; n < 12; n++) stand.start("limited", `t${n}`, { ms: 1_000 });
  await stand.advance(500);
  expect(stand.running).toBe(3);
  await stand.advance(20_000);
  expect(stand.mostRunning).toBe(3);
  expect(stand.runs).toHaveLength(12);
  for (let n = 0; n < 12; n++) expect(stand.state("limited", `t${n}`)).toBe("done");
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.world.tickets).toEqual([]);
  stand.check();
});

test("whoever waits blocks nothing behind it in its lane, and holds no delivery", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  await stand.open({ concurrency: 2 });
  for (let n = 0; n < 50; n++) stand.start("limited", `t${n}`, { ms: 60_000 });
  stand.start("rerun", "other");
  await stand.advance(100);
  expect(stand.state("rerun", "other")).toBe("done");
  expect(stand.unacknowledged).toHaveLength(1);
  stand.check();
});

test("a deadline that passes while a task waits expires it", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  await stand.open();
  stand.start("limited", "first", { ms: 60_000 });
  await stand.advance(100);
  const deadline = String(stand.clock.now() + 5_000);
  stand.start("limited", "late", {}, { headers: { [HEADERS.deadline]: deadline, [HEADERS.replyTo]: "inbox" } });
  await stand.advance(4_900);
  expect(stand.state("limited", "late")).toBe("undo.ready");
  await stand.advance(200);
  expect(stand.state("limited", "late")).toBe("expired");
  expect(stand.replies).toMatchObject([{ id: "late", state: "expired" }]);
  await stand.advance(60_000);
  expect(stand.world.tickets).toEqual([]);
  expect(stand.deadLetters).toEqual([]);
  stand.check();
});

test("a deadline to begin by says nothing of an attempt that has begun, was set aside and waits to go on", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  const process = await stand.open();
  const deadline = String(stand.clock.now() + 1_000);
  stand.start("parks", "begun", { ms: 500 }, { headers: { [HEADERS.deadline]: deadline } });
  await stand.advance(100);
  process.kill();
  await stand.open();
  await stand.advance(5_000);
  expect(stand.record("parks", "begun")?.parked?.reason).toBe("crashed");
  stand.start("parks", "other", { ms: 10_000 });
  await stand.advance(100);
  stand.send("parks", "begun", { type: "retry" });
  await stand.advance(1_000);
  expect(stand.record("parks", "begun")?.permit?.stance).toBe("waits");
  await stand.advance(20_000);
  expect(stand.state("parks", "begun")).toBe("done");
  expect(stand.world.tickets).toEqual([]);
  stand.check();
});

test("one that is cancelled while it waits ends at once, and takes nobody's permit", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  await stand.open();
  for (const id of ["a", "b", "c"]) stand.start("limited", id, { ms: 1_000 });
  await stand.advance(100);
  stand.send("limited", "b", { type: "cancel" });
  await stand.advance(100);
  expect(stand.state("limited", "b")).toBe("failed");
  await stand.advance(5_000);
  expect(stand.runs.map(({ key }) => key)).toEqual(["limited/a", "limited/c"]);
  expect(stand.world.tickets).toEqual([]);
  stand.check();
});

test("a permit that comes too late for its task goes back", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  const host = await stand.open();
  let isGiven = false;
  stand.world.onStep((step) => {
    if (step.kind !== "commitApplied" || isGiven) return;
    isGiven = step.commit.writes.some((write) => write.kind === "ticket" && write.ticket.stand === "permit");
    // Before its mail is delivered.
    if (isGiven) stand.send("limited", "a", { type: "cancel" });
  });
  stand.start("limited", "a", { ms: 1_000 });
  await stand.advance(5_000);
  expect(isGiven).toBe(true);
  expect(stand.state("limited", "a")).toBe("failed");
  stand.start("limited", "b");
  await stand.advance(5_000);
  expect(stand.state("limited", "b")).toBe("done");
  expect(stand.world.tickets).toEqual([]);
  expect(stand.deadLetters).toEqual([]);
  expect(host.warnings).toEqual([]);
  stand.check();
});

test("a retry gives its permit back while it waits, and waits anew", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  await stand.open();
  stand.start("limited", "a", { failures: 1 });
  await stand.advance(100);
  expect(stand.state("limited", "a")).toBe("undo.retrying");
  stand.start("limited", "b", { ms: 5_000 });
  await stand.advance(100);
  expect(stand.state("limited", "b")).toBe("doing");
  await stand.advance(3_000);
  expect(stand.state("limited", "a")).toBe("undo.ready");
  await stand.advance(3_000);
  expect(stand.state("limited", "a")).toBe("done");
  expect(stand.mostRunning).toBe(1);
  expect(stand.world.tickets).toEqual([]);
  stand.check();
});

test("a delayed start waits for its delay first, then for its permit", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  await stand.open();
  stand.start("limited", "late", {}, { headers: { [HEADERS.delay]: "8000" } });
  await stand.advance(1_000);
  expect(stand.state("limited", "late")).toBe("undo.delayed");
  expect(stand.world.tickets).toEqual([]);
  stand.start("limited", "long", { ms: 20_000 });
  await stand.advance(9_000);
  expect(stand.state("limited", "late")).toBe("undo.ready");
  await stand.advance(20_000);
  expect(stand.state("limited", "late")).toBe("done");
  stand.check();
});

test("a task that is parked after a crash holds no permit, and waits for one when it is taken up again", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1 }) });
  const first = await stand.open();
  stand.start("parks", "a", { ms: 1_000 });
  await stand.advance(100);
  first.kill();
  await stand.advance(5_000);
  await stand.open();
  await stand.advance(5_000);
  expect(stand.record("parks", "a")?.parked?.reason).toBe("crashed");
  stand.start("parks", "b", { ms: 5_000 });
  await stand.advance(100);
  expect(stand.state("parks", "b")).toBe("doing");
  stand.send("parks", "a", { type: "retry" });
  await stand.advance(1_000);
  expect(stand.runsOf("parks/a")).toHaveLength(1);
  await stand.advance(10_000);
  expect(stand.state("parks", "a")).toBe("done");
  expect(stand.runsOf("parks/a")).toHaveLength(2);
  expect(stand.world.tickets).toEqual([]);
  stand.check();
});

test("what waits goes on when the host of the gate dies, and no more run than may", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 2 }) });
  const first = await stand.open();
  const second = await stand.open();
  for (let n = 0; n < 10; n++) stand.start("limited", `t${n}`, { ms: 3_000 });
  await stand.advance(4_000);
  first.kill();
  await stand.advance(10_000);
  second.kill();
  await stand.advance(1_000);
  await stand.open();
  await stand.advance(60_000);
  for (let n = 0; n < 10; n++) expect(stand.state("limited", `t${n}`)).toBe("done");
  expect(stand.mostRunning).toBeLessThanOrEqual(2);
  expect(stand.world.tickets).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("low still moves while high is never empty, in a host that is full", async () => {
  const stand = new Stand();
  await stand.open({ concurrency: 1 });
  for (let n = 0; n < 60; n++) stand.start("rerun", `high-${n}`, { ms: 100 }, { lane: "high" });
  for (let n = 0; n < 10; n++) stand.start("rerun", `low-${n}`, { ms: 100 }, { lane: "low" });
  await stand.advance(4_000);
  const lanes = stand.runs.slice(2, 34).map(({ key }) => key.split(/[/-]/)[1]);
  expect(lanes.filter((lane) => lane === "low")).toHaveLength(4);
  stand.check();
});

test("of a limited type too low still moves, and keys take turns in every lane", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1, key: ({ tenant = "" }) => tenant }) });
  await stand.open();
  for (let n = 0; n < 20; n++) stand.start("limited", `high-busy-${n}`, { ms: 100, tenant: "busy" }, { lane: "high" });
  for (let n = 0; n < 3; n++) stand.start("limited", `high-quiet-${n}`, { ms: 100, tenant: "quiet" }, { lane: "high" });
  for (let n = 0; n < 3; n++) stand.start("limited", `low-busy-${n}`, { ms: 100, tenant: "busy" }, { lane: "low" });
  await stand.advance(2_000);
  const order = stand.runs.map(({ key }) => key.replace("limited/", "").replace(/-\d+$/, ""));
  expect(order.filter((each) => each === "low-busy")).toHaveLength(2);
  expect(order.filter((each) => each === "high-quiet")).toHaveLength(3);
  expect(order.lastIndexOf("high-quiet")).toBeLessThan(8);
  stand.check();
});

test("no more begin within any time than the rate and what a pause has saved up", async () => {
  const stand = new Stand({ tasks: limited({ perSecond: 5, key: ({ tenant = "" }) => tenant, perKey: { perSecond: 1 } }) });
  const since = stand.clock.now();
  await stand.open();
  for (let n = 0; n < 30; n++) stand.start("limited", `t${n}`, { tenant: `k${n % 10}` });
  await stand.advance(60_000);
  expect(stand.runs).toHaveLength(30);
  for (const [i, { at }] of stand.runs.entries()) {
    const inOneSecond = stand.runs.slice(i).filter((run) => run.at - at < 1_000);
    expect(inOneSecond.length).toBeLessThanOrEqual(10);
  }
  // Nothing was saved up at first: the sixth second brings the thirtieth.
  expect((stand.runs[29]?.at ?? 0) - since).toBeGreaterThanOrEqual(6_000);
  expect(stand.world.tickets).toEqual([]);
  stand.check();
});

test("a key that cannot be told makes a dead letter of the start", async () => {
  const stand = new Stand({ tasks: limited({ atOnce: 1, key: ({ tenant }) => tenant as string }) });
  await stand.open();
  stand.start("limited", "a", {});
  await stand.advance(100);
  expect(stand.deadLetters).toMatchObject([{ key: "limited/a", code: "bad_payload" }]);
  expect(stand.world.tickets).toEqual([]);
});
