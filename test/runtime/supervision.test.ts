import { fromPromise, setup } from "xstate";
import { describe, expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { alive, crew, crewOf, heard, idOf, kid, tell } from "./crew.ts";
import { Stand } from "./stage.ts";

/** Failures as hosts tell of them, and what their supervisor makes of them. */
const TTL_MS = 3_000;
const SLOW = { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 2, jitter: 0 };

describe("a child is begun again, and its parent's machine hears nothing, when", () => {
  test("its machine throws", async () => {
    const { stand } = await crewOf({});
    tell(stand, "b", "count");
    tell(stand, "b", "boom");
    await stand.settle();
    expect(alive(stand)).toEqual(["1~a~1", "1~c~3", "1~b~4"]);
    expect(kid(stand, "b")?.context).toEqual({ input: "B", heard: 0 });
    expect(stand.record("crew-kid", "1~b~2")).toMatchObject({ status: "stopped" });
    expect(crew(stand).supervision).toMatchObject({
      restarts: [{ child: "b" }],
      last: { child: "b", directive: "restart", error: { code: "transition_threw", message: expect.stringContaining("boom") as string } },
    });
    expect(heard(stand)).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("its machine throws, and that ends it", async () => {
    const { stand } = await crewOf({}, { onThrow: "fail" });
    tell(stand, "b", "boom");
    await stand.settle();
    expect(alive(stand)).toEqual(["1~a~1", "1~c~3", "1~b~4"]);
    expect(stand.record("crew-kid", "1~b~2")).toMatchObject({ status: "error" });
    expect(heard(stand)).toEqual([]);
  });

  test("it ends in error", async () => {
    const { stand } = await crewOf({});
    tell(stand, "b", "die");
    await stand.settle();
    expect(alive(stand)).toEqual(["1~a~1", "1~c~3", "1~b~4"]);
    expect(crew(stand).supervision?.last.error).toMatchObject({ message: "died" });
    expect(stand.deadLetters).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
  });

  test("it is sent what it cannot read, which becomes a dead letter", async () => {
    const { stand } = await crewOf({});
    stand.raw("event", "crew-kid", "1~b~2", "not JSON");
    await stand.settle();
    expect(stand.deadLetters).toMatchObject([{ key: "crew-kid/1~b~2", code: "bad_payload" }]);
    expect(alive(stand)).toEqual(["1~a~1", "1~c~3", "1~b~4"]);
    expect(crew(stand).supervision?.last.error.code).toBe("bad_payload");
    expect(stand.unacknowledged).toEqual([]);
  });

  test("it could not begin, as often as it may", async () => {
    const { stand } = await crewOf({ restarts: { max: 1 } });
    for (const id of ["1~b~4", "1~b~5"]) stand.start("crew-kid", id, "an impostor");
    await stand.settle();
    tell(stand, "b", "die");
    await stand.settle();
    expect(crew(stand)).toMatchObject({ status: "error", error: { code: "id_taken" }, supervision: { last: { why: "exhausted" } } });
    expect(alive(stand)).toEqual(["1~b~4", "1~b~5"]);
  });

  test("it is a task whose attempts are used up, or work whose attempts are", async () => {
    const tried: number[] = [];
    const machine = setup({
      actors: {
        job: fromPromise(async () => ""),
        work: fromPromise(() => {
          tried.push(stand.clock.now());
          return Promise.reject(new Error("no luck"));
        }),
      },
    }).createMachine({
      invoke: [
        { id: "j", src: "job", input: { failures: 9 } as never },
        { id: "w", src: "work" },
      ],
    });
    const stand = new Stand({
      tasks: (process) => {
        const job = process.standard({ name: "job", retry: { attempts: 2, minDelayMs: 500, jitter: 0 } });
        const activities = { work: { retry: { attempts: 3, minDelayMs: 1_000, factor: 2, jitter: 0 } } };
        const supervise = { restarts: { max: 2, within: "1h" }, backoff: SLOW } as const;
        return [defineActor({ name: "crew", machine, children: { job }, activities, supervise }), job];
      },
    });
    await stand.open();
    stand.start("crew", "1");
    const begun = stand.clock.now();
    await stand.advance(60_000);
    expect(stand.runs.map(({ key, at, attempt }) => [key, at - begun, attempt])).toEqual([
      ["job/crew~1~j~1", 0, 1],
      ["job/crew~1~j~1", 500, 2],
      ["job/crew~1~j~12", 10_500, 1],
      ["job/crew~1~j~12", 11_000, 2],
    ]);
    expect(tried.map((at) => at - begun)).toEqual([0, 1_000, 3_000]);
    expect(crew(stand)).toMatchObject({ status: "error", supervision: { last: { why: "exhausted" } } });
    expect(
      crew(stand)
        .supervision?.restarts.map(({ child }) => child)
        .sort(),
    ).toEqual(["j", "w"]);
    expect(stand.world.timers).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});

test.each([
  ["one-for-all", ["1~a~4", "1~b~5", "1~c~6"]],
  ["rest-for-one", ["1~a~1", "1~b~4", "1~c~5"]],
] as const)("%s: the others are stopped and begin again with it", async (strategy, left) => {
  const { stand } = await crewOf({ strategy, children: ["a", "b", "c"] });
  for (const id of ["a", "b", "c"]) tell(stand, id, "count");
  tell(stand, "b", "boom");
  await stand.settle();
  expect(alive(stand)).toEqual(left);
  expect(["a", "b", "c"].map((id) => (kid(stand, id)?.context as { input: string } | undefined)?.input)).toEqual(["A", "B", "C"]);
  expect(heard(stand)).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
});

test("what a replaced child still says of its end is not heard", async () => {
  const { stand } = await crewOf({ strategy: "one-for-all" });
  tell(stand, "b", "boom");
  tell(stand, "a", "end");
  await stand.settle();
  expect(alive(stand)).toHaveLength(3);
  expect(crew(stand).supervision?.restarts).toHaveLength(1);
});

describe("resume", () => {
  test("a child that threw goes on where it was, with its work and its timers as they are", async () => {
    const { stand, runs } = await crewOf({ directive: "resume" });
    tell(stand, "b", "work");
    await stand.settle();
    tell(stand, "b", "boom");
    await stand.settle();
    expect(kid(stand, "b")).toMatchObject({ status: "active", value: "working", context: { heard: 0 } });
    expect(kid(stand, "b")?.parked).toBeUndefined();
    await stand.advance(2_000);
    expect(kid(stand, "b")?.context).toMatchObject({ heard: 50 });
    await stand.advance(3_000);
    expect(kid(stand, "b")?.context).toMatchObject({ heard: 100 });
    expect(runs).toEqual(["B"]);
    expect(idOf(stand, "b")).toBe("1~b~2");
    expect(crew(stand).supervision).toMatchObject({ restarts: [], last: { directive: "resume" } });
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("one whose host died while it was set aside takes its work up again", async () => {
    const { stand, runs, host } = await crewOf({ directive: "resume" }, { nearMail: false });
    tell(stand, "b", "work");
    await stand.settle();
    stand.world.onStep((step) => {
      if (step.kind === "commitApplied" && kid(stand, "b")?.parked !== undefined) host.kill("arrives");
    });
    tell(stand, "b", "boom");
    await stand.advance(TTL_MS);
    expect(host.isDead).toBe(true);
    await stand.open();
    await stand.advance(20_000);
    expect(kid(stand, "b")).toMatchObject({ value: "working", context: { heard: 100 } });
    expect(runs).toEqual(["B", "B"]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});

test("one that nobody supervises, taken up by a person on another host, has its timers and its work again", async () => {
  const { stand, runs, host } = await crewOf(undefined);
  tell(stand, "b", "work");
  await stand.settle();
  tell(stand, "b", "boom");
  await stand.settle();
  expect(kid(stand, "b")?.parked).toBeDefined();
  host.kill();
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(5_000);
  expect(kid(stand, "b")?.context).toMatchObject({ heard: 0 });
  tell(stand, "b", "retry");
  await stand.settle();
  expect(kid(stand, "b")).toMatchObject({ context: { heard: 50 } });
  await stand.advance(5_000);
  expect(kid(stand, "b")).toMatchObject({ context: { heard: 100 } });
  expect(runs).toEqual(["B", "B"]);
  expect(stand.unacknowledged).toEqual([]);
});

test("stop: nobody hears of the child any more", async () => {
  const { stand } = await crewOf({ directive: "stop" });
  tell(stand, "b", "boom");
  await stand.settle();
  expect(alive(stand)).toEqual(["1~a~1", "1~c~3"]);
  expect(crew(stand).ended).toEqual([2]);
  expect(heard(stand)).toEqual([]);
});

test("a parent that gives up fails, and its own supervisor begins it again with all its children", async () => {
  const inner = setup({ actors: { leaf: fromPromise(async () => 0) } }).createMachine({
    id: "inner",
    invoke: [
      { id: "x", src: "leaf", input: { endless: true } as never },
      { id: "y", src: "leaf", input: { ms: 1_000, failures: 99 } as never },
    ],
  });
  const outer = setup({ actors: { inner: fromPromise(async () => 0) } }).createMachine({ invoke: { id: "i", src: "inner" } } as never);
  const stand = new Stand({
    tasks: (process) => {
      const leaf = process.standard({ name: "leaf", retry: { attempts: 1 } });
      const middle = defineActor({ name: "inner", machine: inner, children: { leaf }, supervise: { restarts: { max: 1 } } });
      return [
        defineActor({ name: "outer", machine: outer, children: { inner: middle }, supervise: { restarts: { max: 1 } } }),
        middle,
        leaf,
      ];
    },
  });
  await stand.open();
  stand.start("outer", "1");
  await stand.advance(2_500);
  expect(stand.record("inner", "outer~1~i~1")).toMatchObject({ status: "error", supervision: { last: { why: "exhausted" } } });
  expect(stand.record("inner", "outer~1~i~2")).toMatchObject({ status: "active" });
  expect(stand.running).toBe(2);
  await stand.advance(2_000);
  expect(stand.record("outer", "1")).toMatchObject({ status: "error", supervision: { last: { child: "i", why: "exhausted" } } });
  expect(stand.running).toBe(0);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
