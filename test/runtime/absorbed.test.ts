import { expect, test } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

/** What is acknowledged lies in its source until the owner has it purged, and comes again to whoever reads the source before that. */

const TTL_MS = 3_000;

/** Works for ever once it is told to, and counts what it hears. */
const busy = defineActor({
  name: "busy",
  machine: setup({
    types: { context: {} as { heard: number } },
    actors: { endless: fromPromise(() => new Promise<void>(() => {})) },
  }).createMachine({
    context: { heard: 0 },
    initial: "idle",
    on: { hear: { actions: assign({ heard: ({ context }) => context.heard + 1 }) } },
    states: { idle: { on: { work: "working" } }, working: { invoke: { src: "endless" } } },
  }),
});

test.each(["rerun", "fail", "park"] as const)(
  "a %s task that is over and not purged is not begun again by the next owner",
  async (type) => {
    const stand = new Stand();
    const first = await stand.open();
    for (let i = 0; i < 20; i++) stand.start(type, `t${i}`);
    await stand.until(() => stand.laws.ends.size === 20 && stand.unacknowledged.length === 0);
    first.kill();
    expect(stand.stored).toHaveLength(20);
    await stand.advance(TTL_MS);
    await stand.open();
    await stand.advance(5_000);
    expect([stand.runs.length, stand.deadLetters, stand.unacknowledged, stand.stored]).toEqual([20, [], [], []]);
    stand.check();
  },
);

test("what is over is purged within moments, also behind work that goes on", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open();
  stand.start("rerun", "long", { ms: 50_000 });
  for (let i = 0; i < 20; i++) stand.start("rerun", `t${i}`, { ms: 10 });
  await stand.until(() => stand.laws.ends.size === 20);
  await stand.advance(12_000);
  expect(stand.stored).toEqual(["mail.event rerun/long"]);
  await stand.until(() => stand.laws.ends.size === 21);
  await stand.advance(2_000);
  expect(stand.stored).toEqual([]);
  stand.check();
});

test("what could not be purged behind work that goes on is purged a little later", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open();
  stand.start("rerun", "long", { ms: 50_000 });
  for (let i = 0; i < 2; i++) stand.start("rerun", `t${i}`, { ms: 10 });
  await stand.until(() => stand.laws.ends.size === 2);
  await stand.advance(9_000);
  stand.world.faults.failRequests("forget", { applied: false }, { times: 2 });
  await stand.advance(3_000);
  expect(stand.stored.length).toBeGreaterThan(1);
  await stand.advance(6_000);
  expect(stand.stored).toEqual(["in.normal rerun/long"]);
  stand.check();
});

test("a partition that is left in peace leaves nothing that is over to its next owner", async () => {
  const stand = new Stand();
  const first = await stand.open();
  for (let i = 0; i < 20; i++) stand.start("rerun", `t${i}`);
  await stand.until(() => stand.laws.ends.size === 20 && stand.unacknowledged.length === 0);
  expect(stand.stored.length).toBeGreaterThan(0);
  await first.drain();
  expect(stand.stored).toEqual([]);
});

test("a goodbye is said though its purge failed; what is over comes again and is absorbed", async () => {
  const stand = new Stand();
  const first = await stand.open();
  stand.start("rerun", "a");
  await stand.until(() => stand.laws.ends.size === 1 && stand.unacknowledged.length === 0);
  stand.world.faults.failRequests("forget", { applied: false }, { times: 1 });
  await first.stop();
  expect(stand.stored).toHaveLength(1);
  await stand.open();
  await stand.advance(10_000);
  expect([stand.runs.length, stand.unacknowledged]).toEqual([1, []]);
});

test("events for an actor whose start came to nothing do not wait longer than that start lies there", async () => {
  const stand = new Stand({ partitions: 1 });
  await stand.open();
  stand.start("rerun", "long", { ms: 60_000 });
  stand.raw("normal", "rerun", "broken", "{");
  stand.send("rerun", "broken", { type: "cancel" });
  await stand.until(() => stand.deadLetters.length === 2, 15_000);
  expect(stand.deadLetters.map(({ code }) => code)).toEqual(["bad_payload", "unknown_id"]);
  stand.check();
});

test("where IN is full it takes more once what is over was purged", async () => {
  const stand = new Stand({ inMaxMessages: 3 });
  await stand.open();
  for (let i = 0; i < 3; i++) stand.start("rerun", `t${i}`);
  await stand.until(() => stand.laws.ends.size === 3);
  expect(() => stand.start("rerun", "more")).toThrow(expect.objectContaining({ code: "in_full" }));
  await stand.advance(1_500);
  stand.start("rerun", "more");
  await stand.until(() => stand.laws.ends.size === 4);
  stand.check();
});

test("what an actor hears while its work goes on does not fill IN", async () => {
  const stand = new Stand({ partitions: 1, tasks: () => [busy] });
  await stand.open();
  stand.start("busy", "b");
  stand.send("busy", "b", { type: "work" });
  for (let i = 0; i < 20; i++) stand.send("busy", "b", { type: "hear" });
  await stand.advance(12_000);
  expect(stand.record("busy", "b")?.context).toEqual({ heard: 20 });
  expect(stand.stored).toEqual(["mail.event busy/b"]);
  stand.check();
});
