import { afterAll, beforeAll, expect, test } from "vitest";
import type { HostProcess } from "../fault/hosts.ts";
import { breaches, forks } from "../fault/stand.ts";
import { within } from "../fault/within.ts";
import type { ClusterServer } from "../support/cluster.ts";
import { Pulse } from "./pulse.ts";
import { ClusterStand } from "./stand.ts";

/** What an outage may take beside the election itself before users wait no longer: noticing its end, and what has piled up. */
const BESIDE_ELECTION_MS = 8_000;
const MEMBERS = 5;
const members = Array.from({ length: MEMBERS }, (_, n) => `m${n}`);
let stand: ClusterStand;
let hosts: HostProcess[];

const newHost = (): HostProcess => stand.host({ leaseTtl: "15s", concurrency: 200 });

beforeAll(async () => {
  stand = await ClusterStand.open();
  hosts = [newHost(), newHost()];
  await Promise.all(hosts.map(({ joined }) => joined));
  await stand.attend();
});
afterAll(() => stand[Symbol.asyncDispose]());

/** What happened while an incident lasted, ms. */
interface Wait {
  readonly incidentMs: number;
  readonly longestMs: number;
}

/**
 * Plays incidents, one after the other, while tasks come at a steady pace and others are at work, families and plans among them.
 * Afterwards each of them has come to its one end.
 */
async function under(name: string, incidents: readonly (() => Promise<void>)[]): Promise<readonly Wait[]> {
  const waits: Wait[] = [];
  await using pulse = new Pulse(stand.client, `${name}-p`);
  for (const [i, incident] of incidents.entries()) {
    const id = `${name}-${i}`;
    await stand.submit(
      Array.from({ length: 10 }, (_, n) => `${id}-w${n}`),
      () => ({ ms: 300 }),
    );
    const family = await stand.client.start("family", { id, input: { members: MEMBERS, waitMs: 50 } });
    const trip = await stand.client.start("trip", { id, input: { children: 10 } });
    const since = performance.now();
    await incident();
    const incidentMs = Math.round(performance.now() - since);
    await within("what was sent meanwhile is done", pulse.caughtUp(), 30_000);
    waits.push({ incidentMs, longestMs: pulse.longestMs(since) });
    expect(((await family.result({ timeout: "30s" })) as string[]).toSorted()).toEqual(members);
    expect(await trip.result({ timeout: "30s" })).toBe(10);
  }
  await pulse[Symbol.asyncDispose]();
  expect(pulse.failures).toEqual([]);
  expect(pulse.beats).toHaveLength(pulse.count);
  console.info(`${name}: ${waits.map((wait) => `${wait.longestMs} ms of ${wait.incidentMs}`).join(", ")} (${pulse.count} tasks)`);
  return waits;
}

/** Everything that was ever started has ended as promised. Gives back those whose work was interrupted. */
async function interrupted(): Promise<readonly string[]> {
  const settled = await stand.settled((await stand.views()).size, 30_000);
  // Plans have no work of their own to be noted down; their result was looked at.
  const views = new Map([...settled].filter(([key]) => !key.startsWith("trip/")));
  const runs = stand.runs.filter(({ key }) => !key.startsWith("family-member/"));
  expect(breaches(views, runs, stand.stored)).toEqual([]);
  expect(forks(stand.stored)).toEqual([]);
  return [...views].flatMap(([key, { state, parked }]) => (state === "done" && parked === undefined ? [] : [key]));
}

/** Ends a server and starts it again as soon as the others go on without it; over when all copies are up to date. */
async function roll(server: ClusterServer, end: "kill" | "retire" | "terminate"): Promise<void> {
  await server[end]();
  await server.start();
  await stand.cluster.inSync();
}

test("hosts that are replaced one by one interrupt nothing", { timeout: 90_000 }, async () => {
  const replace = async (): Promise<void> => {
    const next = newHost();
    hosts.push(next);
    await next.joined;
    const old = hosts.shift() as HostProcess;
    old.signal("SIGTERM");
    expect(await within("the host leaves", old.ended)).toBe("exit code 0");
  };
  await under("hosts", [replace, replace, replace]);
  expect(await interrupted()).toEqual([]);
});

test("kill -9 of the server that leads: users wait for an election", { timeout: 120_000 }, async () => {
  const elections: number[] = [];
  const kill = async (): Promise<void> => {
    const leader = await stand.leader();
    const since = performance.now();
    await leader.kill();
    await stand.elected();
    elections.push(Math.round(performance.now() - since));
    await leader.start();
    await stand.cluster.inSync();
  };
  const waits = await under("killed", [kill, kill]);
  console.info(`elections: ${elections.join(", ")} ms; interrupted: ${(await interrupted()).length}`);
  for (const [i, { longestMs }] of waits.entries()) expect(longestMs).toBeLessThan((elections[i] as number) + BESIDE_ELECTION_MS);
});

test("servers that are restarted one by one, gently as the compose file does it, or by SIGTERM", { timeout: 150_000 }, async () => {
  for (const end of ["retire", "terminate"] as const) {
    const waits = await under(
      end,
      stand.cluster.servers.map((server) => () => roll(server, end)),
    );
    console.info(`interrupted in all: ${(await interrupted()).length}`);
    for (const { longestMs } of waits) expect(longestMs).toBeLessThan(BESIDE_ELECTION_MS);
  }
});
