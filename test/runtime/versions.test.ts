import { assign, fromPromise, setup } from "xstate";
import { describe, expect, test } from "vitest";
import type { Migrate } from "../../src/core/versions.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

interface Context {
  readonly heard: readonly string[];
}

const hear = assign<Context, never, undefined, never, never>({
  heard: ({ context, event }) => [...context.heard, (event as { type: string }).type],
});
const heardBy = (...types: string[]) => Object.fromEntries(types.map((type) => [type, { actions: hear as never }]));

/** Packs, then ships; what it hears it remembers. */
const v1 = setup({ types: { context: {} as Context } }).createMachine({
  id: "order",
  context: { heard: [] },
  initial: "packing",
  states: { packing: { on: { go: "shipping", ...heardBy("a", "b", "c") } }, shipping: { on: { done: "over" } }, over: { type: "final" } },
});
/** One more state; none is missing. */
const wider = setup({ types: { context: {} as Context } }).createMachine({
  id: "order",
  context: { heard: [] },
  initial: "packing",
  states: {
    packing: { on: { check: "checking", go: "shipping", ...heardBy("a", "b", "c") } },
    checking: {},
    shipping: { on: { done: "over" } },
    over: { type: "final" },
  },
});
/** `packing` has another name. */
const renamed = setup({ types: { context: {} as Context } }).createMachine({
  id: "order",
  context: { heard: [] },
  initial: "boxing",
  states: {
    boxing: { on: { go: "shipping", ...heardBy("a", "b", "c", "retry") } },
    shipping: { on: { done: "over" } },
    over: { type: "final" },
  },
});

type Options = Omit<ActorOptions<typeof v1>, "name" | "machine"> & { readonly machine?: typeof v1 | typeof wider | typeof renamed };
const order = ({ machine = v1, ...options }: Options) => defineActor({ name: "order", machine: machine as typeof v1, ...options });
const box: Migrate = ({ value, ...rest }) => ({ ...rest, value: value === "packing" ? "boxing" : value });

/** Each host in turn has the next of these definitions. */
const deploys = (...versions: readonly Options[]): Stand =>
  new Stand({ tasks: ({ name }) => [order(versions[Number(name.slice(5)) - 1] ?? {})] });

const record = (stand: Stand) => stand.record("order", "7");
const heard = (stand: Stand) => (record(stand)?.context as Context | undefined)?.heard;
const lastWarnings = (stand: Stand) => (stand.processes.at(-1) as Process).warnings;

/** `order/7` on a host with the first version, which then dies; and a host with the next one. */
async function redeployed(stand: Stand, sendMeanwhile: () => void = () => {}): Promise<Process> {
  const first = await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "a" });
  await stand.settle();
  expect(record(stand)).toMatchObject({ version: "1", value: "packing", context: { heard: ["a"] } });
  return replaced(stand, first, sendMeanwhile);
}

async function replaced(stand: Stand, host: Process, sendMeanwhile: () => void = () => {}): Promise<Process> {
  host.kill();
  sendMeanwhile();
  const next = await stand.open();
  await stand.until(() => next.phases.every((phase) => phase === "running"));
  await stand.settle();
  return next;
}

describe("a deploy whose states include the old ones", () => {
  test("goes on, and the record is of the new version after the next turn", async () => {
    const stand = deploys({}, { version: 2, machine: wider });
    await redeployed(stand, () => stand.send("order", "7", { type: "b" }));
    expect(record(stand)).toMatchObject({ version: "2", value: "packing", context: { heard: ["a", "b"] } });
    stand.send("order", "7", { type: "check" });
    await stand.settle();
    expect(record(stand)).toMatchObject({ value: "checking" });
    expect(record(stand)?.parked).toBeUndefined();
    stand.check();
  });

  test("leaves an actor alone that nothing is sent to", async () => {
    const stand = deploys({}, { version: 2, machine: wider });
    await redeployed(stand);
    expect(record(stand)).toMatchObject({ version: "1", revision: 2 });
  });
});

