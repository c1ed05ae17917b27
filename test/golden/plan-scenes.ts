import { HEADERS } from "../../src/core/envelope.ts";
import type { PlanContext } from "../../machines/plan-context.ts";
import { isEnded, type ActorRecord } from "../../src/core/record.ts";
import { definePlan } from "../../src/define-plan.ts";
import { Trip, type Errand, type TripOptions } from "../runtime/trip.ts";
import type { Stand } from "../runtime/stage.ts";
import { dies, type Scene } from "./scene.ts";

/** Plans in the middle of their work and of its undoing. What was written here once is never changed: add another. */
const trips = new WeakMap<Stand, Trip>();

/** Of the stand's own trip: what its user code did is in its log. */
function played(options: (trip: Trip) => TripOptions): Scene["stand"] {
  return (stand) => {
    const trip = new Trip(options, stand, [
      definePlan({
        name: "tour",
        children: { trip: "trip" },
        order: "graph",
        ackOn: "accepted",
        *expand() {
          for (const [key, ...after] of [["north"], ["south", "north"]] as const)
            yield { kind: "trip", key, after, input: { errands: many(40) } };
        },
      }),
    ]);
    trips.set(trip.stand, trip);
    return trip.stand;
  };
}

const many = (count: number): readonly Errand[] =>
  Array.from({ length: count }, (_, i) => ({ key: String(i + 1), ms: 20, step: Math.floor(i / 10) }));
/** What a plan knows, in a record that is there. */
const known = (record: ActorRecord | undefined): PlanContext => record?.context as PlanContext;
const tripOf = (stand: Stand): Trip => trips.get(stand) as Trip;
const hasEnded = (stand: Stand, type: string): boolean => {
  const record = stand.record(type, "1");
  return record !== undefined && isEnded(record);
};

/** Retried once, replaced once, dropped, or fatal: by the number of the child. */
const FAILING: Readonly<Record<number, string>> = { 3: "retry", 5: "reschedule", 7: "drop" };
const middle: Scene = {
  stand: played(() => ({
    concurrency: 5,
    prepare: () => ({ count: 300 }),
    *expand({ cursor, prepared }) {
      const { count } = prepared as { count: number };
      for (let i = ((cursor as { last: number } | undefined)?.last ?? 0) + 1; i <= count; i++)
        yield { kind: "job", key: `c${i}`, input: { key: `c${i}`, ms: 10, failures: i in FAILING ? 9 : 0 }, cursor: { last: i } };
    },
    collect: (count) => ((count as number | undefined) ?? 0) + 1,
    onFailure: {
      job: [
        { when: ({ key }) => key === "c3", policy: "retry", attempts: 2, minDelayMs: 20_000, jitter: 0 },
        {
          when: ({ key }) => key === "c5",
          policy: "reschedule",
          replace: () => ({ children: [{ kind: "job", key: "c5b", input: { key: "c5b", ms: 5_000 } }], exclude: ["a host"] }),
        },
        { policy: "drop" },
      ],
    },
    compensate: {},
    finish: ({ collected, children }) => ({ collected, children }),
  })),
  async bring(stand, host) {
    stand.start("trip", "1", { errands: [] }, { headers: { [HEADERS.replyTo]: "inbox" } });
    await dies(stand, host, () => stand.record("trip", "1") !== undefined && tripOf(stand).context.book.tally.done >= 20);
  },
  async goOn(stand, expect, held) {
    const before = known(held.get("trip/1"));
    expect(before).toMatchObject({ isExpanded: false, cursor: { at: { last: 256 }, count: 256 }, collected: before.book.tally.done });
    await stand.until(() => hasEnded(stand, "trip"), 120_000);
    await stand.settle();
    const children = { total: 300, done: 298, failed: 0, dropped: 2 };
    expect(tripOf(stand).record.output).toEqual({ collected: 298, children });
    // What was done before its host died is not done again.
    expect(tripOf(stand).log).toHaveLength(298 - before.book.tally.done);
    expect(stand.replies).toMatchObject([{ state: "done" }]);
  },
};

const UNDONE = 299;
const rollback: Scene = {
  stand: played(() => ({
    *expand() {
      for (let i = 1; i <= UNDONE + 1; i++) yield { kind: "job", key: `${i}`, input: { key: `${i}`, failures: i > UNDONE ? 9 : 0 } };
    },
    concurrency: 1,
  })),
  async bring(stand, host) {
    stand.start("trip", "1", { errands: [] });
    const undone = (): number => tripOf(stand).context.rollback?.compensated ?? 0;
    await dies(stand, host, () => stand.record("trip", "1") !== undefined && undone() >= 10, 600_000);
  },
  async goOn(stand, expect, held) {
    const before = known(held.get("trip/1"));
    expect(before.book.page).not.toBeNull();
    expect([...held.keys()].filter((key) => key.startsWith("trip-page/"))).toHaveLength(1);
    await stand.until(() => hasEnded(stand, "trip"), 600_000);
    await stand.settle();
    expect(tripOf(stand).state).toBe("failed");
    expect(tripOf(stand).context).toMatchObject({
      error: { code: "child_failed" },
      rollback: { state: "done", compensated: UNDONE, failed: 0 },
    });
    const left = UNDONE - (before.rollback?.compensated ?? 0);
    expect(tripOf(stand).log).toEqual(Array.from({ length: left }, (_, i) => `unjob ${left - i}`));
  },
};

const stopping: Scene = {
  stand: played(() => ({})),
  async bring(stand, host) {
    stand.start("trip", "1", { errands: [{ key: "a" }, { key: "b", ms: 100, failures: 9 }, { key: "c", ms: 60_000 }] });
    await dies(stand, host, () => stand.state("trip", "1") === "doing.rollingBack.stopping");
  },
  async goOn(stand, expect) {
    await stand.until(() => hasEnded(stand, "trip"), 120_000);
    await stand.settle();
    expect([tripOf(stand).state, tripOf(stand).log]).toEqual(["failed", ["unjob a"]]);
    expect(tripOf(stand).context).toMatchObject({
      error: { code: "child_failed" },
      rollback: { state: "done", compensated: 1 },
      book: { tally: { total: 3, done: 1, failed: 2, dropped: 0 } },
    });
  },
};

const ofPlans: Scene = {
  stand: played(() => ({ order: "steps", concurrency: 4 })),
  async bring(stand, host) {
    stand.start("tour", "1");
    const told = (): number => known(stand.record("tour", "1")).book.live[0]?.told?.done ?? 0;
    await dies(stand, host, () => stand.record("tour", "1") !== undefined && told() >= 10);
  },
  async goOn(stand, expect, held) {
    expect(known(held.get("tour/1")).book.waiting).toMatchObject([{ key: "south", after: ["north"] }]);
    await stand.until(() => hasEnded(stand, "tour"), 120_000);
    await stand.settle();
    expect(stand.record("tour", "1")?.value).toBe("done");
    expect(stand.record("tour", "1")?.context).toMatchObject({
      acknowledged: "accepted",
      book: { tally: { total: 2, done: 2 }, inner: { total: 78, done: 78 } },
    });
  },
};

export const PLAN_SCENES: Readonly<Record<string, Scene>> = {
  "a plan in the middle of its children": middle,
  "a plan that undoes page by page": rollback,
  "a plan that waits for those it cancelled": stopping,
  "a plan of plans": ofPlans,
};
