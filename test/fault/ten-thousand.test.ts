import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import type { HostProcess } from "./hosts.ts";
import { breaches, FaultStand, POLICIES } from "./stand.ts";

const TASKS = 10_000;
const CHUNK = 400;

test("over 10,000 tasks with hosts and server killed again and again each id comes to exactly one end", { timeout: 110_000 }, async () => {
  await using stand = await FaultStand.open();
  const alive: HostProcess[] = [stand.host({ concurrency: 50 })];
  await alive[0]?.joined;
  await stand.attend();
  alive.push(stand.host({ concurrency: 50 }));

  const replaceHosts = async (count: number): Promise<void> => {
    for (const victim of alive.splice(0, count)) {
      await victim.kill();
      alive.push(stand.host({ concurrency: 50 }));
    }
  };
  const replaceServer = async (): Promise<void> => {
    await stand.killServer();
    await stand.startServer();
  };
  const incidents: readonly (() => Promise<unknown>)[] = [
    () => replaceHosts(1),
    replaceServer,
    () => Promise.all([replaceServer(), replaceHosts(2)]),
    () => replaceHosts(2),
    replaceServer,
    () => Promise.all([replaceHosts(1), replaceServer()]),
    () => replaceHosts(1),
  ];

  // One task in fifty is long enough to be running, with some certainty, when its host dies.
  const ids = Array.from({ length: Math.ceil(TASKS / POLICIES.length) }, (_, i) => `t${i}`);
  const submitting = (async () => {
    for (let from = 0; from < ids.length; from += CHUNK)
      await stand.submit(ids.slice(from, from + CHUNK), (id) => ({ ms: Number(id.slice(1)) % 50 === 0 ? 100 : 0 }));
  })();
  submitting.catch(() => {});
  const ran = (): number => readFileSync(stand.journal).reduce((count, byte) => (byte === 10 ? count + 1 : count), 0);
  for (const [i, strike] of incidents.entries()) {
    const share = Math.round((TASKS * (i + 1)) / (incidents.length + 2));
    await eventually(`${share} tasks have run`, () => ran() >= share, 30_000);
    await strike();
  }
  await submitting;

  const views = await stand.settled(ids.length * POLICIES.length, 60_000);
  const runs = stand.runs;
  expect(views.size).toBeGreaterThanOrEqual(TASKS);
  expect(breaches(views, runs, stand.stored)).toEqual([]);
  // Otherwise nothing of all this was a crash.
  const outcomes = [...views.values()].map(({ state, parked }) => (parked === undefined ? state : "parked"));
  expect(runs.length).toBeGreaterThan(new Set(runs.map(({ key }) => key)).size);
  expect(outcomes.filter((outcome) => outcome !== "done").length).toBeGreaterThan(0);
});
