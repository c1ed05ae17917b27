import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { expectClean, gpu, hostsOf, idsOf, pair } from "./sharing-pair.ts";
import { Stand } from "./stage.ts";

test("20 tasks that wait, on two hosts of ten slots each, all run at once", async () => {
  const { stand, owner } = await pair();
  const ids = idsOf(stand, owner, "rerun", 20);
  for (const id of ids) stand.start("rerun", id, { ms: 60_000 });
  await stand.until(() => stand.running === 20, 5_000);
  expect(stand.runs.filter(({ host }) => host === "host-2")).toHaveLength(10);
  await stand.advance(65_000);
  for (const id of ids) expect(stand.state("rerun", id)).toBe("done");
  expect(stand.runs).toHaveLength(20);
  expectClean(stand);
});

test("a backlog is not offered as a whole: no more than others have slots for, and then a few", async () => {
  const { stand, owner } = await pair({ slots: 3 });
  for (const id of idsOf(stand, owner, "rerun", 60)) stand.start("rerun", id, { ms: 5_000 });
  let most = 0;
  stand.world.onStep(() => (most = Math.max(most, stand.world.offeredWork.length)));
  await stand.until(() => stand.running === 6, 5_000);
  await stand.until(() => stand.runs.length === 60, 200_000);
  await stand.advance(10_000);
  expect(most).toBeLessThanOrEqual(6);
  expect(stand.mostRunning).toBe(6);
  expect(stand.runs.filter(({ host }) => host === "host-2").length).toBeGreaterThan(20);
  expectClean(stand);
});

test.each(["rerun", "fail"])("slots that wait for reads and commits are no reason to offer what is done in no time: %s", async (type) => {
  const { stand, owner } = await pair({ slots: 2, maxLatencyMs: 60 });
  for (const id of idsOf(stand, owner, type, 40)) stand.start(type, id);
  await stand.until(() => stand.runs.length === 40, 60_000);
  await stand.advance(5_000);
  expect(stand.offered).toEqual(new Set());
  expect(stand.runs.at(-1)?.at).toBeGreaterThan((stand.runs[0]?.at ?? 0) + 500);
  expectClean(stand);
});

test("what waits behind long work after a rush of short work is offered without a further word", async () => {
  const { stand, owner } = await pair({ slots: 2 });
  const [...ids] = idsOf(stand, owner, "rerun", 63);
  const long = ids.splice(60);
  for (const id of ids) stand.start("rerun", id, { ms: 2 });
  for (const id of long) stand.start("rerun", id, { ms: 60_000 });
  await stand.until(() => stand.running === 3 && stand.runs.length === 63, 500);
  expect(long.flatMap((id) => hostsOf(stand, `rerun/${id}`)).toSorted()).toEqual(["host-1", "host-1", "host-2"]);
  await stand.advance(65_000);
  expectClean(stand);
});

test("a single host offers nothing, and says no more than how it is", async () => {
  const stand = new Stand();
  await stand.open({ concurrency: 1 });
  for (let i = 0; i < 20; i++) stand.start("rerun", `t${i}`, { ms: 100 });
  await stand.until(() => stand.runs.length === 20, 10_000);
  expect(stand.stepsOf("commitSent").flatMap(({ commit }) => commit.writes.map(({ kind }) => kind))).not.toContain("work");
  expect(stand.stepsOf("requestSent").map(({ request }) => request)).not.toContain("fetch");
});

test.each(["owner first", "taker first"])("the highest lane is taken first, whoever joined first: %s", async (order) => {
  const stand = new Stand({ tasks: gpu });
  const owner = await stand.open({ concurrency: 1 });
  if (order === "taker first") await stand.open({ concurrency: 1, labels: ["gpu"] });
  for (const lane of ["low", "normal", "high"] as const)
    for (let i = 0; i < 3; i++) stand.start("gpu", `${lane}-${i}`, { ms: 1_000 }, { lane });
  await stand.settle();
  if (order === "owner first") await stand.open({ concurrency: 1, labels: ["gpu"] });
  await stand.until(() => stand.runs.length === 9, 60_000);
  const lanes = stand.runs.map(({ key }) => key.split(/[/-]/)[1]);
  // What had not been offered yet when the first slot was there could not be taken first.
  const rest = order === "taker first" ? lanes.slice(1) : lanes;
  expect(rest).toEqual(rest.toSorted((a = "", b = "") => ["high", "normal", "low"].indexOf(a) - ["high", "normal", "low"].indexOf(b)));
  expect(new Set(stand.runs.map(({ host }) => host))).toEqual(new Set(["host-2"]));
  expect(owner.host.stage.running).toBe(0);
  await stand.advance(10_000);
  expectClean(stand);
});

test("a host that is busy with its own still takes what others offer: in turns within a lane", async () => {
  const { stand, owner, taker } = await pair({ slots: 1 });
  for (const id of idsOf(stand, taker, "rerun", 12)) stand.start("rerun", id, { ms: 1_000 });
  await stand.until(() => stand.running === 2, 5_000);
  for (const id of idsOf(stand, owner, "gpu", 3)) stand.start("gpu", id, { ms: 1_000 });
  await stand.until(() => stand.runsOf().filter(({ key }) => key.startsWith("gpu/")).length === 3, 8_000);
  expect(stand.runs.filter(({ key, host }) => host === taker.name && key.startsWith("rerun/")).length).toBeGreaterThan(2);
  await stand.advance(30_000);
  expectClean(stand);
});

