import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { api } from "../../src/nats/names.ts";
import type { CommitOutcome } from "../../src/ports/store.ts";
import type { System } from "../nats/rig.ts";
import { eventually } from "../support/eventually.ts";
import type { ClusterServer } from "../support/cluster.ts";
import { cluster, rig } from "./attended.ts";

const addresses = Array.from({ length: 200 }, (_, n) => ({ type: "order", id: `o${n}` }));
const ELECTION_MS = 30_000;

/** The server whose word on a stream counts. */
async function leaderOf({ connection, names }: System): Promise<ClusterServer> {
  const name = await eventually(
    "a leader",
    async () => {
      const reply = await connection.request(api.streamInfo(names.streams.core), "", { timeout: 1000 }).catch(() => undefined);
      return reply === undefined ? undefined : (JSON.parse(reply.string()) as { cluster?: { leader?: string } }).cluster?.leader;
    },
    ELECTION_MS,
  );
  return cluster.named(name);
}

/** Takes the partition from itself, by as many tries as an election takes. */
async function claimed({ adapter }: System): Promise<number> {
  const claim = async (): Promise<number | undefined> => {
    const [owner] = await adapter.leases.owners();
    return adapter.leases.claim(0, "me", owner?.fence ?? 0);
  };
  return eventually("the partition is ours", () => claim().catch(() => undefined), ELECTION_MS);
}

it.each([20, 33, 46])(
  "tells truly what became of the batch that was under way when its leader was killed, after %i ms",
  {
    timeout: 90_000,
  },
  async (afterMs) => {
    const system = await rig.system();
    const { adapter } = system;
    const fence = await claimed(system);
    const commit = (version: number): Promise<CommitOutcome> =>
      adapter.store.commit({
        fences: new Map([[0, fence]]),
        writes: addresses.map((address) => ({ kind: "record", partition: 0, address, bytes: Buffer.from(`v${version}`) })),
      });
    expect(await commit(0)).toEqual({ kind: "committed" });

    const leader = await leaderOf(system);
    const death = { isNear: false };
    const killing = pause(afterMs).then(() => {
      death.isNear = true;
      return leader.kill();
    });
    // One batch after the other, so that one of them is under way when the leader dies.
    let stored = 0;
    let outcome: CommitOutcome = { kind: "committed" };
    while (outcome.kind === "committed" && !death.isNear) {
      outcome = await commit(stored + 1);
      if (outcome.kind === "committed") stored++;
    }
    await killing;

    const bodies = await eventually("the records can be read", () => adapter.store.load(addresses).catch(() => undefined), ELECTION_MS);
    const versions = new Set(bodies.map((body) => Buffer.from(body ?? []).toString()));
    // All of it or nothing, whatever was said; and what was said is true.
    expect(versions.size).toBe(1);
    if (outcome.kind !== "unknown") expect([...versions]).toEqual([`v${stored}`]);
    expect(["committed", "conflict", "unknown"]).toContain(outcome.kind);
    console.info(`the batch under way after ${afterMs} ms: ${outcome.kind}`);

    // Whoever has the partition then goes on from there.
    const next = await claimed(system);
    expect(next).toBeGreaterThan(fence);
    expect(await commit(99), "under the old fence").toEqual({ kind: "conflict", lost: [0] });
    await leader.start();
    await cluster.inSync();
    await system.remove();
  },
);

it("settles a batch that died with its leader: not stored, and never will be", { timeout: 90_000 }, async () => {
  const system = await rig.system();
  const fence = await claimed(system);
  const leader = await leaderOf(system);
  // By way of a server that goes on.
  const { port } = cluster.servers.find(({ name }) => name !== leader.name) as ClusterServer;
  const { adapter, connection } = await system.attach({ via: port });
  const commit = (...versions: string[]): Promise<CommitOutcome> =>
    adapter.store.commit({
      fences: new Map([[0, fence]]),
      writes: versions.map((version, n) => ({ kind: "record", partition: 0, address: addresses[n]!, bytes: Buffer.from(version) })),
    });
  expect(await commit("before", "before")).toEqual({ kind: "committed" });
  // Frozen, it takes what is sent to it and does nothing with it; then it is gone, and what it took with it.
  process.kill(leader.pid, "SIGSTOP");
  const outcome = commit("after", "after");
  await connection.flush();
  await leader.kill();
  expect(await outcome).toEqual({ kind: "conflict", lost: [0] });
  const stored = await eventually(
    "the records can be read",
    () => adapter.store.load(addresses.slice(0, 2)).catch(() => undefined),
    ELECTION_MS,
  );
  expect(stored.map((body) => Buffer.from(body ?? []).toString())).toEqual(["before", "before"]);
  expect(await claimed(system), "whoever has the partition next goes on").toBeGreaterThan(fence);
  await leader.start();
  await cluster.inSync();
});
