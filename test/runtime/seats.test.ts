import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import { defineActor } from "../../src/define-actor.ts";
import { addressIn } from "../contract/fixture.ts";
import { POLICIES, type Process } from "./process.ts";
import { Stand } from "./stage.ts";

const TTL_MS = 3_000;
/** Until a host that has joined has its share: others look four times a second. */
const SOON_MS = 1_000;
const PARTITIONS = 8;

const share = ({ phases }: Process): number => phases.filter((phase) => phase === "running").length;
const shares = (...processes: readonly Process[]): readonly number[] => processes.map(share).toSorted((one, other) => other - one);
const idIn = (type: string, partition: number, name = "t"): string => addressIn(partition, PARTITIONS, name, type).id;
const claims = (stand: Stand): number => stand.stepsOf("claimed").length;

describe("shares", () => {
  test("are even after every host that joins, with no move more than that takes", async () => {
    const stand = new Stand({ partitions: PARTITIONS, maxLatencyMs: 5 });
    const hosts = [await stand.open()];
    for (const [expected, moves] of [
      [[4, 4], 4],
      [[3, 3, 2], 2],
      [[2, 2, 2, 2], 2],
    ] as const) {
      const before = claims(stand);
      hosts.push(await stand.open());
      await stand.advance(SOON_MS);
      expect(shares(...hosts)).toEqual(expected);
      expect(claims(stand) - before).toBe(moves);
      await stand.advance(60_000);
      expect(claims(stand) - before, "nothing moves any more").toBe(moves);
    }
  });

  test("are even when all hosts join at the same time, and nobody takes what another has", async () => {
    const stand = new Stand({ partitions: 16, maxLatencyMs: 40 });
    const hosts = Array.from({ length: 5 }, () => stand.launch());
    await Promise.all([...hosts.map(({ host }) => host.start()), stand.advance(4 * SOON_MS)]);
    expect(shares(...hosts)).toEqual([4, 3, 3, 3, 3]);
    const before = claims(stand);
    await stand.advance(60_000);
    expect(claims(stand)).toBe(before);
  });

  test("of a host that drains go to all others at once, each by a goodbye with its name", async () => {
    const stand = new Stand({ partitions: PARTITIONS });
    const hosts = [await stand.open(), await stand.open(), await stand.open()] as const;
    await stand.advance(SOON_MS);
    const [first, ...others] = hosts;
    const before = stand.clock.now();
    await first.drain();
    await stand.settle();
    expect(stand.clock.now() - before).toBeLessThan(100);
    expect(shares(...others)).toEqual([4, 4]);
    expect(first.host.hasLeft).toBe(true);
  });

  test("of a host that dies go to all others once its signs of life have run out", async () => {
    const stand = new Stand({ partitions: PARTITIONS });
    const hosts = [await stand.open(), await stand.open(), await stand.open()] as const;
    await stand.advance(SOON_MS);
    hosts[0].kill();
    await stand.advance(TTL_MS + SOON_MS);
    expect(shares(hosts[1], hosts[2])).toEqual([4, 4]);
  });

  test("come back to a host that was frozen, and to one that could give no sign of life", async () => {
    const stand = new Stand({ partitions: PARTITIONS });
    const hosts = [await stand.open(), await stand.open()] as const;
    await stand.advance(SOON_MS);
    hosts[0].freeze();
    await stand.advance(TTL_MS + SOON_MS);
    expect(share(hosts[1])).toBe(PARTITIONS);
    hosts[0].thaw();
    await stand.advance(2 * SOON_MS);
    expect(shares(...hosts)).toEqual([4, 4]);
    stand.world.faults.loseBeats({ times: 10, when: (host) => host === "host-2" });
    await stand.advance(TTL_MS + SOON_MS);
    expect(share(hosts[0])).toBe(PARTITIONS);
    await stand.advance(20_000);
    expect(shares(...hosts)).toEqual([4, 4]);
    stand.check();
  });

  test("are given back again where a goodbye got lost", async () => {
    const stand = new Stand({ partitions: PARTITIONS });
    const first = await stand.open();
    stand.world.faults.failRequests("release", { applied: false }, { times: 3 });
    const second = await stand.open();
    await stand.advance(4 * SOON_MS);
    expect(shares(first, second)).toEqual([4, 4]);
  });
});

