import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import type { CommitOutcome } from "../../src/ports/store.ts";
import { api } from "../../src/nats/names.ts";
import { eventually } from "../support/eventually.ts";
import { cluster, rig } from "./attended.ts";

const RECORDS = 200;
const ROUNDS = 3;

it("tells truly what became of a batch whose leader was killed in its middle", { timeout: 120_000 }, async () => {
  const { names, adapter, connection, read } = await rig.system();
  const address = (n: number) => ({ type: "order", id: `o${n}` });
  const { core } = names.streams;
  const leaderOf = async (): Promise<string | undefined> => {
    const reply = await connection.request(api.streamInfo(core), "", { timeout: 1000 }).catch(() => undefined);
    return reply === undefined ? undefined : (JSON.parse(reply.string()) as { cluster?: { leader?: string } }).cluster?.leader;
  };
  const outcomes: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const leader = cluster.named(await eventually("a leader", leaderOf, 20_000));
    let fence = await eventually("the partition is ours", () => claimed(), 20_000);
    let version = 0;
    const stored = { version: -1 };
    const commit = (): Promise<CommitOutcome> =>
      adapter.store.commit({
        fences: new Map([[0, fence]]),
        writes: Array.from({ length: RECORDS }, (_, n) => ({
          kind: "record",
          partition: 0,
          address: address(n),
          bytes: Buffer.from(`${round}.${version}`),
        })),
      });
    let isKilled = false;
    const killing = pause(20 + round * 13).then(async () => {
      isKilled = true;
      await leader.kill();
    });
    let outcome: CommitOutcome = { kind: "committed" };
    // One batch after the other, so that one of them is under way when the leader dies.
    while (outcome.kind === "committed" && !(isKilled && stored.version >= 0 && version > stored.version + 1)) {
      outcome = await commit();
      if (outcome.kind === "committed") stored.version = version++;
      else break;
      if (isKilled) break;
    }
    await killing;
    outcomes.push(outcome.kind);
    const bodies = await eventually(
      "the records can be read",
      () => adapter.store.load(Array.from({ length: RECORDS }, (_, n) => address(n))).catch(() => undefined),
      30_000,
    );
    const found = new Set(bodies.map((body) => (body === undefined ? "none" : Buffer.from(body).toString())));
    // All of a batch or nothing; what was said to be stored is, and what was said not to be stored is not.
    expect([...found], outcome.kind).toEqual(
      outcome.kind === "unknown" ? [expect.any(String)] : [stored.version < 0 ? "none" : `${round}.${stored.version}`],
    );
    expect(["committed", "conflict", "unknown"]).toContain(outcome.kind);
    await leader.start();
    await cluster.inSync();
  }
  console.info(`batches whose leader was killed: ${outcomes.join(", ")}`);
  void read;

  async function claimed(): Promise<number | undefined> {
    try {
      const [owner] = await adapter.leases.owners();
      return await adapter.leases.claim(0, "me", owner?.fence ?? 0);
    } catch {
      return undefined;
    }
  }
});
