import { fromPromise, setup, spawnChild } from "xstate";
import { describe, expect, test } from "vitest";
import type { CrashPolicy } from "../../src/core/definition.ts";
import { defineActor } from "../../src/define-actor.ts";
import { supervisor } from "../../src/supervisor.ts";
import { alive, crew, crewOf, idOf, tell } from "./crew.ts";
import { Stand } from "./stage.ts";

/** Restarts of many, restarts that wait, and supervisors that are machines of their own. */
const TTL_MS = 3_000;
const SLOW = { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 2, jitter: 0 };

test("more children than a commit has room for are all begun again, each once", async () => {
  const leaf = setup({ actors: { death: fromPromise(() => Promise.reject(new Error("died"))) } }).createMachine({
    initial: "alive",
    states: { alive: { on: { die: "dying" } }, dying: { invoke: { id: "death", src: "death" } } },
  });
  const ids = Array.from({ length: 70 }, (_, i) => `k${i}`);
  const machine = setup({ actors: { leaf } }).createMachine({ entry: ids.map((id) => spawnChild("leaf", { id })) });
  const stand = new Stand({ maxWrites: 50, tasks: () => [defineActor({ name: "crew", machine, supervise: { strategy: "one-for-all" } })] });
  await stand.open();
  stand.start("crew", "1");
  await stand.settle();
  expect(alive(stand, "crew-leaf")).toHaveLength(70);
  stand.send("crew-leaf", idOf(stand, "k7"), { type: "die" });
  await stand.settle();
  const known = Object.values(crew(stand).children ?? {});
  expect(known.every(({ generation }) => generation > 70)).toBe(true);
  expect(alive(stand, "crew-leaf").toSorted()).toEqual(known.map(({ id }) => id).toSorted());
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

describe("a restart that waits", () => {
  test("survives its host: the timer, the order and the window with it", async () => {
    const { stand, host } = await crewOf({ strategy: "rest-for-one", backoff: SLOW, restarts: { max: 2, within: "1h" } });
    tell(stand, "b", "boom");
    await stand.settle();
    expect(alive(stand)).toEqual(["1~a~1"]);
    expect(stand.world.timers).toHaveLength(1);
    host.kill();
    // Where no host lives the server's schedule fires, a second after its time.
    await stand.advance(11_000);
    expect(alive(stand)).toEqual(["1~a~1"]);
    await stand.open();
    await stand.settle();
    expect(alive(stand)).toEqual(["1~a~1", "1~b~5", "1~c~6"]);
    tell(stand, "b", "boom");
    await stand.advance(19_999);
    expect(alive(stand)).toEqual(["1~a~1"]);
    await stand.advance(1);
    expect(alive(stand)).toHaveLength(3);
    tell(stand, "c", "boom");
    await stand.settle();
    expect(crew(stand)).toMatchObject({ status: "error", supervision: { last: { why: "exhausted" } } });
    expect(alive(stand)).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
  });

  test.each([
    ["leaves", "idle"],
    ["ends", "close"],
  ])("is withdrawn when its parent %s", async (_how, type) => {
    const { stand } = await crewOf({ backoff: SLOW });
    tell(stand, "b", "boom");
    await stand.settle();
    stand.send("crew", "1", { type });
    await stand.settle();
    expect(stand.world.timers).toEqual([]);
    await stand.advance(60_000);
    expect(alive(stand)).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
  });
});

test.each([
  ["rerun", 4],
  ["fail", 2],
] as const)("work (%s) whose host is killed: attempts are not taken up while they wait", async (onCrash: CrashPolicy, most) => {
  let runs = 0;
  const work = fromPromise(() => {
    runs++;
    return Promise.reject(new Error("no luck"));
  });
  const machine = setup({ actors: { work } }).createMachine({ invoke: { id: "w", src: "work" } });
  const stand = new Stand({
    tasks: () => [
      defineActor({
        name: "crew",
        machine,
        activities: { work: { onCrash, retry: { attempts: 2, minDelayMs: 8_000, jitter: 0 } } },
      }),
    ],
  });
  const host = await stand.open();
  stand.start("crew", "1");
  await stand.settle();
  expect(runs).toBe(1);
  host.kill();
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(1_000);
  expect(runs).toBe(1);
  await stand.advance(10_000);
  expect(runs).toBe(2);
  expect(runs).toBeLessThanOrEqual(most);
  expect(crew(stand)).toMatchObject({ status: "error", error: { message: "no luck" } });
  expect(stand.unacknowledged).toEqual([]);
});

test("a supervisor as a machine of its own is durable like any other", async () => {
  const worker = setup({ actors: { death: fromPromise(() => Promise.reject(new Error("died"))) } }).createMachine({
    initial: "alive",
    states: { alive: { on: { die: "dying" } }, dying: { invoke: { id: "d", src: "death" } } },
  });
  const machine = supervisor({ strategy: "one-for-all", backoff: SLOW }).provide({ actors: { worker } });
  const stand = new Stand({ tasks: () => [defineActor({ name: "boss", machine })] });
  const host = await stand.open();
  stand.start("boss", "1", { children: ["A", "B"].map((input) => ({ id: input.toLowerCase(), src: "worker", input })) });
  await stand.settle();
  expect(alive(stand, "boss-worker")).toEqual(["1~a~1", "1~b~2"]);
  stand.send("boss-worker", "1~a~1", { type: "die" });
  await stand.settle();
  expect(alive(stand, "boss-worker")).toEqual([]);
  host.kill();
  await stand.advance(11_000);
  await stand.open();
  await stand.settle();
  expect(alive(stand, "boss-worker")).toHaveLength(2);
  expect(stand.record("boss", "1")).toMatchObject({ status: "active", context: { supervision: { restarts: [{ child: "a" }] } } });
});
