import { expect, test } from "vitest";
import { assign, setup } from "xstate";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { Write } from "../../src/ports/store.ts";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

/** Work that lasts does not keep what came after it from being forgotten: a reminder further up takes its delivery's place. */

const LASTS_MS = 90_000;
/** Two looks, the reminder's way, and a purge. */
const RELIEVED_MS = 13_000;

const brief = defineActor({ name: "brief", machine: setup({}).createMachine({ initial: "over", states: { over: { type: "final" } } }) });

const waits = defineActor({
  name: "waits",
  machine: setup({}).createMachine({ initial: "waiting", states: { waiting: { after: { 25_000: "over" } }, over: { type: "final" } } }),
});

async function sayOnce(clock: Process["clock"], say: () => void): Promise<void> {
  await new Promise<void>((resolve) => clock.after(8_000, resolve));
  say();
  await new Promise<void>((resolve) => clock.after(30_000, resolve));
}

/** Says something to itself after a while, in an action that lasts. */
const talks = ({ clock }: Process) =>
  defineActor({
    name: "talks",
    machine: setup({
      types: { context: {} as { heard: number } },
      actions: {
        // The action lasts until its promise is settled.
        talk: ({ self }) => sayOnce(clock, () => self.send({ type: "said" })) as never,
      },
    }).createMachine({
      context: { heard: 0 },
      on: { talk: { actions: "talk" }, said: { actions: assign({ heard: ({ context }) => context.heard + 1 }) } },
    }),
  });

/** One partition, work that lasts, and `count` other tasks that are soon over. */
async function busy(type: string, count = 20, options: object = {}): Promise<Stand> {
  const stand = new Stand({ partitions: 1, ...options });
  await stand.open({ soonRounds: 0 });
  stand.start(type, "long", { ms: LASTS_MS }, { headers: { [HEADERS.replyTo]: "inbox" } });
  for (let i = 0; i < count; i++) stand.start("rerun", `t${i}`);
  return stand;
}

test("one purge forgets all that came after work that lasts", async () => {
  const stand = await busy("rerun");
  await stand.advance(RELIEVED_MS);
  expect(stand.stored).toEqual(["mail.event rerun/long"]);
  expect(stand.runsOf("rerun/long")).toHaveLength(1);
  await stand.advance(LASTS_MS);
  expect([stand.state("rerun", "long"), stand.replies.length, stand.stored, stand.unacknowledged]).toEqual(["done", 1, [], []]);
  stand.check();
});

test.each([
  ["rerun", "done", 2],
  ["fail", "failed", 1],
  ["park", "doing", 1],
] as const)("work of policy %s whose delivery was relieved is taken up by the next owner: %s", async (type, state, runs) => {
  const stand = await busy(type);
  await stand.advance(RELIEVED_MS);
  expect(stand.stored).toEqual([`mail.event ${type}/long`]);
  stand.processes[0]?.kill();
  await stand.open();
  await stand.advance(2 * LASTS_MS);
  expect([stand.state(type, "long"), stand.runsOf(`${type}/long`).length]).toEqual([state, runs]);
  expect(stand.record(type, "long")?.parked?.reason).toBe(type === "park" ? "crashed" : undefined);
  expect([stand.stored, stand.unacknowledged]).toEqual([[], []]);
  stand.check();
});

test("what keeps little is not relieved: that little is forgotten by itself", async () => {
  const stand = await busy("rerun", 2);
  await stand.advance(RELIEVED_MS);
  expect(stand.stored).toEqual(["in.normal rerun/long"]);
  stand.check();
});

test("a start that waits for a slot has nothing that could relieve it, and what came after it is forgotten all the same", async () => {
  const stand = new Stand({ partitions: 1, tasks: (process) => [process.standard({ name: "rerun" }), brief] });
  await stand.open({ concurrency: 1 });
  stand.start("rerun", "runs", { ms: LASTS_MS });
  await stand.advance(100);
  stand.start("rerun", "waits", { ms: 10 });
  for (let i = 0; i < 20; i++) stand.start("brief", `b${i}`);
  await stand.advance(RELIEVED_MS);
  expect(stand.stored).toEqual(["in.normal rerun/runs", "in.normal rerun/waits"]);
  await stand.advance(2 * LASTS_MS);
  expect([stand.state("rerun", "waits"), stand.stored]).toEqual(["done", []]);
  stand.check();
});

