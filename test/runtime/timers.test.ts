import { assign, setup } from "xstate";
import { describe, expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import type { HostOptions, Process } from "./process.ts";
import { Stand } from "./stage.ts";

/** Timers that the server keeps, and their owner's memory with it. */
const DELAY_MS = 8_000;
const SERVER_STEP_MS = 250;
const NET_MS = 1_000;
const TTL_MS = 10_000;

const bell = setup({
  types: { context: {} as { rung: number } },
  delays: { aWhile: DELAY_MS, aLongWhile: 1_200_000 },
  actions: { ring: assign({ rung: ({ context }) => context.rung + 1 }) },
}).createMachine({
  context: { rung: 0 },
  initial: "waiting",
  states: {
    waiting: { after: { aWhile: { target: "rung", actions: "ring" } }, on: { leave: "left", again: { target: "waiting", reenter: true } } },
    rung: { on: { far: "far" } },
    left: {},
    far: { after: { aLongWhile: { target: "rung", actions: "ring" } } },
  },
});

async function waiting(options: HostOptions = {}): Promise<{ stand: Stand; first: Process }> {
  const stand = new Stand({ tasks: () => [defineActor({ name: "bell", machine: bell })] });
  const first = await stand.open(options);
  stand.start("bell", "b");
  await stand.settle();
  return { stand, first };
}
const rung = (stand: Stand): number => (stand.record("bell", "b")?.context as { rung: number } | undefined)?.rung ?? -1;
const tidy = (stand: Stand): void => {
  expect(stand.world.timers).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.deadLetters).toEqual([]);
  stand.check();
};

describe("while its owner lives a timer fires at its time, and its schedule is withdrawn", () => {
  test.each([
    ["the actor in memory", {}],
    ["the actor passivated", { cacheBytes: 0 }],
  ])("%s", async (_where, options) => {
    const { stand } = await waiting(options);
    await stand.advance(DELAY_MS - 1);
    expect(rung(stand)).toBe(0);
    await stand.advance(1);
    expect(rung(stand)).toBe(1);
    await stand.advance(60_000);
    expect(stand.stepsOf("timerFired")).toEqual([]);
    expect(rung(stand)).toBe(1);
    tidy(stand);
  });
});

test("one that is too far ahead for memory is left to its schedule", async () => {
  const { stand } = await waiting();
  await stand.advance(DELAY_MS);
  stand.send("bell", "b", { type: "far" });
  await stand.advance(1_200_000 + SERVER_STEP_MS);
  expect(rung(stand)).toBe(2);
  tidy(stand);
});

test.each(["leave", "again"])("one whose state was left does not fire, from memory or by its schedule: %s", async (type) => {
  const { stand } = await waiting();
  await stand.advance(DELAY_MS - 1_000);
  stand.send("bell", "b", { type });
  await stand.advance(DELAY_MS - 1);
  expect(rung(stand)).toBe(0);
  await stand.advance(60_000);
  expect(rung(stand)).toBe(type === "leave" ? 0 : 1);
  tidy(stand);
});

test("nobody lives when it comes due: the schedule is the net, and the next owner hears it once", async () => {
  const { stand, first } = await waiting();
  first.kill();
  await stand.advance(DELAY_MS + NET_MS + SERVER_STEP_MS);
  expect(rung(stand)).toBe(0);
  await stand.open();
  await stand.advance(TTL_MS);
  expect(rung(stand)).toBe(1);
  tidy(stand);
});

test("a successor that has the actor in memory lets an overdue one fire at once", async () => {
  const { stand, first } = await waiting();
  first.kill();
  await stand.advance(DELAY_MS);
  // The server has looked at its schedules just now, and the net is later.
  await stand.open();
  await stand.until(() => stand.processes[1]?.phases.every((phase) => phase === "running") === true);
  stand.send("bell", "b", { type: "unheard" });
  await stand.settle();
  expect(rung(stand)).toBe(1);
  await stand.advance(60_000);
  expect(rung(stand)).toBe(1);
  tidy(stand);
});

describe("several that are overdue are heard in the order in which they were due, not in that in which they were set", () => {
  test.each([
    ["all kept by the server", [8_000, 6_000, 7_000], ["middle", "inner", "outer"]],
    ["all kept by the host", [2_000, 500, 1_000], ["middle", "inner", "outer"]],
    ["kept by both", [6_000, 2_000, 1_000], ["inner", "middle", "outer"]],
  ] as const)("%s", async (_who, [outer, middle, inner], expected) => {
    const note = (name: string) => ({ actions: { type: "note" as const, params: name } });
    const nested = setup({
      types: { context: {} as { heard: string[] } },
      actions: { note: assign({ heard: ({ context }, name: string) => [...context.heard, name] }) },
    }).createMachine({
      context: { heard: [] },
      initial: "a",
      after: { [outer]: note("outer") },
      states: {
        a: { initial: "b", after: { [middle]: note("middle") }, states: { b: { after: { [inner]: note("inner") } } } },
      },
    });
    const stand = new Stand({ tasks: () => [defineActor({ name: "bell", machine: nested })] });
    const first = await stand.open();
    stand.start("bell", "b");
    await stand.settle();
    first.kill();
    await stand.advance(8_000);
    await stand.open();
    await stand.advance(60_000);
    expect(stand.record("bell", "b")?.context).toEqual({ heard: expected });
    tidy(stand);
  });
});

test("an owner that was frozen meanwhile hears it once, whichever of the two comes first", async () => {
  const { stand, first } = await waiting();
  await stand.advance(DELAY_MS - 500);
  first.freeze();
  await stand.advance(500 + NET_MS + SERVER_STEP_MS);
  expect(rung(stand)).toBe(0);
  first.thaw();
  await stand.advance(60_000);
  expect(rung(stand)).toBe(1);
  tidy(stand);
});

test.each(["commitSent", "commitApplied"] as const)("its host dies in the very turn, at %s: it is heard once", async (kind) => {
  const { stand, first } = await waiting();
  const dueAt = stand.clock.now() + DELAY_MS;
  stand.world.onStep((step) => {
    if (step.kind === kind && stand.clock.now() >= dueAt - 1) first.kill();
  });
  await stand.advance(DELAY_MS);
  expect(first.isDead).toBe(true);
  await stand.open();
  await stand.advance(60_000);
  expect(rung(stand)).toBe(1);
  tidy(stand);
});

test("work that a timer began outlives its host, though no delivery began it", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("rerun", "a", { ms: 30_000 }, { headers: { [HEADERS.delay]: String(DELAY_MS) } });
  await stand.advance(DELAY_MS + NET_MS + SERVER_STEP_MS);
  expect(stand.state("rerun", "a")).toBe("doing");
  expect(stand.runs).toHaveLength(1);
  first.kill();
  await stand.open();
  await stand.advance(60_000);
  expect(stand.state("rerun", "a")).toBe("done");
  expect(stand.runs).toHaveLength(2);
  tidy(stand);
});
