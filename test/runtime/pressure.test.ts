import { expect, test } from "vitest";
import { formatAddress } from "../../src/core/address.ts";
import { Stand } from "./stage.ts";

test("never more attempts at once than the host's concurrency, and a full host stops reading", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open({ concurrency: 3 });
  for (let i = 0; i < 2_000; i++) stand.start("rerun", `t${i}`, { ms: 10 });
  await stand.settle();
  const delivered = stand.stepsOf("delivered").length;
  expect(delivered).toBeLessThanOrEqual(512 + 2 * 128);
  await stand.until(() => stand.laws.ends.size === 2_000, 60_000);
  expect(stand.mostRunning).toBe(3);
  expect(stand.runs).toHaveLength(2_000);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("events pass a backlog of starts", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open({ concurrency: 1 });
  stand.start("rerun", "blocker", { endless: true });
  await stand.settle();
  for (let i = 0; i < 2_000; i++) stand.start("rerun", `t${i}`);
  stand.send("rerun", "blocker", { type: "cancel" });
  await stand.until(() => stand.laws.ends.size === 2_001, 10_000);
  expect(stand.state("rerun", "blocker")).toBe("failed");
  stand.check();
});

test("what waits runs by lane, then in the order of its arrival", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open({ concurrency: 1 });
  stand.start("rerun", "blocker", { ms: 1_000 });
  await stand.settle();
  for (const lane of ["low", "normal", "high"] as const)
    for (let i = 0; i < 4; i++) stand.start("rerun", `${lane}${i}`, { ms: 10 }, { lane });
  await stand.until(() => stand.laws.ends.size === 13, 10_000);
  const order = ["high", "normal", "low"].flatMap((lane) => [0, 1, 2, 3].map((i) => `rerun/${lane}${i}`));
  expect(stand.runs.map(({ key }) => key)).toEqual(["rerun/blocker", ...order]);
  stand.check();
});

test("parked tasks that are all retried at once share the slots like everybody else", async () => {
  const stand = new Stand();
  const first = await stand.open({ concurrency: 8 });
  for (let i = 0; i < 8; i++) stand.start("park", `t${i}`, { ms: 1_000 });
  await stand.settle();
  first.kill();
  await stand.open({ concurrency: 2 });
  await stand.until(() => [...stand.world.records.keys()].every((key) => stand.record("park", key.slice(5))?.parked !== undefined));
  stand.mostRunning = 0;
  for (let i = 0; i < 8; i++) stand.send("park", `t${i}`, { type: "retry" });
  await stand.until(() => stand.laws.ends.size === 8, 30_000);
  expect([...stand.laws.ends.values()].flat()).toEqual(Array(8).fill("done"));
  expect(stand.mostRunning).toBeLessThanOrEqual(2);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("work that another host left behind shares the slots too, however it is found", async () => {
  const stand = new Stand();
  const first = await stand.open({ concurrency: 8 });
  for (let i = 0; i < 8; i++) stand.start("rerun", `t${i}`, { ms: 1_000 });
  await stand.settle();
  first.kill();
  for (let i = 0; i < 8; i++) stand.send("rerun", `t${i}`, { type: "whatever" });
  await stand.advance(4_000);
  stand.mostRunning = 0;
  await stand.open({ concurrency: 2 });
  await stand.until(() => stand.laws.ends.size === 8, 30_000);
  expect(stand.mostRunning).toBeLessThanOrEqual(2);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

const loadsOf = (stand: Stand): number => stand.stepsOf("requestAnswered").filter(({ request }) => request === "load").length;

test("idle actors stay in memory within a bound in bytes, and the least recently used leave first", async () => {
  const stand = new Stand({ partitions: 1 });
  // One entry costs two kibibytes and its record: three find room.
  await stand.open({ cacheBytes: 3 * 2_500 });
  const headers = { "Troupe-Delay": "3600000" };
  for (const id of ["a", "b", "c", "d"]) {
    stand.start("rerun", id, undefined, { headers });
    await stand.settle();
  }
  const afterStarts = loadsOf(stand);
  for (const id of ["d", "c", "b"]) {
    stand.send("rerun", id, { type: "nothing" });
    await stand.settle();
  }
  expect(loadsOf(stand)).toBe(afterStarts);
  stand.send("rerun", "a", { type: "nothing" });
  await stand.settle();
  expect(loadsOf(stand)).toBe(afterStarts + 1);
  // `a` came back for `d`, which was used the longest time ago.
  for (const id of ["c", "b", "a"]) stand.send("rerun", id, { type: "nothing" });
  await stand.settle();
  expect(loadsOf(stand)).toBe(afterStarts + 1);
  stand.send("rerun", "d", { type: "nothing" });
  await stand.settle();
  expect(loadsOf(stand)).toBe(afterStarts + 2);
});

test("an event that no actor can take does not keep its actor in memory for ever", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open({ cacheBytes: 0 });
  stand.start("rerun", "a", undefined, { headers: { "Troupe-Delay": "3600000" } });
  await stand.settle();
  stand.raw("event", "rerun", "a", "{");
  stand.raw("event", "rerun", "a", "{");
  await stand.settle();
  const before = loadsOf(stand);
  stand.send("rerun", "a", { type: "nothing" });
  await stand.settle();
  expect(loadsOf(stand)).toBe(before + 1);
});

test("a passivated actor goes on as if it had never left", async () => {
  const stand = new Stand();
  await stand.open({ cacheBytes: 0 });
  for (let i = 0; i < 20; i++) stand.start("rerun", `t${i}`, { failures: 2 }, { headers: { "Troupe-Delay": String(5_000 + i * 700) } });
  await stand.until(() => stand.laws.ends.size === 20, 120_000);
  expect([...stand.laws.ends.values()].flat()).toEqual(Array(20).fill("done"));
  expect(stand.runs).toHaveLength(60);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("mail that was absorbed is forgotten by the store, and nothing else", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open();
  for (let i = 0; i < 5; i++)
    stand.start("rerun", `t${i}`, { ms: i === 2 ? 60_000 : 10 }, { headers: { "Troupe-Delay": String(4_000 + i) } });
  await stand.advance(7_000);
  const left = stand.world.messages(0, "mail.event");
  expect(left.map((message) => formatAddress(message))).toEqual(["rerun/t2", "rerun/t3", "rerun/t4"]);
  expect(stand.unacknowledged).toEqual(["0 mail.event rerun/t2"]);
  await stand.advance(60_000);
  expect(stand.world.messages(0, "mail.event")).toEqual([]);
});

test("mail that comes again after a rewind is not forgotten before it has come", async () => {
  for (let seed = 0; seed < 30; seed++) {
    const stand = new Stand({ partitions: 1, maxLatencyMs: 800, leaseTtlMs: 60_000, seed });
    const first = await stand.open();
    // One timer's mail is still being handled (its work runs), a later one's was handled already.
    stand.start("rerun", "slow", { ms: 15_000 }, { headers: { "Troupe-Delay": "15000" } });
    stand.start("rerun", "fast", undefined, { headers: { "Troupe-Delay": "15001" } });
    await stand.until(() => stand.state("rerun", "fast") === "done" && stand.state("rerun", "slow") === "doing", 60_000);
    for (let i = 0; i < 4; i++) {
      stand.world.rewind(0, "mail.event");
      await stand.advance(300);
    }
    await stand.advance(2_000);
    first.kill();
    await stand.advance(60_000);
    await stand.open();
    await stand.advance(60_000);
    expect(stand.state("rerun", "slow"), `seed ${seed}: its mail was forgotten while it was under way`).toBe("done");
  }
});