describe("a deploy without a state that an actor is in", () => {
  const send = (stand: Stand, ...types: string[]) => {
    for (const type of types) stand.send("order", "7", { type });
  };

  test("parks it with the exact path, and what is sent to it waits", async () => {
    const stand = deploys({}, { version: 2, machine: renamed });
    await redeployed(stand, () => send(stand, "b"));
    send(stand, "c");
    await stand.settle();
    expect(record(stand)).toMatchObject({
      version: "1",
      value: "packing",
      context: { heard: ["a"] },
      parked: {
        reason: "unknown_state",
        error: { code: "unknown_state", faults: [{ path: "order.packing", message: "is no state of this version" }] },
      },
    });
    expect(stand.deadLetters).toEqual([]);
    expect(stand.unacknowledged).toHaveLength(2);
    expect(lastWarnings(stand).filter((words) => words.startsWith("parked"))).toHaveLength(1);
    stand.check();
  });

  test("goes on with a definition that fits, and hears everything in order, once", async () => {
    const stand = deploys({}, { version: 2, machine: renamed }, { version: 3, machine: renamed, migrate: { 1: box } });
    const second = await redeployed(stand, () => send(stand, "b", "a"));
    send(stand, "c");
    await stand.settle();
    await replaced(stand, second, () => send(stand, "b"));
    expect(record(stand)).toMatchObject({ version: "3", value: "boxing", context: { heard: ["a", "b", "a", "c", "b"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("goes on with the version of old again", async () => {
    const stand = deploys({}, { version: 2, machine: renamed }, {});
    const second = await redeployed(stand, () => send(stand, "b"));
    await replaced(stand, second, () => send(stand, "go", "done"));
    expect(record(stand)).toMatchObject({ version: "1", status: "done", context: { heard: ["a", "b"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
  });

  test("does not stand in the way of others", async () => {
    const stand = deploys({}, { version: 2, machine: renamed });
    await redeployed(stand, () => send(stand, "b"));
    for (let i = 0; i < 20; i++) stand.start("order", `new-${i}`);
    for (let i = 0; i < 20; i++) stand.send("order", `new-${i}`, { type: "c" });
    await stand.settle();
    for (let i = 0; i < 20; i++) expect(stand.record("order", `new-${i}`)).toMatchObject({ value: "boxing", context: { heard: ["c"] } });
    expect(stand.unacknowledged).toHaveLength(1);
  });

  test("hears `retry` at once, and stays parked where nothing has changed", async () => {
    const stand = deploys({}, { version: 2, machine: renamed });
    await redeployed(stand, () => send(stand, "b"));
    send(stand, "retry", "c");
    await stand.settle();
    expect(record(stand)).toMatchObject({ parked: { reason: "unknown_state" }, context: { heard: ["a"] } });
    expect(stand.unacknowledged).toHaveLength(2);
  });

  test.each(["b", "retry"])("keeps what waits when its host dies, however often: after %s", async (last) => {
    const stand = deploys(
      {},
      { version: 2, machine: renamed },
      { version: 2, machine: renamed },
      { version: 3, machine: renamed, migrate: { 1: box } },
    );
    const second = await redeployed(stand, () => send(stand, "b", "c"));
    const third = await replaced(stand, second, () => send(stand, last));
    const { revision } = record(stand) ?? {};
    expect(revision).toBe(3);
    await replaced(stand, third);
    expect(heard(stand)).toEqual(last === "b" ? ["a", "b", "c", "b"] : ["a", "b", "c"]);
    stand.check();
  });
});

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

  test("that is mended meanwhile is heard of by `retry`", async () => {
    let isMended = false;
    const mended: Migrate = (snapshot) => {
      if (!isMended) throw new Error("no idea");
      return box(snapshot);
    };
    const stand = deploys({}, { version: 2, machine: renamed, migrate: { 1: mended } });
    await redeployed(stand, () => stand.send("order", "7", { type: "b" }));
    stand.send("order", "7", { type: "c" });
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
    const stand = new Stand({ maxWriteBytes: 8_000, tasks: ({ name }) => [order(versions[Number(name.slice(5)) - 1] ?? {})] });
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
    }).createMachine({
      id: "order",
      initial: "busy",
      states: {
        busy: { invoke: { id: "job", src: "job", onDone: "done" }, after: { 60_000: "late" } },
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

describe("a rolling deploy", () => {
  test("is safe where an old host gets what a new one wrote: it leaves it alone, and the next new one goes on", async () => {
    const stand = deploys({ version: 2, machine: wider }, { version: 1 }, { version: 2, machine: wider });
    const first = await stand.open();
    stand.start("order", "7");
    stand.send("order", "7", { type: "a" });
    await stand.settle();
    const before = record(stand);
    const second = await replaced(stand, first, () => stand.send("order", "7", { type: "b" }));
    const { parked, revision, epoch, updatedAt, ...left } = record(stand) ?? {};
    expect(parked).toMatchObject({ reason: "newer_version", error: { code: "newer_version" } });
    expect({ revision, hasEpoch: epoch !== undefined, hasTime: updatedAt !== undefined }).toEqual({
      revision: 3,
      hasEpoch: true,
      hasTime: true,
    });
    expect(before).toMatchObject(left);
    stand.send("order", "7", { type: "check" });
    await stand.settle();
    await replaced(stand, second);
    expect(record(stand)).toMatchObject({ version: "2", value: "checking", context: { heard: ["a", "b"] } });
    expect(record(stand)?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("hands actors from the old host to the new one when the old one drains", async () => {
    const stand = deploys({}, { version: 2, machine: renamed, migrate: { 1: box } });
    const old = await stand.open();
    for (let i = 0; i < 10; i++) stand.start("order", `${i}`);
    await stand.settle();
    await stand.open();
    await old.drain();
    for (let i = 0; i < 10; i++) stand.send("order", `${i}`, { type: "c" });
    await stand.until(() => Array.from({ length: 10 }, (_, i) => stand.record("order", `${i}`)).every((each) => each?.version === "2"));
    for (let i = 0; i < 10; i++) expect(stand.record("order", `${i}`)).toMatchObject({ value: "boxing", context: { heard: ["c"] } });
    stand.check();
  });
});

describe("versions side by side", () => {
  const kidOf = (id: string) => setup({}).createMachine({ id: "kid", initial: id, states: { [id]: { on: { x: {} } } } });
  const parentOf = (kid: string, state: string) =>
    setup({ actors: { kid: kidOf(kid) } }).createMachine({
      id: "order",
      initial: state,
      states: { [state]: { on: { go: "busy" } }, busy: { invoke: { id: "k", src: "kid" } } },
    });
  const one = () => defineActor({ name: "order", machine: parentOf("small", "old") });
  const two = () => defineActor({ name: "order", version: 2, machine: parentOf("large", "new"), versions: [one()] });

  test("let old actors go on under the old definition, with children of it, and new ones under the new", async () => {
    const stand = new Stand({ tasks: ({ name }) => [name === "host-1" ? one() : two()] });
    const first = await stand.open();
    stand.start("order", "7");
    await stand.settle();
    const second = await replaced(stand, first);
    stand.start("order", "8");
    for (const id of ["7", "8"]) stand.send("order", id, { type: "go" });
    await stand.settle();
    expect(record(stand)).toMatchObject({ version: "1", value: "busy" });
    expect(stand.record("order", "8")).toMatchObject({ version: "2", value: "busy" });
    const child = (id: string) => stand.record("order-kid", stand.record("order", id)?.children?.["k"]?.id ?? "");
    expect(child("7")).toMatchObject({ version: "1", value: "small" });
    expect(child("8")).toMatchObject({ version: "2", value: "large" });
    await replaced(stand, second, () => stand.send("order-kid", record(stand)?.children?.["k"]?.id ?? "", { type: "x" }));
    expect(child("7")).toMatchObject({ version: "1", value: "small" });
    expect(child("7")?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
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
            : { migrate: { 1: ({ value, context }) => ({ value, context: { ...context, input: { width: context.input } } }) } }),
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
