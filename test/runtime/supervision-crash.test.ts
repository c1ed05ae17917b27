import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { InFlight } from "../../src/memory/link.ts";
import type { StepKind } from "../../src/memory/steps.ts";
import { STRATEGIES } from "../../src/core/supervision.ts";
import type { SuperviseOptions } from "../../src/supervise.ts";
import { alive, crew, crewStand, heard, kid } from "./crew.ts";
import type { Process } from "./process.ts";
import type { Stand } from "./stage.ts";
import { TURN_POINTS } from "./trouble.ts";

/**
 * Supervision over hosts that die at every step: each failure is answered exactly once, every child lives exactly once, and nothing is
 * left over.
 */
const DOWN_MS = 700;
const WAYS = ["boom", "die", "poison"] as const;

interface Incident {
  readonly at: StepKind;
  readonly nth: number;
  readonly underWay: InFlight;
}

interface Scenario {
  readonly seed: number;
  readonly strategy: NonNullable<SuperviseOptions["strategy"]>;
  readonly delayMs: number;
  readonly failures: readonly { readonly child: "a" | "b" | "c"; readonly way: (typeof WAYS)[number] }[];
  readonly incidents: readonly Incident[];
}

/** Whoever dies is replaced soon. Counted from the first failure on. */
function arm(stand: Stand, incidents: readonly Incident[]): void {
  const left = incidents.map((each) => ({ ...each, count: each.nth }));
  stand.world.onStep((step) => {
    if (!("host" in step)) return;
    const process = stand.processes.find(({ name, isDead }) => name === step.host && !isDead);
    const incident = left.find((each) => each.at === step.kind);
    if (process === undefined || incident === undefined || --incident.count > 0) return;
    left.splice(left.indexOf(incident), 1);
    process.kill(incident.underWay);
    stand.clock.after(DOWN_MS, () => launch(stand));
  });
}

function launch(stand: Stand): void {
  const process: Process = stand.launch();
  process.host.start().catch(() => {
    process.kill("lost");
    stand.clock.after(DOWN_MS, () => launch(stand));
  });
}

/** One failure of one child, while hosts die. */
async function failing(stand: Stand, incidents: readonly Incident[], child: string, way: (typeof WAYS)[number]): Promise<void> {
  launch(stand);
  stand.start("crew", "1");
  await stand.advance(1_000);
  arm(stand, incidents);
  fail(stand, child, way);
  await stand.advance(incidents.length === 0 ? 500 : 20_000);
}

function fail(stand: Stand, child: string, way: (typeof WAYS)[number]): void {
  const id = crew(stand).children?.[child]?.id ?? "";
  if (way === "poison") stand.raw("event", "crew-kid", id, "not JSON");
  else stand.send("crew-kid", id, { type: way });
}

async function play(plan: Scenario): Promise<Stand> {
  const backoff = plan.delayMs === 0 ? {} : { backoff: { minDelayMs: plan.delayMs, maxDelayMs: plan.delayMs, factor: 1, jitter: 0 } };
  const supervise: SuperviseOptions = {
    strategy: plan.strategy,
    children: ["a", "b", "c"],
    restarts: { max: 9, within: "1h" },
    ...backoff,
  };
  const { stand } = crewStand(supervise, { seed: plan.seed, maxLatencyMs: 5 });
  launch(stand);
  stand.start("crew", "1");
  await stand.advance(1_000);
  arm(stand, plan.incidents);
  let answered = 0;
  for (const { child, way } of plan.failures) {
    fail(stand, child, way);
    answered++;
    const isAnswered = (): boolean => crew(stand).supervision?.restarts.length === answered && isWhole(stand);
    await stand.until(() => isAnswered(), 60_000).catch(() => {});
    await stand.advance(1_000);
  }
  await stand.advance(20_000);
  return stand;
}

/** Those that the parent knows live, and nobody else. */
function isWhole(stand: Stand): boolean {
  const { children = {}, ended = [] } = crew(stand);
  const known = Object.values(children).flatMap(({ id, generation }) => (ended.includes(generation) ? [] : [id]));
  return known.length === 3 && alive(stand).toSorted().join() === known.toSorted().join();
}

