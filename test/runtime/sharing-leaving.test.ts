import { expect, test } from "vitest";
import { expectClean, hostsOf, idsOf, pair } from "./sharing-pair.ts";

test("what a host had in hand that died before it asked is begun as soon as its owner has a slot", async () => {
  const { stand, owner, taker } = await pair({ slots: 2 });
  const ids = idsOf(stand, owner, "rerun", 4);
  let hasDied = false;
  stand.world.onStep((step) => {
    if (hasDied || step.kind !== "requestSent" || step.host !== taker.name || step.request !== "ask") return;
    hasDied = true;
    taker.kill("lost");
  });
  for (const id of ids) stand.start("rerun", id, { ms: 500 });
  await stand.until(() => hasDied, 5_000);
  await stand.until(() => ids.every((id) => stand.state("rerun", id) === "done"), 6_000);
  expect(stand.runs.map(({ host }) => host)).toEqual(Array(4).fill(owner.name));
  await stand.advance(15_000);
  expectClean(stand);
});

test("a worker's host that drains finishes what it took, and takes nothing new", async () => {
  const { stand, owner, taker } = await pair();
  const [one = "", two = ""] = idsOf(stand, owner, "gpu", 2);
  stand.start("gpu", one, { ms: 3_000 });
  await stand.until(() => stand.running === 1, 5_000);
  const drained = taker.drain();
  await stand.advance(10);
  stand.start("gpu", two);
  await stand.advance(5_000);
  await drained;
  expect(stand.state("gpu", one)).toBe("done");
  expect(stand.runs).toHaveLength(1);
  await stand.open({ labels: ["gpu"] });
  await stand.advance(3_000);
  expect(hostsOf(stand, `gpu/${two}`)).toEqual(["host-3"]);
  expectClean(stand);
});

test("a worker's host that stops says so: what may be repeated goes on elsewhere at once", async () => {
  const { stand, owner, taker } = await pair();
  const [gpuId = ""] = idsOf(stand, owner, "gpu", 1);
  const [gpuFailId = ""] = idsOf(stand, owner, "gpuFail", 1);
  stand.start("gpu", gpuId, { ms: 3_000 });
  stand.start("gpuFail", gpuFailId, { ms: 3_000 });
  await stand.until(() => stand.running === 2, 5_000);
  await taker.stop();
  await stand.advance(100);
  expect(stand.context("gpuFail", gpuFailId).error?.code).toBe("crashed");
  await stand.open({ labels: ["gpu"] });
  await stand.advance(5_000);
  expect(hostsOf(stand, `gpu/${gpuId}`)).toEqual(["host-2", "host-3"]);
  expect(stand.state("gpu", gpuId)).toBe("done");
  expectClean(stand);
});

test("an owner that drains leaves what others run to the next owner", async () => {
  const { stand, owner } = await pair();
  const [gpuFailId = ""] = idsOf(stand, owner, "gpuFail", 1);
  stand.start("gpuFail", gpuFailId, { ms: 20_000 });
  await stand.until(() => stand.running === 1, 5_000);
  await owner.drain(2_000);
  await stand.advance(25_000);
  expect(stand.state("gpuFail", gpuFailId)).toBe("done");
  expect(stand.runs).toHaveLength(1);
  expectClean(stand);
});

test("an owner that takes long to leave sends nobody away: what others run goes on, and what they ask for waits for the next owner", async () => {
  const { stand, owner, taker } = await pair({ slots: 1, partitions: 1 });
  expect(stand.world.owner(0).host).toBe(owner.name);
  stand.start("gpuFail", "runs", { ms: 3_000 });
  await stand.until(() => stand.running === 1, 5_000);
  for (const id of ["waits", "waits-too"]) stand.start("gpuFail", id, { ms: 1_000 });
  await stand.advance(100);
  // Something that is stored late keeps the partition where it is.
  stand.world.faults.failCommits({ kind: "delayed", byMs: 4_500 }, { when: ({ host }) => host === owner.name });
  stand.start("rerun", "late");
  await stand.advance(10);
  const moved = owner.host.partitions[0]?.handOver({ graceMs: 200, whenBound: "go" }, () => taker.host.id);
  await stand.advance(6_000);
  await moved;
  await stand.advance(20_000);
  for (const id of ["runs", "waits", "waits-too"])
    expect([id, stand.state("gpuFail", id), stand.runsOf(`gpuFail/${id}`).length]).toEqual([id, "done", 1]);
  expectClean(stand);
});

test("the last host leaves at once, whoever was to hear of the results that it brought", async () => {
  const { stand, owner, taker } = await pair();
  const [id = ""] = idsOf(stand, owner, "gpu", 1);
  stand.start("gpu", id, { ms: 1_000 });
  await stand.until(() => stand.running === 1, 5_000);
  const leaving = [owner.drain(), taker.drain()];
  await stand.until(() => stand.processes.every(({ host }) => host.hasLeft), 5_000);
  await Promise.all(leaving);
  await stand.open();
  await stand.advance(5_000);
  expect(stand.state("gpu", id)).toBe("done");
  expect(stand.runs).toHaveLength(1);
  stand.check();
});
