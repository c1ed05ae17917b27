/** Timers due five to ten seconds ahead: how late each is heard of by whoever subscribes, its turn being stored by then. */
import { connect } from "@nats-io/transport-node";
import { withActors, withLimit } from "./actor-stand.ts";
import { listen } from "./listen.ts";
import { quantileOf } from "./statistics.ts";

const IN_FLIGHT = 256;
const LEAST_AHEAD_MS = 5_000;
const SPREAD_MS = 5_000;
const DEADLINE_MS = 60_000;

export interface TimersResult {
  readonly timers: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
  readonly early: number;
  /** What actors emit is told at most once. */
  readonly unheard: number;
}

export async function measureTimers(timers: number): Promise<TimersResult> {
  return withActors(async ({ client, server, host }) => {
    await host();
    const connection = await connect({ servers: server.url });
    const lateMs: number[] = [];
    const all = new Promise<void>((resolve) => {
      const deadline = setTimeout(resolve, DEADLINE_MS);
      listen(connection, "troupe.event.bell.*.rung", (message) => {
        lateMs.push(Date.now() - message.json<{ dueAt: number }>().dueAt);
        if (lateMs.length < timers) return;
        clearTimeout(deadline);
        resolve();
      });
    });
    await connection.flush();
    const dueAt = (n: number): number => Date.now() + LEAST_AHEAD_MS + (n / timers) * SPREAD_MS;
    await withLimit(timers, IN_FLIGHT, (n) => client.start("bell", { id: `b${n}`, input: { dueAt: Math.round(dueAt(n)) } }));
    await all;
    await connection.close();
    const sorted = Float64Array.from(lateMs).sort();
    return {
      timers,
      p50Ms: quantileOf(sorted, 0.5),
      p99Ms: quantileOf(sorted, 0.99),
      mostMs: quantileOf(sorted, 1),
      unheard: timers - sorted.length,
      early: sorted.filter((ms) => ms < 0).length,
    };
  });
}
