import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, START_LANES } from "../../src/core/address.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import type { StepKind } from "../../src/memory/steps.ts";
import { POLICIES } from "./process.ts";
import { Stand } from "./stage.ts";
import { eachSource, launchInTrouble, POINTS, setting, type Incident, type Setting } from "./trouble.ts";

/** Those that come at least once, whatever happens. */
const COMMON_POINTS: ReadonlySet<StepKind> = new Set(["delivered", "commitSent", "commitReceived", "commitApplied", "commitAnswered"]);

interface Task {
  readonly policy: (typeof POLICIES)[number];
  readonly lane: (typeof START_LANES)[number];
  readonly ms: number;
  readonly failures: number;
  readonly delayMs: number;
  readonly cancelAfterMs: number | null;
  readonly twice: boolean;
  /** Started once more, when it may have ended long ago, by another host. */
  readonly againAfterMs: number | null;
}

interface Scenario extends Setting {
  readonly tasks: readonly Task[];
}

const task: fc.Arbitrary<Task> = fc.record({
  policy: fc.constantFrom(...POLICIES),
  lane: fc.constantFrom(...START_LANES),
  ms: fc.constantFrom(0, 0, 20, 700, 2_500),
  failures: fc.constantFrom(0, 0, 1),
  delayMs: fc.constantFrom(0, 0, 0, 500, 4_000),
  cancelAfterMs: fc.option(fc.constantFrom(0, 10, 600, 3_000), { freq: 5 }),
  twice: fc.boolean(),
  againAfterMs: fc.option(fc.constantFrom(100, 3_500, 9_000), { freq: 3 }),
});

const scenario: fc.Arbitrary<Scenario> = fc.record({
  ...setting,
  tasks: fc.array(task, { minLength: 1, maxLength: 10 }),
});

const LONGEST_MS = 600_000;

/** A stand where a scenario's incidents happen. */
async function play(plan: Scenario): Promise<Stand> {
  const { seed, latencyMs, overlap, concurrency, soonRounds, knownIds } = plan;
  const stand = new Stand({ seed, maxLatencyMs: latencyMs, singlesOverlap: overlap });
  launchInTrouble(stand, plan, plan.hosts, { concurrency, soonRounds, knownIds });
  plan.tasks.forEach((each, i) => stand.clock.after(i * 40, () => submit(stand, each, i)));
  return stand;
}

function submit(stand: Stand, each: Task, i: number): void {
  const { policy, lane, ms, failures, delayMs, cancelAfterMs, twice, againAfterMs } = each;
  const input = { ms, failures: policy === "rerun" ? failures : 0 };
  const headers = delayMs === 0 ? {} : { [HEADERS.delay]: String(delayMs) };
  stand.start(policy, `t${i}`, input, { lane, headers });
  if (twice) stand.start(policy, `t${i}`, input, { lane: "normal" });
  if (againAfterMs !== null) stand.clock.after(againAfterMs, () => stand.start(policy, `t${i}`, input, { lane: "normal" }));
  if (cancelAfterMs !== null) stand.clock.after(cancelAfterMs, () => stand.send(policy, `t${i}`, { type: "cancel" }));
}

/** How it came out, or undefined while it has not. */
function outcomeOf(stand: Stand, { policy }: Task, i: number): string | undefined {
  const [end] = stand.laws.ends.get(`${policy}/t${i}`) ?? [];
  return end ?? (stand.record(policy, `t${i}`)?.parked === undefined ? undefined : "parked");
}

