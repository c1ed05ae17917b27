import { assign, fromPromise, setup } from "xstate";
import { describe, expect, test } from "vitest";
import type { Migrate, StoredSnapshot } from "../../src/core/versions.ts";
import { defineActor } from "../../src/define-actor.ts";
import { box, deploys, heard, order, record, redeployed, renamed, replaced, wider, type Options } from "./deploys.ts";
import type { HostOptions, Process } from "./process.ts";
import { Stand } from "./stage.ts";

describe("a migration", () => {
  test("that throws parks the actor; a mended one takes it up again, with everything that was sent", async () => {
    const broken: Migrate = () => {
      throw new Error("no idea");
    };
    const stand = deploys(
      {},
      { version: 2, machine: renamed, migrate: { 1: broken } },
      { version: 2, machine: renamed, migrate: { 1: box } },
    );
    const second = await redeployed(stand, () => stand.send("order", "7", { type: "b" }));
    expect(record(stand)).toMatchObject({ version: "1", value: "packing", parked: { reason: "migration_failed" } });
    await replaced(stand, second);
    expect(record(stand)).toMatchObject({ version: "2", value: "boxing", context: { heard: ["a", "b"] } });
    expect(stand.deadLetters).toEqual([]);
  });

  test.each<[string, (stand: Stand) => void, HostOptions]>([
    ["", () => {}, {}],
    [", also on a host with no room for idle actors", () => {}, { cacheBytes: 1 }],
    [
      ", also where everything came twice",
      (stand: Stand) => {
        for (const partition of [0, 1]) stand.world.rewind(partition, "in.event");
      },
      {},
    ],
  ])("that is mended meanwhile is heard of by `retry`%s", async (_how, disturb, options) => {
    let isMended = false;
    const mended: Migrate = (snapshot) => {
      if (!isMended) throw new Error("no idea");
      return box(snapshot);
    };
    const stand = deploys({}, { version: 2, machine: renamed, migrate: { 1: mended } });
    await redeployed(stand, () => stand.send("order", "7", { type: "b" }), options);
    stand.send("order", "7", { type: "c" });
    await stand.settle();
    disturb(stand);
    await stand.settle();
    isMended = true;
    stand.send("order", "7", { type: "retry" });
    stand.send("order", "7", { type: "go" });
    await stand.settle();
    expect(record(stand)).toMatchObject({ version: "2", value: "shipping", context: { heard: ["a", "b", "c"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("whose result cannot be stored parks the actor", async () => {
    const large: Migrate = ({ value }) => ({ value, context: { heard: ["x".repeat(9_000)] } });
    const versions: readonly Options[] = [{}, { version: 2, migrate: { 1: large } }];
    const stand = new Stand({ maxRecordBytes: 8_000, tasks: ({ name }) => [order(versions[Number(name.slice(5)) - 1] ?? {})] });
    await redeployed(stand, () => stand.send("order", "7", { type: "b" }));
    expect(record(stand)).toMatchObject({ version: "1", context: { heard: ["a"] }, parked: { reason: "migration_failed" } });
    expect(stand.deadLetters).toEqual([]);
  });
});

describe("wherever the new host dies", () => {
  /** The story with the second host killed at its n-th step, another of the same version after it, and one with `last` at the end. */
  async function story(killAt: number, second: Options, last: Options): Promise<{ stand: Stand; steps: number; parked: boolean }> {
    const stand = deploys({}, second, second, last);
    const first = await stand.open();
    stand.start("order", "7");
    stand.send("order", "7", { type: "a" });
    await stand.settle();
    first.kill();
    stand.send("order", "7", { type: "b" });
    stand.send("order", "7", { type: "c" });
    let steps = 0;
    const killed = stand.launch({ soonRounds: 0 });
    const unlisten = stand.world.onStep((step) => {
      if ("host" in step && step.host === killed.name && ++steps === killAt) killed.kill();
    });
    void killed.host.start().catch(() => {});
    await stand.advance(2_000);
    unlisten();
    const next = await replaced(stand, killed);
    const parked = record(stand)?.parked !== undefined;
    await replaced(stand, next);
    return { stand, steps, parked };
  }

  test.each<[string, Options, Options, boolean]>([
    [
      "a migration is done once",
      { version: 2, machine: renamed, migrate: { 1: box } },
      { version: 2, machine: renamed, migrate: { 1: box } },
      false,
    ],
    [
      "a misfit is parked, and goes on later",
      { version: 2, machine: renamed },
      { version: 3, machine: renamed, migrate: { 1: box } },
      true,
    ],
    ["a state that resolves goes on", { version: 2, machine: wider }, { version: 2, machine: wider }, false],
  ])("%s, and every event is heard once", async (_what, second, last, isParked) => {
    const { steps: all } = await story(Infinity, second, last);
    expect(all).toBeGreaterThan(10);
    for (let killAt = 1; killAt <= all; killAt++) {
      const { stand, parked } = await story(killAt, second, last);
      expect(heard(stand), `killed at step ${killAt}`).toEqual(["a", "b", "c"]);
      expect(parked).toBe(isParked);
      expect(record(stand)?.version).toBe(String(last.version));
      expect([stand.deadLetters, stand.unacknowledged]).toEqual([[], []]);
      stand.check();
    }
  });
});

describe("a migration to a state that works", () => {
  const waiting = setup({}).createMachine({ id: "order", initial: "idle", states: { idle: {} } });
  const working = (process: Process, ms: number) =>
    setup({
      actors: { job: fromPromise(async () => (await process.pause(ms), "made")) },
      actions: { hear: assign({}) },
    }).createMachine({
      id: "order",
      initial: "busy",
      states: {
        busy: { invoke: { id: "job", src: "job", onDone: "done" }, after: { 60_000: "late" }, on: { wake: { actions: "hear" } } },
        done: { type: "final" },
        late: { type: "final" },
      },
    });
  const toBusy: Migrate = ({ context }) => ({ value: "busy", context });
  const stand = (ms: number, onCrash: "rerun" | "fail" | "park" = "rerun") =>
    new Stand({
      tasks: (process) => [
        process.name === "host-1"
          ? defineActor({ name: "order", machine: waiting })
          : defineActor({
              name: "order",
              version: 2,
              machine: working(process, ms),
              migrate: { 1: toBusy },
              activities: { job: { onCrash } },
            }),
      ],
    });
  const open = async (stage: Stand): Promise<Process> => {
    const first = await stage.open();
    stage.start("order", "7");
    await stage.settle();
    return replaced(stage, first, () => stage.send("order", "7", { type: "wake" }));
  };

  test("begins the work once, and hears its end", async () => {
    const stage = stand(1_000);
    await open(stage);
    expect(record(stage)).toMatchObject({ value: "busy", activities: { job: { reruns: 0 } } });
    expect(stage.unacknowledged).toHaveLength(1);
    await stage.advance(1_500);
    expect(record(stage)).toMatchObject({ status: "done", value: "done" });
    expect(stage.unacknowledged).toEqual([]);
  });

  test("fires its timer where the work takes longer", async () => {
    const stage = stand(100_000);
    await open(stage);
    await stage.advance(61_000);
    expect(record(stage)).toMatchObject({ status: "done", value: "late" });
  });

  test("takes the work up again when the host dies, by its crash policy", async () => {
    const rerun = stand(10_000);
    await replaced(rerun, await open(rerun));
    expect(record(rerun)).toMatchObject({ value: "busy", activities: { job: { reruns: 1 } } });
    await rerun.advance(10_500);
    expect(record(rerun)).toMatchObject({ value: "done" });
    const park = stand(10_000, "park");
    await replaced(park, await open(park));
    expect(record(park)).toMatchObject({ value: "busy", parked: { reason: "crashed" } });
  });
});

describe("a task", () => {
  test("migrates its input", async () => {
    const inputs: unknown[] = [];
    const stand = new Stand({
      tasks: (process) => [
        process.task<unknown, string>({
          name: "resize",
          version: process.name === "host-1" ? 1 : 2,
          ...(process.name === "host-1"
            ? {}
            : {
                migrate: {
                  1: ({ value, context }: StoredSnapshot<{ input: unknown }>) => ({
                    value,
                    context: { ...context, input: { width: context.input } },
                  }),
                },
              }),
          run: async ({ input }) => {
            if (process.name === "host-1") await process.pause(60_000);
            inputs.push(input);
            return "made";
          },
        }),
      ],
    });
    const first = await stand.open();
    stand.start("resize", "7", 640);
    await stand.settle();
    await replaced(stand, first);
    expect(stand.record("resize", "7")).toMatchObject({ version: "2", value: "done", output: "made" });
    expect(inputs).toEqual([{ width: 640 }]);
    stand.check();
  });

  test("whose migration is mended takes no slot that another has", async () => {
    let isMended = false;
    const mended: Migrate = (snapshot) => {
      if (!isMended) throw new Error("no idea");
      return snapshot;
    };
    const stand = new Stand({
      tasks: (process) => [
        process.standard({ name: "resize", ...(process.name === "host-1" ? {} : { version: 2, migrate: { 1: mended } }) }),
      ],
    });
    const first = await stand.open({ concurrency: 1 });
    stand.start("resize", "7", { ms: 3_000 });
    await stand.settle();
    await replaced(stand, first, () => stand.start("resize", "7"), { concurrency: 1 });
    expect(stand.record("resize", "7")).toMatchObject({ value: "doing", parked: { reason: "migration_failed" } });
    for (let i = 0; i < 3; i++) stand.start("rerun", `${i}`, { ms: 5_000 });
    isMended = true;
    stand.send("resize", "7", { type: "retry" });
    await stand.advance(30_000);
    expect(stand.record("resize", "7")).toMatchObject({ value: "done", version: "2" });
    expect(stand.mostRunning).toBe(1);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("of a newer version waits, and gives its slot to others; a second start of it waits too", async () => {
    const stand = new Stand({
      tasks: (process) => [process.standard({ name: "resize", version: process.name === "host-2" ? 1 : 2, retry: { attempts: 1 } })],
    });
    const first = await stand.open({ concurrency: 1 });
    stand.start("resize", "7", { ms: 60_000 });
    await stand.settle();
    first.kill();
    const second = await stand.open({ concurrency: 1 });
    await stand.until(() => second.phases.every((phase) => phase === "running"));
    stand.start("resize", "7", {}, { headers: { "Troupe-Reply": "answers" } });
    stand.start("resize", "8");
    stand.start("rerun", "9");
    await stand.settle();
    expect(stand.record("resize", "7")).toMatchObject({ value: "doing", parked: { reason: "newer_version" } });
    expect([stand.state("resize", "8"), stand.state("rerun", "9")]).toEqual(["done", "done"]);
    expect(stand.mostRunning).toBe(1);
    second.kill();
    const third = await stand.open({ concurrency: 1 });
    await stand.until(() => third.phases.every((phase) => phase === "running"));
    await stand.advance(61_000);
    expect(stand.record("resize", "7")).toMatchObject({ value: "done" });
    expect(stand.replies).toMatchObject([{ id: "7", state: "done", duplicate: true }]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});
