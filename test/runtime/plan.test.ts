import { describe, expect, test } from "vitest";
import { asked, Trip, type Asked } from "./trip.ts";

describe("a plan", () => {
  test("prepares, expands, runs its children, finishes and cleans up", async () => {
    const trip = new Trip(({ log }) => ({
      prepare: ({ input }) => (log.push("prepare"), { count: input.errands.length }),
      collect: (all, { output }) => [...((all as unknown[] | undefined) ?? []), output],
      finish: ({ collected, prepared, children }) => (log.push("finish"), { collected, prepared, children }),
      cleanup: ({ error }) => void log.push(`cleanup ${error?.code ?? "after success"}`),
    }));
    const { stand, log } = trip;
    await stand.open();
    stand.start("trip", "1", asked("a", "b", "c"));
    await stand.settle();
    expect(trip.state).toBe("done");
    expect([log[0], log.slice(1, 4).toSorted(), log.slice(4)]).toEqual([
      "prepare",
      ["job a", "job b", "job c"],
      ["finish", "cleanup after success"],
    ]);
    expect(trip.record.output).toMatchObject({ prepared: { count: 3 }, children: { total: 3, done: 3, failed: 0, dropped: 0 } });
    expect((trip.record.output as { collected: string[] }).collected.toSorted()).toEqual(["A", "B", "C"]);
    expect(trip.record.children).toEqual({});
    expect(trip.leftovers).toEqual([]);
  });

  test("of nothing is done at once", async () => {
    const trip = new Trip();
    await trip.stand.open();
    trip.stand.start("trip", "1", asked());
    await trip.stand.settle();
    expect(trip.state).toBe("done");
    expect(trip.leftovers).toEqual([]);
  });

  test("that is refused by prepare runs nothing, but cleans up", async () => {
    const trip = new Trip(({ log }) => ({
      prepare: () => Promise.reject(Object.assign(new Error("no tickets"), { retryable: false })),
      cleanup: ({ error }) => void log.push(`cleanup ${error?.message}`),
    }));
    await trip.stand.open();
    trip.stand.start("trip", "1", asked("a"));
    await trip.stand.settle();
    expect(trip.state).toBe("failed");
    expect(trip.log).toEqual(["cleanup no tickets"]);
    expect(trip.context).toMatchObject({ error: { message: "no tickets" }, rollback: null });
  });

  test("whose child fails undoes what was done, the latest first, and tells both outcomes", async () => {
    const trip = new Trip(({ log }) => ({
      concurrency: 1,
      cleanup: ({ error, rollback }) => void log.push(`cleanup ${error?.code} ${rollback?.state}`),
    }));
    await trip.stand.open();
    trip.stand.start("trip", "1", { errands: [{ key: "a" }, { key: "b" }, { key: "c", failures: 1 }, { key: "d" }] } satisfies Asked);
    await trip.stand.settle();
    expect(trip.state).toBe("failed");
    expect(trip.log).toEqual(["job a", "job b", "unjob b", "unjob a", "cleanup child_failed done"]);
    expect(trip.context).toMatchObject({
      error: { code: "child_failed", cause: { message: "c was asked to fail" } },
      rollback: { state: "done", compensated: 2, failed: 0 },
      book: { tally: { total: 4, done: 2, failed: 1, dropped: 0 } },
    });
    expect(trip.leftovers).toEqual([]);
  });
});
