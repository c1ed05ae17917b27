import { describe, expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { asked, played, Trip, type TripOptions } from "./trip.ts";

/** Deadlines and timeouts of plans: the one is about when it begins, the other about one attempt of one of its phases. */
const deadlineAfter = (trip: Trip, ms: number, more: Readonly<Record<string, string>> = {}) => ({
  headers: { [HEADERS.deadline]: String(trip.stand.clock.now() + ms), ...more },
});

describe("a plan's deadline", () => {
  test.each([
    ["no host was there", 5_000, {}],
    ["no slot was free", 0, {}],
    ["it waited for its delay first", 0, { [HEADERS.delay]: "3000" }],
  ])("that passes before it begins, since %s, expires it: nothing runs, not even cleanup", async (_why, hostAfterMs, headers) => {
    const trip = new Trip(({ log }) => ({ prepare: () => void log.push("prepare"), cleanup: () => void log.push("cleanup") }));
    trip.stand.start("rerun", "busy", { ms: 30_000 });
    trip.stand.start("trip", "1", asked("a"), deadlineAfter(trip, 4_000, headers));
    await trip.stand.advance(hostAfterMs);
    await trip.stand.open({ concurrency: 1 });
    await trip.stand.advance(60_000);
    expect([trip.state, trip.log, trip.context.error?.code]).toEqual(["expired", [], "expired"]);
    expect(trip.children.filter((child) => !child.startsWith("rerun"))).toEqual([]);
    expect(trip.leftovers).toEqual([]);
  });

  test("that passes while it runs, or undoes, changes nothing", async () => {
    for (const failures of [0, 9]) {
      const trip = new Trip();
      await trip.stand.open();
      const errands = [{ key: "a" }, { key: "b", ms: 5_000, failures }];
      trip.stand.start("trip", "1", { errands }, deadlineAfter(trip, 1_000));
      await trip.stand.until(() => trip.hasEnded);
      await trip.stand.settle();
      expect([trip.state, trip.context.error?.code]).toEqual(failures === 0 ? ["done", undefined] : ["failed", "child_failed"]);
      expect(trip.leftovers).toEqual([]);
    }
  });
});

describe("a plan's timeout", () => {
  const never = (): Promise<never> => new Promise(() => {});
  const retry = { attempts: 2, minDelayMs: 1_000, jitter: 0 };

  test.each([
    ["prepare", { prepare: never }, []],
    [
      "expand",
      {
        async *expand() {
          yield { kind: "job", input: { key: "x" } };
          await never();
        },
      },
      [],
    ],
    ["finish", { finish: never }, ["job a", "unjob a"]],
  ] as const)("ends an attempt of %s; when the last is over the plan is rolled back", async (_phase, options, log) => {
    const trip = new Trip(() => ({ timeout: "2s", retry, ...(options as TripOptions) }));
    await played(trip, asked("a"));
    expect(trip.stand.clock.now() - trip.record.createdAt).toBeGreaterThanOrEqual(2 * 2_000 + 1_000);
    expect([trip.state, trip.context.error?.code, trip.log]).toEqual(["failed", "timeout", log]);
    expect(trip.leftovers).toEqual([]);
  });

  test("ends an attempt of cleanup, which changes nothing about how the plan ends", async () => {
    const trip = new Trip(() => ({ timeout: "2s", retry, cleanup: never }));
    await played(trip, asked("a"));
    expect([trip.state, trip.context.error, trip.context.cleanupError?.code]).toEqual(["done", null, "timeout"]);
    expect(trip.leftovers).toEqual([]);
  });

  test("is none of the children's, nor of the plan's as a whole", async () => {
    const trip = new Trip(() => ({ timeout: "2s", concurrency: 1 }));
    await played(trip, {
      errands: [
        { key: "a", ms: 10_000 },
        { key: "b", ms: 10_000 },
      ],
    });
    expect([trip.state, trip.log]).toEqual(["done", ["job a", "job b"]]);
  });

  test("counts anew for each batch of children, and goes on from the last cursor where one took too long", async () => {
    const calls: unknown[] = [];
    let isSlow = true;
    const trip = new Trip(() => ({
      timeout: "2s",
      retry,
      async *expand({ cursor }) {
        calls.push(cursor);
        for (let i = ((cursor as { last: number } | undefined)?.last ?? 0) + 1; i <= 400; i++) {
          if (i === 300 && isSlow) {
            isSlow = false;
            await never();
          }
          yield { kind: "job", key: `k${i}`, input: { key: `k${i}` }, cursor: { last: i } };
        }
      },
    }));
    await played(trip, asked());
    expect([trip.state, calls]).toEqual(["done", [undefined, { last: 256 }]]);
    expect(new Set(trip.log).size).toBe(400);
    expect(trip.log).toHaveLength(400);
    expect(trip.leftovers).toEqual([]);
  });
});
