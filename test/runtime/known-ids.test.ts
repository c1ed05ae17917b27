import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import { createWorld } from "../../src/memory/world.ts";
import { KnownIds } from "../../src/runtime/known-ids.ts";
import { Session } from "../../src/runtime/session.ts";
import type { Process } from "./process.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** Longer than a record of a done task is kept. */
const RETENTION_MS = 3_700_000;
const TTL_MS = 3_000;
const EAGER = { bytes: 4_096, readsBeforeCensus: 1 };

const readsOf = (stand: Stand): number => stand.stepsOf("requestSent").filter(({ request }) => request === "load").length;
const censusesOf = (stand: Stand): number => stand.stepsOf("requestAnswered").filter(({ request }) => request === "census").length;

/** Enough starts for both partitions, and time for the census that they bring about. */
async function acquaint(stand: Stand, name = "first"): Promise<void> {
  for (let i = 0; i < 12; i++) {
    stand.start("rerun", `${name}-${i}`);
    await stand.settle();
  }
}

async function runsOfTwelve(stand: Stand, name: string): Promise<number> {
  const before = stand.runs.length;
  for (let i = 0; i < 12; i++) stand.start("rerun", `${name}-${i}`, undefined, { headers: { [HEADERS.replyTo]: "inbox" } });
  await stand.settle();
  return stand.runs.length - before;
}

async function acquainted(options: StandOptions = {}): Promise<Stand> {
  const stand = new Stand(options);
  await stand.open({ knownIds: EAGER });
  await acquaint(stand);
  return stand;
}

