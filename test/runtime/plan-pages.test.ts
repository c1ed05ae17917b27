import { describe, expect, test } from "vitest";
import type { PlanContext } from "../../machines/plan-context.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import { textOf } from "../../src/core/ref.ts";
import { asRecord } from "../../src/core/record.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { Step } from "../../src/memory/steps.ts";
import type { Commit } from "../../src/ports/store.ts";
import { Trip, type TripOptions } from "./trip.ts";

/**
 * Plans whose children come, and are undone, page by page, and hosts that die between two pages: with every commit that turns one, another
 * host.
 */
const COUNT = 600;
const DOWN_MS = 700;

const COMMITS = ["commitSent", "commitReceived", "commitApplied", "commitAnswered"] as const;
const DEATHS = COMMITS.flatMap((kind) => (["lost", "arrives"] as const).map((underWay) => [kind, underWay] as const));

/** What the plan knows after a commit; undefined where the commit is not about it. */
function known({ writes }: Commit): PlanContext | undefined {
  const write = writes.find((each) => each.kind === "record" && each.address.type === "trip");
  return write?.kind === "record" ? (asRecord(decodeRecord(write.bytes)).context as PlanContext) : undefined;
}

/** Plays a trip of which one host after the other dies, each with the first commit after which the plan is on another page. */
async function play(
  options: (trip: Trip) => TripOptions,
  pageOf: (plan: PlanContext) => string,
  [kind, underWay]: readonly [Step["kind"], InFlight],
): Promise<{ trip: Trip; pages: readonly string[] }> {
  const trip = new Trip(options, { maxLatencyMs: 3 });
  const { stand } = trip;
  const pages: string[] = [];
  stand.world.onStep((step) => {
    if (step.kind !== kind || !("commit" in step)) return;
    const plan = known(step.commit);
    const page = plan === undefined ? "" : pageOf(plan);
    if (page === "" || pages.includes(page)) return;
    pages.push(page);
    stand.processes.find(({ name, isDead }) => name === step.host && !isDead)?.kill(underWay);
    stand.clock.after(DOWN_MS, () => void stand.launch({ concurrency: 100 }).host.start());
  });
  await stand.open({ concurrency: 100 });
  stand.start("trip", "1", { errands: [] });
  await stand.until(() => trip.hasEnded, 600_000);
  await stand.advance(10_000);
  return { trip, pages };
}

const jobs = (failing: number, more: (i: number) => object): TripOptions["expand"] & {} =>
  function* ({ cursor }) {
    for (let i = ((cursor as { last: number } | undefined)?.last ?? 0) + 1; i <= COUNT; i++)
      yield {
        kind: "job",
        key: `k${i}`,
        input: { key: `k${i}`, ms: i === failing ? 5_000 : 5, failures: i === failing ? 99 : 0 },
        ...more(i),
      };
  };

describe.each(DEATHS)("hosts that die at %s of each page, what they sent last %s", (...death) => {
  test.each([
    ["cursors", (i: number) => ({ cursor: { last: i } })],
    ["no cursors", () => ({})],
  ])("while a plan takes in its children with %s: each is known and done once", { timeout: 60_000 }, async (_how, more) => {
    const { trip, pages } = await play(
      () => ({ concurrency: 50, expand: jobs(-1, more), collect: (count) => ((count as number | undefined) ?? 0) + 1 }),
      ({ cursor: { count }, isExpanded }) => (count === 0 ? "" : `${count}${isExpanded ? " all" : ""}`),
      death,
    );
    expect(pages).toEqual(["256", "512", "600 all"]);
    expect(trip.stand.processes).toHaveLength(4);
    expect([trip.state, trip.record.output, trip.context.book.tally]).toEqual([
      "done",
      COUNT,
      { total: COUNT, done: COUNT, failed: 0, dropped: 0 },
    ]);
    expect(trip.leftovers).toEqual([]);
  });

  test("while it undoes them: each is undone once, from the last page to the first", { timeout: 60_000 }, async () => {
    const { trip, pages } = await play(
      () => ({ concurrency: 50, rollbackConcurrency: 50, expand: jobs(COUNT, () => ({})) }),
      ({ rollback, book: { page } }) => (rollback === null ? "" : (textOf(page) ?? "none")),
      death,
    );
    // A page that was asked for and given within one commit is never seen on top.
    expect(pages.length).toBeGreaterThanOrEqual(2);
    expect(pages.at(-1)).toBe("none");
    expect([trip.state, trip.context.error?.code, trip.context.rollback]).toEqual([
      "failed",
      "child_failed",
      { state: "done", compensated: COUNT - 1, failed: 0, errors: [] },
    ]);
    expect(trip.children.filter((child) => child.startsWith("unjob"))).toHaveLength(COUNT - 1);
    expect(trip.leftovers).toEqual([]);
  });
});
