import { expect, test } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import { defineActor } from "../../src/define-actor.ts";
import { addressIn } from "../contract/fixture.ts";
import { Stand } from "./stage.ts";

const TTL_MS = 3_000;
const idIn = (type: string, partition: number): string => addressIn(partition, 2, "t", type).id;

test("draining finishes what runs, starts nothing more, and gives the partitions back at once", async () => {
  const stand = new Stand();
  const first = await stand.open({ concurrency: 2 });
  for (let i = 0; i < 6; i++) stand.start("rerun", `t${i}`, { ms: 5_000 });
  await stand.advance(1_000);
  expect(stand.running).toBe(2);
  await first.drain();
  expect(stand.laws.ends.size).toBe(2);
  expect(stand.runs).toHaveLength(2);
  expect([0, 1].map((partition) => stand.world.owner(partition).host)).toEqual([undefined, undefined]);
  const second = await stand.open();
  expect(second.phases).toEqual(["running", "running"]);
  await stand.advance(10_000);
  expect(stand.laws.ends.size).toBe(6);
  expect(stand.runs).toHaveLength(6);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a drain that takes too long gives up what still runs", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("rerun", "a", { ms: 60_000 });
  await stand.settle();
  await first.drain(5_000);
  expect(stand.runs.map(({ ended }) => ended)).toEqual(["aborted"]);
  await stand.open();
  await stand.advance(70_000);
  expect(stand.laws.ends.get("rerun/a")).toEqual(["done"]);
  stand.check();
});

test("stopping aborts what runs, and another host goes on without waiting for a lease", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("rerun", "a", { ms: 60_000 });
  stand.start("park", "b", { ms: 60_000 });
  await stand.settle();
  await first.stop();
  expect(first.host.hasLeft).toBe(true);
  expect(stand.runs.map(({ ended }) => ended)).toEqual(["aborted", "aborted"]);
  await stand.open();
  await stand.settle();
  expect(stand.runsOf("rerun/a")).toHaveLength(2);
  expect(stand.record("park", "b")?.parked).toBeDefined();
  stand.check();
});

test("a host that is stopped while it claims leaves nothing behind that it still reads", async () => {
  const stand = new Stand({ maxLatencyMs: 500 });
  const first = stand.launch();
  const starting = first.host.start();
  starting.catch(() => {});
  await stand.until(() => first.phases.includes("claiming"));
  await first.stop();
  await stand.advance(5_000);
  expect(first.phases).toEqual(["vacant", "vacant"]);
  stand.start("rerun", "a");
  await stand.advance(5_000);
  expect(stand.stepsOf("delivered")).toEqual([]);
});

test("a host that is drained while it claims does not keep the partition", async () => {
  const stand = new Stand({ maxLatencyMs: 500 });
  const first = stand.launch();
  first.host.start().catch(() => {});
  await stand.until(() => first.phases.includes("claiming"));
  await first.drain();
  await stand.advance(5_000);
  expect(first.phases).toEqual(["vacant", "vacant"]);
});

test("a host whose signs of life are not heard drops its sessions before another one may claim", async () => {
  const stand = new Stand();
  const first = await stand.open();
  const second = await stand.open();
  await stand.advance(1_000);
  const [a, b] = [first.phases.indexOf("running"), second.phases.indexOf("running")];
  expect(a).toBe(1 - b);
  stand.start("rerun", idIn("rerun", a), { ms: 60_000 });
  await stand.settle();
  stand.world.faults.loseBeats({ times: 1_000, when: (host) => host === "host-1" });
  await stand.until(() => first.phases.every((phase) => phase === "vacant"), TTL_MS);
  expect(second.phases[a]).toBe("vacant");
  expect(stand.runs.map(({ ended }) => ended)).toEqual(["aborted"]);
  expect(first.host.failure?.code).toBe("cut_off");
  expect(first.warnings.filter((words) => words.includes("nothing is begun until"))).toHaveLength(1);
  await stand.until(() => second.phases.every((phase) => phase === "running"), TTL_MS);
  stand.world.faults.clear();
  await stand.until(() => first.host.failure === undefined, TTL_MS);
  await stand.advance(70_000);
  expect([...stand.laws.ends.values()]).toEqual([["done"]]);
  expect([...first.phases, ...second.phases].filter((phase) => phase === "running")).toHaveLength(2);
  stand.check();
});