test("starts of new ids are not looked up once it is known which exist, and are carried out", async () => {
  const stand = await acquainted();
  const reads = readsOf(stand);
  expect(await runsOfTwelve(stand, "new")).toBe(12);
  expect(readsOf(stand)).toBe(reads);
  expect(stand.laws.ends.size).toBe(24);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("nothing is counted before enough was looked up in vain", async () => {
  const stand = new Stand();
  await stand.open({ knownIds: { ...EAGER, readsBeforeCensus: 13 } });
  await acquaint(stand);
  expect(censusesOf(stand)).toBe(0);
  await acquaint(stand, "second");
  expect(censusesOf(stand)).toBeGreaterThan(0);
});

test("an id that an earlier host has run is known to its successor, which runs it never again", async () => {
  const stand = new Stand();
  const first = await stand.open({ knownIds: EAGER });
  for (const name of ["old", "older"]) expect(await runsOfTwelve(stand, name)).toBe(12);
  first.kill();
  await stand.advance(TTL_MS);
  await stand.open({ knownIds: EAGER });
  await acquaint(stand);
  const reads = readsOf(stand);
  expect(await runsOfTwelve(stand, "new")).toBe(12);
  expect(readsOf(stand)).toBe(reads);
  for (const name of ["old", "older", "new"]) expect(await runsOfTwelve(stand, name)).toBe(0);
  expect(stand.replies.filter((reply) => "duplicate" in reply)).toHaveLength(36);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("what was on its way into the stream when the census began is known after it", async () => {
  const stand = new Stand();
  await stand.open({ knownIds: { ...EAGER, readsBeforeCensus: 12 } });
  // Commits that reach the server long after the census has passed.
  for (let i = 0; i < 12; i++) stand.world.faults.failCommits({ kind: "delayed", byMs: 500 });
  for (let i = 0; i < 12; i++) stand.start("rerun", `slow-${i}`);
  await stand.settle();
  expect(censusesOf(stand)).toBeGreaterThan(0);
  expect(stand.laws.ends.size).toBe(0);
  await stand.advance(1_000);
  expect(stand.laws.ends.size).toBe(12);
  const reads = readsOf(stand);
  expect(await runsOfTwelve(stand, "new")).toBe(12);
  expect(readsOf(stand)).toBe(reads);
  expect(await runsOfTwelve(stand, "slow")).toBe(0);
  stand.check();
});

test.each([29, 30, 31])(
  "an actor that is loaded and stored while a census of it and %i more runs is known, though the census may not come to its record",
  async (others) => {
    const stand = new Stand({ partitions: 1 });
    const first = await stand.open();
    for (let i = 0; i < others; i++) stand.start("rerun", `other-${i}`);
    await stand.settle();
    stand.start("rerun", "old", undefined, { headers: { [HEADERS.delay]: "60000" } });
    await stand.settle();
    await first.stop();
    await stand.open({ knownIds: EAGER });
    const stop = stand.world.onStep((step) => {
      if (step.kind !== "requestSent" || step.request !== "census") return;
      stop();
      stand.send("rerun", "old", { type: "cancel" });
    });
    stand.start("rerun", "new");
    await stand.settle();
    expect(stand.state("rerun", "old")).toBe("failed");
    const reads = readsOf(stand);
    stand.start("rerun", "newer");
    await stand.settle();
    expect(readsOf(stand)).toBe(reads);
    stand.start("rerun", "old");
    await stand.settle();
    expect(stand.runsOf("rerun/old")).toEqual([]);
    stand.check();
  },
);

test("what a host knows ends with its connection", async () => {
  const stand = await acquainted();
  const [{ attachment }] = stand.processes as [never];
  (attachment as { disconnect(): void }).disconnect();
  await stand.advance(100);
  (attachment as { reconnect(): void }).reconnect();
  await stand.advance(TTL_MS);
  const reads = readsOf(stand);
  stand.start("rerun", "new");
  await stand.settle();
  expect(stand.state("rerun", "new")).toBe("done");
  expect(readsOf(stand)).toBe(reads + 1);
  stand.check();
});

test("what a host knows ends where its deliveries go astray", async () => {
  const stand = await acquainted();
  for (const partition of [0, 1]) stand.world.rewind(partition, "in.normal");
  await stand.settle();
  const reads = readsOf(stand);
  stand.start("rerun", "new");
  await stand.settle();
  expect(readsOf(stand)).toBe(reads + 1);
  stand.check();
});

/** A start that waits in the host for the slot that another task has. */
async function queued(): Promise<{ readonly stand: Stand; readonly process: Process }> {
  const stand = new Stand();
  const process = await stand.open({ knownIds: EAGER, concurrency: 1 });
  await acquaint(stand);
  stand.start("rerun", "blocker", { ms: 10 });
  await stand.settle();
  stand.start("rerun", "contended");
  await stand.settle();
  expect(stand.runsOf("rerun/blocker")).toHaveLength(1);
  expect(stand.runsOf("rerun/contended")).toEqual([]);
  return { stand, process };
}

test("a host begins nothing while it has no connection, new as the id may be", async () => {
  const { stand, process } = await queued();
  process.attachment.disconnect();
  await stand.advance(100);
  expect(stand.runsOf("rerun/contended")).toEqual([]);
  process.attachment.reconnect();
  await stand.advance(TTL_MS);
  expect(stand.runsOf("rerun/contended")).toHaveLength(1);
  expect(stand.state("rerun", "contended")).toBe("done");
  stand.check();
});

test.each([1, 2, 3, 4, 5, 6])("a host that was frozen relies on nothing that it knew before (%i)", async (seed) => {
  const stand = await acquainted({ seed });
  const [process] = stand.processes as [Process];
  process.freeze();
  // On the way to the process, which finds it before it looks at the time.
  stand.start("rerun", "contended");
  await stand.advance(2 * TTL_MS);
  await stand.open();
  await stand.advance(1_000);
  expect(stand.state("rerun", "contended")).toBe("done");
  process.thaw();
  await stand.advance(TTL_MS);
  expect(stand.runsOf("rerun/contended").map(({ host }) => host)).toEqual(["host-2"]);
  stand.check();
});

test("nothing is relied on while the claim may have lapsed, nor after that", async () => {
  const clock = new VirtualClock();
  const world = createWorld({ clock, seed: 1, partitions: 1 });
  const { store } = world.attach("host-1");
  const log = { level: "warn", child: () => log, debug() {}, info() {}, warn() {}, error() {} };
  let isTrusted = true;
  const known = new KnownIds({ ...EAGER, store, clock, log, partitions: 1, isTrusted: () => isTrusted, inMemory: () => [] });
  const session = new Session(0, 1);
  known.note(session, "rerun/a");
  await clock.advance(100);
  let next = 1;
  const answers = (): readonly boolean[] => ["rerun/a", `rerun/${next++}`].map((key) => known.begin(session, key));
  expect(answers()).toEqual([false, true]);
  isTrusted = false;
  expect(answers()).toEqual([false, false]);
  isTrusted = true;
  expect(answers()).toEqual([false, false]);
  known.note(session, "rerun/c");
  await clock.advance(100);
  expect(answers()[1]).toBe(true);
  session.phase = "ended";
  expect(answers()).toEqual([false, false]);
});

test("a census that fails changes nothing, and is tried again later", async () => {
  const stand = new Stand();
  stand.world.faults.failRequests("census", { applied: true }, { times: 1 });
  await stand.open({ knownIds: EAGER });
  await acquaint(stand);
  expect(censusesOf(stand)).toBe(1);
  const reads = readsOf(stand);
  expect(await runsOfTwelve(stand, "second")).toBe(12);
  expect(readsOf(stand)).toBeGreaterThan(reads);
  await stand.advance(10_000);
  await acquaint(stand, "third");
  expect(censusesOf(stand)).toBeGreaterThan(1);
  stand.check();
});

test("where there are more records than a filter holds ids are looked up, until there is room again", async () => {
  const stand = new Stand();
  await stand.open({ knownIds: { ...EAGER, bytes: 128 } });
  for (let i = 0; i < 20; i++) await runsOfTwelve(stand, `batch-${i}`);
  const reads = readsOf(stand);
  expect(await runsOfTwelve(stand, "crowded")).toBe(12);
  expect(readsOf(stand)).toBeGreaterThan(reads);
  for (let i = 0; i < 20; i++) expect(await runsOfTwelve(stand, `batch-${i}`)).toBe(0);
  await stand.advance(RETENTION_MS);
  await acquaint(stand, "after");
  const later = readsOf(stand);
  expect(await runsOfTwelve(stand, "sparse")).toBe(12);
  expect(readsOf(stand)).toBe(later);
  stand.check();
});