/** Everything that broke the promise, in words. */
async function breachesOf(plan: Scenario): Promise<readonly string[]> {
  const stand = await play(plan);
  const outcomes = (): readonly (string | undefined)[] => plan.tasks.map((each, i) => outcomeOf(stand, each, i));
  await stand.until(() => !outcomes().includes(undefined), LONGEST_MS).catch(() => {});
  await stand.advance(30_000);
  // An acknowledgement that was lost is only made up for when its delivery comes again.
  stand.world.faults.clear();
  eachSource(stand, (partition, source) => stand.world.rewind(partition, source));
  await stand.advance(30_000);
  return [
    ...stand.laws.broken,
    ...plan.tasks.flatMap((each, i) => breachesOfTask(stand, each, i)),
    ...stand.unacknowledged.map((left) => `unacknowledged: ${left}`),
    ...stand.world.timers.map(({ owner, timer }) => `${formatAddress(owner)} has ended and its timer ${timer} is left`),
    ...diedTooSeldom(stand, plan),
  ];
}

function breachesOfTask(stand: Stand, each: Task, i: number): readonly string[] {
  const { policy, cancelAfterMs } = each;
  const key = `${policy}/t${i}`;
  const outcome = outcomeOf(stand, each, i);
  const runs = stand.runsOf(key).length;
  const ends = stand.laws.ends.get(key)?.length ?? 0;
  const laws: readonly (readonly [holds: boolean, words: string])[] = [
    [outcome !== undefined, `has come to no end: ${stand.state(policy, `t${i}`)}`],
    [outcome !== "done" || runs >= 1, "is done and never ran"],
    [policy === "rerun" || runs <= 1, `may run once and ran ${runs} times`],
    [policy !== "rerun" || cancelAfterMs !== null || outcome === "done", `may be repeated, was not cancelled, and is ${outcome}`],
    [outcome !== "parked" || policy === "park", "is parked"],
    [ends === (outcome === "parked" ? 0 : 1), `has ${ends} ends`],
  ];
  return laws.flatMap(([holds, words]) => (holds ? [] : [`${key} ${words}`]));
}

/**
 * Whether the kills that had to come did come. Only deliveries are certain to be as many as tasks: a host that was frozen, or claims
 * late, finds everything waiting and puts it into few commits.
 */
function diedTooSeldom(stand: Stand, { incidents, hosts, tasks }: Scenario): readonly string[] {
  const isCertain = ({ at, nth }: Incident): boolean => nth <= (at === "delivered" ? tasks.length : 1) && COMMON_POINTS.has(at);
  const isDue = incidents.some((each) => each.what === "kill" && isCertain(each));
  return isDue && stand.processes.length <= hosts ? ["nothing died"] : [];
}

test("whatever dies, freezes or is lost at whatever point: every task comes to exactly one end", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (plan) => {
      expect(await breachesOf(plan)).toEqual([]);
    }),
    { numRuns: Number(process.env["TROUPE_INTERLEAVINGS"] ?? 200), interruptAfterTimeLimit: 45_000, markInterruptAsFailure: false },
  );
});

test.each(POINTS.flatMap((at) => [1, 2, 3, 5, 8].map((nth) => [at, nth] as const)))(
  "a host that dies at %s number %i loses nothing and repeats nothing that it may not",
  async (at, nth) => {
    for (const underWay of ["lost", "arrives"] as const) {
      const tasks = Array.from({ length: 9 }, (_, i): Task => {
        const policy = POLICIES[i % 3] as Task["policy"];
        return {
          policy,
          lane: "normal",
          ms: i < 6 ? 0 : 300,
          failures: 0,
          delayMs: i === 8 ? 4_000 : 0,
          cancelAfterMs: null,
          twice: false,
          againAfterMs: i % 2 === 0 ? 6_000 : null,
        };
      });
      const plan: Scenario = {
        seed: nth,
        latencyMs: 5,
        overlap: true,
        soonRounds: 0,
        concurrency: 3,
        hosts: 1,
        knownIds: { bytes: 4_096, readsBeforeCensus: 1 },
        tasks,
        incidents: [{ at, nth, what: "kill", underWay }],
        commitFaults: [],
        lostAcks: 0,
        disturbances: [],
      };
      expect(await breachesOf(plan)).toEqual([]);
    }
  },
);