/** Where it went wrong; nothing where it went well. */
function breachesOf(stand: Stand, plan: Scenario): readonly string[] {
  const breaches = [...stand.laws.broken];
  const demand = (holds: boolean, words: string): boolean => holds || breaches.push(words) > 0;
  const record = crew(stand);
  const restarts = (record.supervision?.restarts ?? []).map(({ child }) => child);
  demand(restarts.join() === plan.failures.map(({ child }) => child).join(), `restarts: ${restarts.join()}`);
  demand(isWhole(stand), `alive: ${alive(stand).join()}, known: ${JSON.stringify(record.children)}`);
  for (const id of ["a", "b", "c"])
    demand((kid(stand, id)?.context as { input?: string } | undefined)?.input === id.toUpperCase(), `${id} has another input`);
  demand(heard(stand).length === 0, `the machine heard ${heard(stand).join()}`);
  demand(stand.world.timers.length === 0 && Object.keys(record.timers).length === 0, "a timer is left");
  demand(stand.unacknowledged.length === 0, `unacknowledged: ${stand.unacknowledged.join()}`);
  const poisons = plan.failures.filter(({ way }) => way === "poison").length;
  const codes = new Set(stand.deadLetters.map(({ name, code }) => `${name} ${code}`));
  demand(codes.size === poisons && stand.deadLetters.length === poisons, `dead letters: ${JSON.stringify(stand.deadLetters)}`);
  return breaches;
}

test.each(TURN_POINTS.flatMap((at) => [1, 2, 3, 4, 6].map((nth) => [at, nth] as const)))(
  "a host that dies at %s number %i of a failure: it is answered once",
  async (at, nth) => {
    const strategy = STRATEGIES[nth % 3] as Scenario["strategy"];
    for (const way of WAYS)
      for (const delayMs of [0, 8_000])
        for (const underWay of ["lost", "arrives"] as const) {
          const plan: Scenario = { seed: nth, strategy, delayMs, failures: [{ child: "b", way }], incidents: [{ at, nth, underWay }] };
          expect([plan, breachesOf(await play(plan), plan)]).toEqual([plan, []]);
        }
  },
);

test.each(TURN_POINTS.flatMap((at) => [1, 3].map((nth) => [at, nth] as const)))(
  "a host that dies at %s number %i of a failure that is escalated: the parent fails, and leaves nobody",
  async (at, nth) => {
    for (const way of WAYS)
      for (const underWay of ["lost", "arrives"] as const) {
        const { stand } = crewStand({ restarts: { max: 0 } }, { seed: nth, maxLatencyMs: 5 });
        await failing(stand, [{ at, nth, underWay }], "b", way);
        expect(crew(stand)).toMatchObject({ status: "error", supervision: { restarts: [], last: { child: "b", why: "exhausted" } } });
        expect(alive(stand)).toEqual([]);
        expect(stand.unacknowledged).toEqual([]);
        stand.check();
      }
  },
);

test.each(TURN_POINTS.flatMap((at) => [1, 3].map((nth) => [at, nth] as const)))(
  "a host that dies at %s number %i of the parent's leave: a restart that waits is withdrawn",
  async (at, nth) => {
    for (const delayMs of [1_500, 8_000])
      for (const underWay of ["lost", "arrives"] as const) {
        const supervise: SuperviseOptions = { backoff: { minDelayMs: delayMs, maxDelayMs: delayMs, factor: 1, jitter: 0 } };
        const { stand } = crewStand(supervise, { seed: nth, maxLatencyMs: 5 });
        await failing(stand, [], "b", "die");
        arm(stand, [{ at, nth, underWay }]);
        stand.send("crew", "1", { type: "idle" });
        await stand.advance(30_000);
        expect(crew(stand)).toMatchObject({ status: "active", value: "idle", timers: {}, children: {} });
        expect([alive(stand), stand.world.timers, stand.unacknowledged]).toEqual([[], [], []]);
        stand.check();
      }
  },
);

const scenario: fc.Arbitrary<Scenario> = fc.record({
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  strategy: fc.constantFrom(...STRATEGIES),
  delayMs: fc.constantFrom(0, 300, 2_000, 8_000),
  failures: fc.array(fc.record({ child: fc.constantFrom("a", "b", "c"), way: fc.constantFrom(...WAYS) }), { minLength: 1, maxLength: 4 }),
  incidents: fc.array(
    fc.record({
      at: fc.constantFrom(...TURN_POINTS),
      nth: fc.integer({ min: 1, max: 25 }),
      underWay: fc.constantFrom("seeded", "lost", "arrives"),
    }),
    { maxLength: 4 },
  ),
});

test("failures one after the other, over hosts that die again and again", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async (plan) => {
      expect(breachesOf(await play(plan), plan)).toEqual([]);
    }),
    { numRuns: Number(process.env["TROUPE_INTERLEAVINGS"] ?? 60), interruptAfterTimeLimit: 45_000, markInterruptAsFailure: false },
  );
});