test("whoever waits for the outcome of a start that came twice is told, although the work's delivery was relieved", async () => {
  const stand = await busy("rerun");
  stand.start("rerun", "long", {}, { headers: { [HEADERS.replyTo]: "second" } });
  await stand.advance(RELIEVED_MS);
  expect(stand.stored).toContain("in.normal rerun/long");
  stand.processes[0]?.kill();
  await stand.open();
  await stand.advance(2 * LASTS_MS);
  expect(stand.world.outgoing.flatMap((each) => (each.kind === "reply" ? [each.to] : [])).sort()).toEqual(["inbox", "second"]);
  expect(stand.stored).toEqual([]);
  stand.check();
});

test("a timer in memory whose delivery was relieved fires once, whoever has it then", async () => {
  const stand = new Stand({ partitions: 1, tasks: () => [brief, waits] });
  await stand.open();
  for (let i = 0; i < 3; i++) stand.start("waits", `w${i}`);
  for (let i = 0; i < 20; i++) stand.start("brief", `b${i}`);
  await stand.advance(RELIEVED_MS);
  expect(stand.stored.filter((each) => each.startsWith("in."))).toEqual([]);
  stand.processes[0]?.kill();
  await stand.open();
  await stand.advance(LASTS_MS);
  for (let i = 0; i < 3; i++) expect(stand.record("waits", `w${i}`)?.status).toBe("done");
  expect(stand.stored).toEqual([]);
  stand.check();
});

test("what an action sends while another delivery comes to stand for it is stored, and both are let go", async () => {
  const stand = new Stand({ partitions: 1, tasks: (process) => [talks(process)] });
  await stand.open();
  stand.start("talks", "t");
  stand.send("talks", "t", { type: "talk" });
  stand.start("talks", "other");
  for (let i = 0; i < 20; i++) stand.send("talks", "other", { type: "said" });
  // Under way while the reminder comes.
  const isSaid = (write: Write): boolean => write.kind === "mail" && !write.message.endsWith("reminder");
  stand.world.faults.failCommits({ kind: "delayed", byMs: 5_000 }, { when: ({ writes }) => writes.some(isSaid) });
  await stand.advance(20_000);
  expect(stand.stored).toEqual(["mail.event talks/t"]);
  await stand.advance(LASTS_MS);
  expect([stand.record("talks", "t")?.context, stand.stored]).toEqual([{ heard: 1 }, []]);
  stand.check();
});

test("until the reminder has come the delivery stays, however long that takes", async () => {
  const stand = await busy("fail");
  await stand.advance(9_000);
  stand.world.faults.failCommits({ kind: "delayed", byMs: 4_000 }, { times: 10 });
  await stand.advance(3_500);
  expect(stand.stored).toContain("in.normal fail/long");
  stand.processes[0]?.kill("lost");
  await stand.open();
  await stand.advance(LASTS_MS);
  expect([stand.state("fail", "long"), stand.runsOf("fail/long").length, stand.stored]).toEqual(["failed", 1, []]);
  stand.check();
});

/** The host dies at the `moment`th step from the looks that relieve until the purges are over. */
async function strike(moment: number, underWay: InFlight): Promise<{ readonly stand: Stand; readonly steps: number }> {
  const stand = await busy("fail", 12, { seed: moment + 1, maxLatencyMs: 3 });
  for (const type of ["park", "rerun"]) stand.start(type, "long", { ms: 30_000 });
  await stand.advance(9_000);
  let steps = 0;
  let isOver = false;
  stand.world.onStep((step) => {
    if (!isOver && "host" in step && ++steps === moment) stand.processes[0]?.kill(underWay);
  });
  await stand.advance(3_000);
  isOver = true;
  if (moment === 0) stand.processes[0]?.kill(underWay);
  await stand.open({ soonRounds: 0 });
  await stand.advance(60_000);
  return { stand, steps };
}

test.each(["seeded", "arrives", "lost"] as const)(
  "whenever a host dies while work is relieved, nothing of it is lost (what it sent: %s)",
  { timeout: 60_000 },
  async (underWay) => {
    const { steps } = await strike(0, underWay);
    expect(steps).toBeGreaterThan(10);
    for (let moment = 1; moment <= steps; moment++) {
      const { stand } = await strike(moment, underWay);
      const states = ["fail", "park", "rerun"].map((type) => stand.state(type, "long"));
      const runs = ["fail", "park"].map((type) => stand.runsOf(`${type}/long`).length);
      expect([moment, states, runs, stand.stored]).toEqual([moment, ["failed", "doing", "done"], [1, 1], []]);
      stand.check();
    }
  },
);
