import { afterAll, beforeAll, expect, test } from "vitest";
import { breaches, NAMES, POLICIES } from "../fault/stand.ts";
import type { HostProcess } from "../fault/hosts.ts";
import { within } from "../fault/within.ts";
import { Pulse } from "./pulse.ts";
import { ClusterStand } from "./stand.ts";

let stand: ClusterStand;
let hosts: HostProcess[];
let round = 0;

beforeAll(async () => {
  stand = await ClusterStand.open();
  hosts = [stand.host({ leaseTtl: "3s", concurrency: 200 })];
  await hosts[0]?.joined;
  hosts.push(stand.host({ leaseTtl: "3s", concurrency: 200 }));
  await hosts[1]?.joined;
  await stand.attend();
});
afterAll(() => stand[Symbol.asyncDispose]());

/** Plays incidents under a steady load; afterwards everything has come to its one end. Gives back how long users waited at most. */
async function under(name: string, incidents: readonly (() => Promise<void>)[]): Promise<number[]> {
  const waits: number[] = [];
  const prefix = `${name}${round++}-`;
  const ids = Array.from({ length: 100 }, (_, i) => `${prefix}w${i}`);
  {
    await using pulse = new Pulse(stand.client, `${prefix}p`);
    for (const [i, incident] of incidents.entries()) {
      await stand.submit(ids.slice(i * 30, (i + 1) * 30), () => ({ ms: 300 }));
      const since = performance.now();
      await incident();
      await within("what was sent meanwhile is done", pulse.caughtUp(), 30_000);
      waits.push(pulse.longestMs(since));
    }
    await pulse[Symbol.asyncDispose]();
    expect(pulse.failures).toEqual([]);
  }
  return waits;
}

async function settled(): Promise<void> {
  const views = await stand.views();
  const all = await stand.settled(views.size, 30_000);
  expect(breaches(all, stand.runs, stand.stored)).toEqual([]);
  const counts: Record<string, number> = {};
  for (const { type, state, parked } of all.values()) {
    const k = `${type} ${parked === undefined ? state : "parked"}`;
    counts[k] = (counts[k] ?? 0) + 1;
  }
  console.log(counts, stand.runs.length - new Set(stand.runs.map(({ key }) => key)).size);
}

test("the leader is killed", { timeout: 120_000 }, async () => {
  const kill = async (): Promise<void> => {
    const leader = await stand.leader();
    await leader.kill();
    await leader.start();
    await stand.cluster.inSync();
  };
  console.log("kill", await under("kill", [kill, kill, kill]));
  await settled();
});

test("rolling servers", { timeout: 120_000 }, async () => {
  const roll = stand.cluster.servers.map((server) => async () => {
    await server.retire();
    await server.start();
    await stand.cluster.inSync();
  });
  console.log("retire", await under("retire", roll));
  await settled();
  const roll2 = stand.cluster.servers.map((server) => async () => {
    await server.terminate();
    await server.start();
    await stand.cluster.inSync();
  });
  console.log("terminate", await under("terminate", roll2));
  await settled();
});

test("rolling hosts", { timeout: 120_000 }, async () => {
  const replace = async () => {
    const next = stand.host({ leaseTtl: "3s", concurrency: 200 });
    await next.joined;
    const old = hosts.shift()!;
    hosts.push(next);
    old.signal("SIGTERM");
    expect(await within("host leaves", old.ended)).toBe("exit code 0");
  };
  console.log("hosts", await under("hosts", [replace, replace, replace]));
  await settled();
});