test("work that needs a label waits for a host that has it, visible as such, and in nobody's way", async () => {
  const stand = new Stand({ tasks: gpu });
  const owner = await stand.open({ concurrency: 1 });
  stand.start("gpu", "1");
  stand.start("rerun", "1");
  await stand.advance(15_000);
  expect(stand.state("rerun", "1")).toBe("done");
  expect(stand.state("gpu", "1")).toBe("doing");
  expect(stand.record("gpu", "1")?.activities["run"]?.offer).toMatchObject({ phase: "open", labels: ["gpu"] });
  expect(owner.warnings).toEqual(["work waits for somebody to take it: no live host has its labels"]);
  await stand.open({ labels: ["gpu", "fast"] });
  await stand.advance(3_000);
  expect(stand.state("gpu", "1")).toBe("done");
  expect(hostsOf(stand, "gpu/1")).toEqual(["host-2"]);
  expectClean(stand);
});

test("what its worker says of its progress reaches those who watch", async () => {
  const { stand, owner } = await pair();
  const [speaksId = ""] = idsOf(stand, owner, "speaks", 1);
  stand.start("speaks", speaksId);
  await stand.advance(5_000);
  const said = stand.world.outgoing.flatMap((each) =>
    each.kind === "event" ? [`${each.host} ${each.from.id} ${Buffer.from(each.body).toString()}`] : [],
  );
  expect(said).toEqual([`host-1 ${speaksId} {"percent":50}`]);
  expect(stand.record("speaks", speaksId)?.output).toBe("spoke");
  expectClean(stand);
});

test("a cancel reaches the worker at once", async () => {
  const { stand, owner } = await pair();
  const [gpuId = ""] = idsOf(stand, owner, "gpu", 1);
  stand.start("gpu", gpuId, { endless: true });
  await stand.until(() => stand.running === 1, 5_000);
  stand.send("gpu", gpuId, { type: "cancel" });
  await stand.advance(100);
  expect(stand.runs[0]?.ended).toBe("aborted");
  expect(stand.state("gpu", gpuId)).toBe("failed");
  await stand.advance(5_000);
  expectClean(stand);
});

test("a cancel before anybody has taken it takes it out of the queue", async () => {
  const stand = new Stand({ tasks: gpu });
  await stand.open();
  stand.start("gpu", "1");
  await stand.advance(1_000);
  expect(stand.world.offeredWork).toEqual(["normal gpu/1"]);
  stand.send("gpu", "1", { type: "cancel" });
  await stand.advance(1_000);
  expectClean(stand);
  await stand.open({ labels: ["gpu"] });
  await stand.advance(5_000);
  expect(stand.runs).toEqual([]);
});

test("a failed attempt is tried again after its delay, by whoever has a slot then", async () => {
  const { stand, owner } = await pair();
  const [gpuId = ""] = idsOf(stand, owner, "gpu", 1);
  stand.start("gpu", gpuId, { failures: 2 });
  await stand.advance(10_000);
  expect(stand.record("gpu", gpuId)?.output).toBe("made in attempt 3");
  expect(hostsOf(stand, `gpu/${gpuId}`)).toEqual(["host-2", "host-2", "host-2"]);
  expectClean(stand);
});

test("a worker's attempt has the task's timeout", async () => {
  const { stand, owner } = await pair();
  const [shortId = ""] = idsOf(stand, owner, "short", 1);
  stand.start("short", shortId, { endless: true });
  await stand.advance(20_000);
  expect(stand.runs.map(({ ended }) => ended)).toEqual(["aborted", "aborted"]);
  expect(stand.context("short", shortId).error?.code).toBe("timeout");
  expectClean(stand);
});

test("what nobody takes before its deadline never begins", async () => {
  const stand = new Stand({ tasks: gpu });
  await stand.open();
  stand.start("gpu", "1", {}, { headers: { [HEADERS.deadline]: String(stand.clock.now() + 3_000) } });
  await stand.advance(5_000);
  expect(stand.state("gpu", "1")).toBe("expired");
  expect(stand.context("gpu", "1").error?.code).toBe("expired");
  await stand.open({ labels: ["gpu"] });
  await stand.advance(5_000);
  expect(stand.runs).toEqual([]);
  expectClean(stand);
});

test("results that are no results change nothing: forged, late, unreadable", async () => {
  const { stand, owner } = await pair();
  const [gpuId = ""] = idsOf(stand, owner, "gpu", 1);
  stand.start("gpu", gpuId, { ms: 3_000 });
  await stand.until(() => stand.running === 1, 5_000);
  const headers = { [HEADERS.kind]: "result" };
  stand.raw("event", "gpu", gpuId, '{"token":"guessed","output":"mine"}', headers);
  stand.raw("event", "gpu", gpuId, '{"output":"mine"}', headers);
  await stand.advance(10);
  expect(stand.state("gpu", gpuId)).toBe("doing");
  await stand.advance(5_000);
  expect(stand.record("gpu", gpuId)?.output).toBe("made in attempt 1");
  stand.raw("event", "gpu", gpuId, '{"token":"token-1","output":"late"}', headers);
  await stand.advance(100);
  expect(stand.deadLetters.map(({ code }) => code)).toEqual(["bad_payload"]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
