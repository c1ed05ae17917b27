import { describe, expect, test } from "vitest";
import type { InFlight } from "../../src/memory/link.ts";
import { Trip, type Asked, type TripOptions } from "./trip.ts";

/** A host that dies at any one of all the steps that it takes while a plan runs, and while it rolls back. */

const DOWN_MS = 700;

interface Told {
  readonly input: Asked;
  readonly options: (trip: Trip) => TripOptions;
}

const SUCCESS: Told = {
  input: { errands: ["a", "b", "c", "d", "e"].map((key) => ({ key, ms: 5 })) },
  options: () => ({
    concurrency: 2,
    prepare: () => "ready",
    collect: (count) => ((count as number | undefined) ?? 0) + 1,
    finish: ({ collected }) => collected,
    cleanup: () => {},
  }),
};

const ROLLBACK: Told = {
  input: { errands: [{ key: "a" }, { key: "b" }, { key: "c", ms: 20, failures: 99 }, { key: "d", ms: 500 }] },
  options: () => ({ concurrency: 3, cleanup: () => {} }),
};

/** Plays it with a host that dies at its `nth` step (0: never); how many steps there were. */
async function play(
  { input, options }: Told,
  nth: number,
  underWay: InFlight = "lost",
  nearMail = true,
): Promise<{ trip: Trip; steps: number }> {
  const trip = new Trip(options, { maxLatencyMs: 3, nearMail, isAcquainted: nearMail });
  const { stand } = trip;
  let steps = 0;
  let isOn = false;
  stand.world.onStep((step) => {
    if (!isOn || !("host" in step) || trip.hasEnded || ++steps !== nth) return;
    const process = stand.processes.find(({ name, isDead }) => name === step.host && !isDead);
    if (process === undefined) return;
    process.kill(underWay);
    stand.clock.after(DOWN_MS, () => void stand.launch({ soonRounds: 0 }).host.start());
  });
  await stand.open({ soonRounds: 0 });
  isOn = true;
  stand.start("trip", "1", input);
  await stand.until(() => trip.hasEnded, 120_000);
  await stand.advance(10_000);
  return { trip, steps };
}

describe.each([
  ["lost", true],
  ["lost", false],
  ["arrives", true],
  ["arrives", false],
] as const)("a host that dies at any step, what it sent last %s, children near: %s", (underWay, nearMail) => {
  test("while a plan runs: every child ends once, nothing is left behind", { timeout: 120_000 }, async () => {
    const { trip: calm, steps } = await play(SUCCESS, 0, underWay, nearMail);
    expect(calm.state).toBe("done");
    for (let nth = 1; nth <= steps; nth++) {
      const { trip } = await play(SUCCESS, nth, underWay, nearMail);
      expect([nth, trip.stand.processes.length]).toEqual([nth, 2]);
      expect([nth, trip.state, trip.record.output, trip.leftovers, trip.children]).toEqual([nth, "done", 5, [], calm.children]);
    }
  });

  test("while it rolls back: what was done is undone once, nothing is left behind", { timeout: 120_000 }, async () => {
    const { trip: calm, steps } = await play(ROLLBACK, 0, underWay, nearMail);
    expect([calm.state, calm.children]).toEqual([
      "failed",
      ["job a done", "job b done", "job c failed", "job d failed", "unjob a done", "unjob b done"],
    ]);
    for (let nth = 1; nth <= steps; nth++) {
      const { trip } = await play(ROLLBACK, nth, underWay, nearMail);
      expect([nth, trip.stand.processes.length]).toEqual([nth, 2]);
      expect([nth, trip.state, trip.context.rollback?.state, trip.leftovers]).toEqual([nth, "failed", "done", []]);
      const done = trip.children.filter((child) => /^job . done$/.test(child)).map((child) => child.slice(4));
      expect([nth, trip.children.filter((child) => child.startsWith("unjob"))]).toEqual([nth, done.map((child) => `unjob ${child}`)]);
    }
  });
});
