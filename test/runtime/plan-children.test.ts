import { setup } from "xstate";
import { describe, expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { asked, played, Trip, type Asked, type Errand, type TripOptions } from "./trip.ts";

describe("a child that fails", () => {
  test("is tried again in place after a delay, as often as its kind's policy says", async () => {
    const trip = new Trip(() => ({ onFailure: { job: { policy: "retry", attempts: 3, minDelayMs: 5_000, jitter: 0 } } }));
    const startedAt = trip.stand.clock.now();
    await played(trip, { errands: [{ key: "a", failures: 2 }, { key: "b" }] });
    expect(trip.state).toBe("done");
    expect(trip.stand.clock.now() - startedAt).toBeGreaterThanOrEqual(15_000);
    expect(trip.children).toEqual(["job a done", "job a failed", "job a failed", "job b done"]);
    expect(trip.context.book.tally).toEqual({ total: 2, done: 2, failed: 0, dropped: 0 });
    expect(trip.leftovers).toEqual([]);
  });

  test("that has used up its tries fails the plan", async () => {
    const trip = new Trip(() => ({ onFailure: { job: { policy: "retry", attempts: 2, minDelayMs: 100 } } }));
    await played(trip, { errands: [{ key: "a", failures: 9 }] });
    expect(trip.state).toBe("failed");
    expect(trip.children).toEqual(["job a failed", "job a failed"]);
  });

  test("is replaced by others in one commit, which know what to avoid", async () => {
    const avoided: unknown[] = [];
    const trip = new Trip(() => ({
      onFailure: {
        job: {
          policy: "reschedule",
          rounds: 2,
          replace: ({ key, excluded = [], error }) => {
            avoided.push(excluded);
            const failures = key === "a" ? 1 : 0;
            return {
              children: ["x", "y"].map((part) => ({ kind: "job", key: key + part, input: { key: key + part, failures } })),
              exclude: [`${key} ${error.code}`],
            };
          },
        },
      },
    }));
    await played(trip, { errands: [{ key: "a", failures: 1 }] });
    expect(trip.state).toBe("done");
    expect(trip.children).toEqual([
      "job a failed",
      "job ax failed",
      "job axx done",
      "job axy done",
      "job ay failed",
      "job ayx done",
      "job ayy done",
    ]);
    expect(avoided).toEqual([[], ["a asked"], ["a asked"]]);
    expect(trip.context.book.tally).toEqual({ total: 4, done: 4, failed: 0, dropped: 0 });
    expect(trip.leftovers).toEqual([]);
  });

  test("may not be replaced for ever", async () => {
    const trip = new Trip(() => ({
      onFailure: { job: { policy: "reschedule", rounds: 2, replace: ({ input }) => ({ children: [{ kind: "job", input }] }) } },
    }));
    await played(trip, { errands: [{ key: "a", failures: 9 }] });
    expect(trip.state).toBe("failed");
    expect(trip.children).toEqual(["job a failed", "job a_1_1 failed", "job a_1_1_2_1 failed"]);
  });

  test("is dropped where its target is gone, and whoever waits for it goes on", async () => {
    const trip = new Trip(() => ({ order: "graph", onFailure: { job: { policy: "drop", when: ({ error }) => error.code === "asked" } } }));
    await played(trip, {
      errands: [
        { key: "a", failures: 1 },
        { key: "b", after: ["a"] },
      ],
    });
    expect(trip.state).toBe("done");
    expect(trip.context.book.tally).toEqual({ total: 2, done: 1, failed: 0, dropped: 1 });
  });

  test("by a rule that throws fails the plan, and says so", async () => {
    const trip = new Trip(() => ({
      onFailure: {
        job: {
          policy: "drop",
          when: () => {
            throw new Error("no rule");
          },
        },
      },
    }));
    await played(trip, { errands: [{ key: "a", failures: 1 }] });
    expect(trip.context.error).toMatchObject({ code: "transition_threw", cause: { message: "no rule" } });
    expect(trip.leftovers).toEqual([]);
  });
});

describe("children begin", () => {
  test("no more at once than the limit", async () => {
    const trip = new Trip(() => ({ concurrency: 3 }));
    await played(trip, { errands: Array.from({ length: 20 }, (_, i) => ({ key: `k${i}`, ms: 10 })) });
    expect(trip.stand.mostRunning).toBe(3);
    expect(trip.log).toHaveLength(20);
  });

  test("step after step", async () => {
    const trip = new Trip(() => ({ order: "steps" }));
    const errands: Errand[] = [
      ["a", 0, 50],
      ["b", 0, 10],
      ["c", 1, 50],
      ["d", 1, 10],
      ["e", 4, 1],
    ].map(([key, step, ms]) => ({ key, step, ms }) as Errand);
    await played(trip, { errands });
    expect(trip.log).toEqual(["job b", "job a", "job d", "job c", "job e"]);
  });

  test("each after those that it names", async () => {
    const trip = new Trip(() => ({ order: "graph" }));
    const errands: Errand[] = [
      { key: "report", after: ["left", "right"] },
      { key: "left", after: ["root"], ms: 30 },
      { key: "right", after: ["root"], ms: 10 },
      { key: "root" },
    ];
    await played(trip, { errands });
    expect(trip.log).toEqual(["job root", "job right", "job left", "job report"]);
  });

  test("and are undone in reverse: step after step too, each undone before those that it was built on", async () => {
    const trip = new Trip(() => ({ order: "steps", rollbackConcurrency: 5 }));
    const errands: Errand[] = [
      { key: "a", step: 0 },
      { key: "b", step: 1 },
      { key: "c", step: 2, failures: 1 },
    ];
    await played(trip, { errands });
    expect(trip.log).toEqual(["job a", "job b", "unjob b", "unjob a"]);
    expect(trip.leftovers).toEqual([]);
  });
});

describe("what cannot be run is refused, and nothing of it begins", () => {
  test.each([
    ["a cycle", { errands: [{ key: "a", after: ["b"] }, { key: "b", after: ["a"] }, { key: "c" }] }, ["a", "b"]],
    ["a child that waits for nobody", { errands: [{ key: "a", after: ["z"] }] }, ["a"]],
    ["the same key twice", { errands: [{ key: "a" }, { key: "a" }] }, ["a"]],
  ])("%s", async (_what, input, paths) => {
    const trip = new Trip(() => ({ order: "graph" }));
    await played(trip, input);
    expect(trip.context.error).toMatchObject({ code: "bad_plan" });
    expect(trip.context.error?.faults?.map(({ path }) => path)).toEqual(paths);
    expect(trip.log).toEqual([]);
    expect(trip.leftovers).toEqual([]);
  });

  test.each([
    ["an unknown kind", { kind: "nobody" }],
    ["a key that is none", { kind: "job", key: "" }],
    ["a key of ours", { kind: "job", key: "plan.finish" }],
    ["a step that is none", { kind: "job", step: 0.5 }],
  ])("%s", async (_what, child) => {
    const trip = new Trip(() => ({ order: "steps", expand: () => [child] }));
    await played(trip, asked());
    expect(trip.context.error).toMatchObject({ code: "bad_plan" });
    expect(trip.leftovers).toEqual([]);
  });

  test("a step after a later one", async () => {
    const trip = new Trip(() => ({ order: "steps" }));
    await played(trip, {
      errands: [
        { key: "a", step: 1 },
        { key: "b", step: 0 },
      ],
    });
    expect(trip.context.error).toMatchObject({ code: "bad_plan", faults: [{ path: "b" }] });
  });
});

describe("children of a plan", () => {
  const machine = setup({}).createMachine({
    initial: "here",
    states: { here: { after: { 5: "gone" } }, gone: { type: "final" } },
    output: "by a machine",
  });
  const clerk = defineActor({ name: "clerk", machine });
  const guard = defineActor({ name: "guard", machine: setup({}).createMachine({}) });

  test("may be actors, whose end is heard", async () => {
    const options: TripOptions = {
      children: { clerk },
      compensate: {},
      expand: () => [{ kind: "clerk" }],
      collect: (_, { output }) => output,
    };
    const trip = new Trip(() => options, {}, [clerk]);
    await played(trip, asked());
    expect([trip.state, trip.record.output]).toEqual(["done", "by a machine"]);
    expect(trip.leftovers).toEqual([]);
  });

  test("that are actors are stopped when the plan fails", async () => {
    const expand = () => [
      { kind: "guard", key: "g" },
      { kind: "job", key: "a", input: { key: "a", ms: 5, failures: 1 } },
    ];
    const trip = new Trip(() => ({ children: { guard, job: "job" }, compensate: {}, expand }), {}, [guard]);
    await played(trip, asked());
    expect(trip.state).toBe("failed");
    expect(trip.stand.record("guard", "trip~1~g~2")?.status).toBe("stopped");
    expect(trip.leftovers).toEqual([]);
  });

  test("of a type that nobody hosts fail the plan", async () => {
    const trip = new Trip(() => ({ children: { far: "far" }, compensate: {}, expand: () => [{ kind: "far" }] }));
    await played(trip, asked());
    expect(trip.context.error).toMatchObject({ code: "child_failed", cause: { code: "unknown_type" } });
  });

  test("may be plans, this one too: what they did is undone by themselves", async () => {
    const trip = new Trip(() => ({
      children: { job: "job", unjob: "unjob", trip: "trip" },
      concurrency: 1,
      expand: function* ({ input }) {
        const { errands, inner } = input as Asked & { inner?: Asked };
        if (inner !== undefined) yield { kind: "trip", key: "inner", input: inner };
        for (const errand of errands) yield { kind: "job", key: errand.key, input: errand };
      },
    }));
    await played(trip, { errands: [{ key: "a" }], inner: { errands: [{ key: "b" }, { key: "c", failures: 1 }] } } as Asked);
    expect(trip.state).toBe("failed");
    expect(trip.log).toEqual(["job b", "unjob b"]);
    expect(trip.leftovers).toEqual([]);
  });
});
