/** Parents with a hundred children each: how many a second, how soon one is done, and what share of the floor's stored messages that is. */
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { CHILDREN } from "./actors.ts";
import { withActors, withLimit } from "./actor-stand.ts";
import { contenders } from "./contenders.ts";
import { wallClockMs } from "./entry.ts";
import { cpuMicrosOf } from "./process-usage.ts";
import { runOnce } from "./run-once.ts";
import { quantileOf } from "./statistics.ts";

const IN_FLIGHT = 8;
const WARM_UP = 200;
/** One in the stream and one record. */
const FLOOR_MESSAGES_PER_TASK = 2;

export interface FamilyResult {
  readonly parentsPerSecond: number;
  /** One at a time. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly storedPerParent: number;
  readonly storedPerSecond: number;
  /** Messages that bare calls store a second, in atomic batches. */
  readonly floorStoredPerSecond: number;
  /** Per child, its share of the parent's included. */
  readonly hostMicrosPerChild: number;
  readonly serverMicrosPerChild: number;
}

export async function measureFamily(parents: number): Promise<FamilyResult> {
  const floor = contenders.find(({ name }) => name === "floor-batched");
  if (floor === undefined) throw new Error("there is no floor");
  const { tasksPerSecond } = await runOnce({ contender: floor, syncAlways: false, mode: "one", warmUpCount: 20_000, count: 100_000 });
  const floorStoredPerSecond = tasksPerSecond * FLOOR_MESSAGES_PER_TASK;
  return withActors(async ({ server, client, host: startHost }) => {
    const host = await startHost();
    const run = (n: number, round: string): Promise<unknown> => client.run("parent", undefined, { id: `${round}${n}` });
    await withLimit(WARM_UP, IN_FLIGHT, (n) => run(n, "w"));
    await host.ended(WARM_UP * (CHILDREN + 1));
    const storedBefore = await storedIn(server.url);
    const serverBefore = cpuMicrosOf(server.pid);
    const ended = host.ended(parents * (CHILDREN + 1));
    const startedAt = wallClockMs();
    await withLimit(parents, IN_FLIGHT, (n) => run(n, "m"));
    const seconds = (wallClockMs() - startedAt) / 1000;
    const { cpuMicros } = await ended;
    const serverMicros = cpuMicrosOf(server.pid) - serverBefore;
    const stored = (await storedIn(server.url)) - storedBefore;
    const latenciesMs = await oneByOne(Math.min(parents, 300), (n) => run(n, "l"));
    return {
      parentsPerSecond: parents / seconds,
      p50Ms: quantileOf(latenciesMs, 0.5),
      p99Ms: quantileOf(latenciesMs, 0.99),
      storedPerParent: stored / parents,
      storedPerSecond: stored / seconds,
      floorStoredPerSecond,
      hostMicrosPerChild: cpuMicros / parents / CHILDREN,
      serverMicrosPerChild: serverMicros / parents / CHILDREN,
    };
  });
}

async function oneByOne(count: number, run: (n: number) => Promise<unknown>): Promise<Float64Array> {
  const latenciesMs = new Float64Array(count);
  for (let n = 0; n < count; n++) {
    const startedAt = performance.now();
    await run(n);
    latenciesMs[n] = performance.now() - startedAt;
  }
  return latenciesMs.sort();
}

/** Every message ever stored, by the streams' own count. */
async function storedIn(url: string): Promise<number> {
  const connection = await connect({ servers: url });
  const { streams } = await jetstreamManager(connection);
  let stored = 0;
  for await (const { state } of streams.list()) stored += state.last_seq;
  await connection.close();
  return stored;
}