test("a frozen host commits nothing after another has taken over, and joins again", async () => {
  for (const type of ["rerun", "fail", "park"]) {
    const stand = new Stand();
    const first = await stand.open();
    for (let i = 0; i < 5; i++) stand.start(type, `t${i}`, { ms: 5_000 });
    await stand.advance(1_000);
    first.freeze();
    const second = await stand.open();
    await stand.until(() => second.phases.every((phase) => phase === "running"), 10_000);
    await stand.advance(1_000);
    const before = stand.stepsOf("commitApplied").length;
    first.thaw();
    await stand.settle();
    const after = stand.stepsOf("commitApplied").slice(before);
    expect(after.filter(({ host, outcome }) => host === "host-1" && outcome.kind === "committed")).toEqual([]);
    await stand.advance(30_000);
    expect(first.host.phase).toBe("active");
    expect([first, second].map(({ phases }) => phases.filter((phase) => phase === "running").length)).toEqual([1, 1]);
    for (let i = 0; i < 5; i++) expect(stand.laws.ends.get(`${type}/t${i}`)).toEqual({ rerun: ["done"], fail: ["failed"] }[type]);
    await second.stop();
    await stand.advance(1_000);
    expect(first.phases).toEqual(["running", "running"]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  }
});

test("a connection that breaks costs no task; work that was running is not begun a second time without need", async () => {
  const stand = new Stand();
  const first = await stand.open();
  for (const type of ["rerun", "fail", "park"]) stand.start(type, "a", { ms: 2_000 });
  await stand.advance(500);
  first.attachment.disconnect();
  await stand.advance(500);
  first.attachment.reconnect();
  await stand.advance(20_000);
  for (const type of ["rerun", "fail", "park"]) {
    expect(stand.state(type, "a")).toBe("done");
    expect(stand.runsOf(`${type}/a`)).toHaveLength(1);
  }
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a partition of which work was given up is left, whatever could begin with the slots of that", async () => {
  const stand = new Stand({ partitions: 1 });
  const { host } = await stand.open({ concurrency: 2 });
  stand.start("fail", "again", { ms: 500, failures: 1 });
  stand.start("rerun", "long", { ms: 30_000 });
  await stand.advance(1_000);
  stand.start("rerun", "other", { ms: 30_000 });
  await stand.until(() => stand.state("fail", "again") === "undo.ready");
  // A dead letter that is stored late keeps the partition for longer than the work is waited for.
  stand.world.faults.failCommits({ kind: "delayed", byMs: 1_500 });
  stand.raw("event", "rerun", "nobody", "{}");
  await stand.advance(10);
  const left = host.partitions[0]?.handOver({ graceMs: 100, whenBound: "stay" }, () => undefined);
  await stand.advance(3_000);
  await left;
  await stand.advance(60_000);
  expect(stand.state("fail", "again")).toBe("done");
  for (const id of ["long", "other"]) expect([stand.state("rerun", id), stand.runsOf(`rerun/${id}`).length]).toEqual(["done", 2]);
  expect([stand.unacknowledged, stand.stored]).toEqual([[], []]);
  stand.check();
});

/** Hears, and works once its time has come. */
const sleeper = defineActor({
  name: "sleeper",
  machine: setup({ types: { context: {} as { heard: number } }, actors: { work: fromPromise(() => Promise.resolve()) } }).createMachine({
    context: { heard: 0 },
    initial: "asleep",
    on: { hear: { actions: assign({ heard: ({ context }) => context.heard + 1 }) } },
    states: {
      asleep: { after: { 60_000: "working" } },
      working: { invoke: { src: "work", onDone: "over" } },
      over: { type: "final" },
    },
  }),
});

test("what a timer began, and was given up before its turn was stored, is begun by the next owner", async () => {
  const stand = new Stand({ partitions: 1, tasks: (process) => [sleeper, process.standard({ name: "rerun" })] });
  const { host } = await stand.open({ concurrency: 1 });
  stand.start("sleeper", "s");
  await stand.advance(1_000);
  stand.start("rerun", "long", { ms: 120_000 });
  await stand.advance(58_900);
  // Of one actor one commit is under way: the timer's turn waits for this one.
  stand.world.faults.failCommits({ kind: "delayed", byMs: 300 });
  stand.send("sleeper", "s", { type: "hear" });
  await stand.advance(150);
  expect(stand.state("sleeper", "s")).toBe("asleep");
  const left = host.partitions[0]?.handOver({ graceMs: 50, whenBound: "stay" }, () => undefined);
  await stand.advance(5_000);
  await left;
  await stand.advance(200_000);
  expect(stand.record("sleeper", "s")).toMatchObject({ status: "done", context: { heard: 1 } });
  expect([stand.state("rerun", "long"), stand.unacknowledged, stand.stored]).toEqual(["done", [], []]);
  stand.check();
});