describe("a partition that moves", () => {
  test("takes along what waits, and what works for longer than a moment begins again there", async () => {
    const stand = new Stand({ partitions: PARTITIONS });
    const first = await stand.open({ concurrency: PARTITIONS });
    for (let p = 0; p < PARTITIONS; p++) stand.start("rerun", idIn("rerun", p), { ms: 20_000 });
    for (let p = 0; p < PARTITIONS; p++) stand.start("rerun", idIn("rerun", p, "u"), { ms: 10 });
    await stand.advance(100);
    const second = await stand.open();
    await stand.advance(2 * SOON_MS);
    expect(shares(first, second)).toEqual([4, 4]);
    expect(stand.runs.filter(({ host }) => host === "host-2").map(({ attempt }) => attempt)).toContain(2);
    await stand.advance(30_000);
    expect([...stand.laws.ends.values()].map(String)).toEqual(Array(2 * PARTITIONS).fill("done"));
    expect(stand.runs.filter(({ ended }) => ended === "aborted")).toHaveLength(4);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test.each(["fail", "park"])("stays while work of type %s goes on, which may not run twice", async (type) => {
    const stand = new Stand({ partitions: PARTITIONS });
    const first = await stand.open();
    for (let p = 0; p < PARTITIONS; p++) stand.start(type, idIn(type, p), { ms: p < 6 ? 20_000 : 1 });
    await stand.advance(100);
    const second = await stand.open();
    await stand.advance(5_000);
    expect(shares(first, second)).toEqual([6, 2]);
    await stand.advance(30_000);
    expect(shares(first, second)).toEqual([4, 4]);
    expect([...stand.laws.ends.values()].map(String)).toEqual(Array(PARTITIONS).fill("done"));
    expect(stand.runs).toHaveLength(PARTITIONS);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("stays after all where such work begins at the last moment, and hears then what was sent meanwhile", async () => {
    const works: string[] = [];
    const stand = new Stand({ partitions: 1, maxLatencyMs: 2, tasks: (process) => [twoSteps(process, works)] });
    const first = await stand.open();
    stand.start("steps", "1");
    await stand.advance(20);
    const second = await stand.open();
    const moved = first.host.partitions[0]?.handOver({ graceMs: 100, whenBound: "stay" }, () => second.name);
    await stand.advance(50);
    expect(first.phases).toEqual(["draining"]);
    stand.send("steps", "1", { type: "note" });
    await stand.advance(100);
    await moved;
    expect(first.phases).toEqual(["running"]);
    expect(works).toEqual(["host-1 short", "host-1 precious"]);
    stand.send("steps", "1", { type: "note" });
    stand.start("rerun", "later");
    await stand.advance(500);
    expect(stand.record("steps", "1")?.context).toEqual({ notes: 2 });
    expect(stand.state("rerun", "later")).toBe("done");
    await stand.advance(10_000);
    expect(stand.laws.ends.get("steps/1")).toEqual(["done"]);
    expect(works).toHaveLength(2);
    expect([...stand.stepsOf("claimed")]).toHaveLength(1);
    expect(share(first) + share(second)).toBe(1);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("begins elsewhere within a few milliseconds where nothing holds it up", async () => {
    const stand = new Stand({ partitions: PARTITIONS, maxLatencyMs: 2 });
    await stand.open();
    const pauses: number[] = [];
    const releasedAt = new Map<number, number>();
    stand.world.onStep((step) => {
      if (step.kind === "released") releasedAt.set(step.partition, stand.clock.now());
      if (step.kind === "claimed" && releasedAt.has(step.partition)) pauses.push(stand.clock.now() - (releasedAt.get(step.partition) ?? 0));
    });
    await stand.open();
    await stand.advance(SOON_MS);
    expect(pauses).toHaveLength(4);
    expect(Math.max(...pauses)).toBeLessThan(10);
  });
});

/** An actor whose first work may run twice, and whose second may not. */
function twoSteps(process: Process, works: string[]) {
  const work = (name: string, ms: number) =>
    fromPromise(async ({ signal }) => {
      works.push(`${process.name} ${name}`);
      await process.pause(ms, signal);
    });
  const machine = setup({
    types: { context: {} as { notes: number } },
    actors: { short: work("short", 60), precious: work("precious", 5_000) },
  }).createMachine({
    context: { notes: 0 },
    initial: "first",
    on: { note: { actions: assign({ notes: ({ context }) => context.notes + 1 }) } },
    states: {
      first: { invoke: { id: "first", src: "short", onDone: "second" } },
      second: { invoke: { id: "second", src: "precious", onDone: "done" } },
      done: { type: "final" },
    },
  });
  return defineActor({ name: "steps", machine, activities: { precious: { onCrash: "park" } } });
}

interface Change {
  readonly atMs: number;
  readonly what: "join" | "drain" | "stop" | "kill" | "freeze" | "disconnect";
  readonly which: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  atMs: fc.integer({ min: 0, max: 20_000 }),
  what: fc.constantFrom("join", "join", "drain", "stop", "kill", "freeze", "disconnect"),
  which: fc.nat(20),
});

const upheaval = fc.record({
  seed: fc.nat(1_000_000),
  partitions: fc.constantFrom(3, 8, 16),
  latencyMs: fc.constantFrom(0, 5, 60),
  changes: fc.array(change, { minLength: 2, maxLength: 12 }),
  tasks: fc.array(
    fc.record({ policy: fc.constantFrom(...POLICIES), atMs: fc.integer({ min: 0, max: 18_000 }), ms: fc.constantFrom(0, 20, 700, 4_000) }),
    { minLength: 5, maxLength: 60 },
  ),
});

/** One that cannot join is a process that ends. */
function join(stand: Stand): void {
  const process = stand.launch();
  process.host.start().catch(() => process.kill());
}

function applyTo(stand: Stand, { what, which }: Change): void {
  const alive = stand.processes.filter(({ isDead, host }) => !isDead && !host.hasLeft);
  const process = alive[which % alive.length];
  if (what === "join" || process === undefined || alive.length === 1) join(stand);
  else if (what === "drain") void process.host.drain(2_000);
  else if (what === "stop") void process.host.stop();
  else if (what === "kill") process.kill();
  else if (what === "freeze") {
    process.freeze();
    stand.clock.after(4_500, () => process.thaw());
  } else {
    process.attachment.disconnect();
    stand.clock.after(700, () => process.attachment.reconnect());
  }
}

test("whoever comes, goes, dies or freezes under load: every task ends once, and the shares are even in the end", async () => {
  await fc.assert(
    fc.asyncProperty(upheaval, async ({ seed, partitions, latencyMs, changes, tasks }) => {
      const stand = new Stand({ seed, partitions, maxLatencyMs: latencyMs });
      for (const atMs of [0, 25_000]) stand.clock.after(atMs, () => join(stand));
      for (const each of changes) stand.clock.after(each.atMs, () => applyTo(stand, each));
      for (const [n, { policy, atMs, ms }] of tasks.entries()) stand.clock.after(atMs, () => stand.start(policy, `t${n}`, { ms }));
      await stand.advance(60_000);
      const alive = stand.processes.filter(({ isDead, host }) => !isDead && !host.hasLeft);
      const even = alive.map(share);
      expect(even.reduce((sum, each) => sum + each, 0)).toBe(partitions);
      expect(Math.max(...even) - Math.min(...even)).toBeLessThanOrEqual(1);
      for (const [n, { policy }] of tasks.entries()) {
        const isParked = stand.record(policy, `t${n}`)?.parked !== undefined;
        expect(stand.laws.ends.get(`${policy}/t${n}`)?.length ?? (isParked && policy === "park" ? 1 : 0)).toBe(1);
      }
      expect(stand.unacknowledged).toEqual([]);
      stand.check();
      const before = claims(stand);
      await stand.advance(20_000);
      expect(claims(stand), "nothing moves any more").toBe(before);
    }),
    { numRuns: 60 },
  );
}, 120_000);
