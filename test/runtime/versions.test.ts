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
  states: { boxing: { on: { go: "shipping", ...heardBy("a", "b", "c", "retry") } }, shipping: { on: { done: "over" } }, over: { type: "final" } },
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
      parked: { reason: "unknown_state", error: { code: "unknown_state", faults: [{ path: "order.packing", message: "is no state of this version" }] } },
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
    const stand = deploys({}, { version: 2, machine: renamed }, { version: 2, machine: renamed }, { version: 3, machine: renamed, migrate: { 1: box } });
    const second = await redeployed(stand, () => send(stand, "b", "c"));
    const third = await replaced(stand, second, () => send(stand, last));
    const { revision } = record(stand) ?? {};
    expect(revision).toBe(3);
    await replaced(stand, third);
    expect(heard(stand)).toEqual(last === "b" ? ["a", "b", "c", "b"] : ["a", "b", "c"]);
    stand.check();
  });
});
