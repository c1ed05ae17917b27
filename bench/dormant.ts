/** A million actors that sleep: what they cost a host's memory, and how soon any of them answers. */
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { withActors, withLimit, type ActorHost } from "./actor-stand.ts";
import { listen } from "./listen.ts";
import { quantileOf } from "./statistics.ts";

const IN_FLIGHT = 1_024;
const CALLS = 2_000;
const REST_MS = 2_000;
const JOINS = 3;
/** A prime: calls go all over the streams, no two to the same actor. */
const STRIDE = 7_919;

export interface DormantResult {
  readonly actors: number;
  readonly startedPerSecond: number;
  /** Of a host that has just joined: without any actor stored, and with all of them. */
  readonly rssBeforeMiB: number;
  readonly rssMiB: number;
  /** From the send to the answer, its turn being stored by then; one at a time. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** After all those calls, with no room for idle actors. */
  readonly rssAfterMiB: number;
}

export async function measureDormant(actors: number): Promise<DormantResult> {
  return withActors(async ({ client, server, host: startHost }) => {
    const rssBeforeMiB = await leastRssMiB(startHost);
    const first = await startHost(0);
    const startedAt = performance.now();
    await withLimit(actors, IN_FLIGHT, (n) => client.start("sleeper", { id: `s${n}` }));
    await callAll(server.url, client, () => actors - 1, 1);
    const startedPerSecond = (actors / (performance.now() - startedAt)) * 1000;
    await first.stop();
    const rssMiB = await leastRssMiB(startHost);
    const host = await startHost(0);
    await callAll(server.url, client, (n) => actors - 1 - ((n * STRIDE + 1) % actors), CALLS / 4);
    const latenciesMs = await callAll(server.url, client, (n) => (n * STRIDE) % actors, CALLS);
    const rssAfterMiB = await host.rssMiB();
    const [p50Ms, p99Ms] = [quantileOf(latenciesMs, 0.5), quantileOf(latenciesMs, 0.99)];
    return { actors, startedPerSecond, rssBeforeMiB, rssMiB, p50Ms, p99Ms, rssAfterMiB };
  });
}

/** The least of a few hosts that have just joined: one and the same differ by megabytes. */
async function leastRssMiB(startHost: (cacheMiB: number) => Promise<ActorHost>): Promise<number> {
  let least = Infinity;
  for (let n = 0; n < JOINS; n++) {
    const host = await startHost(0);
    await pause(REST_MS);
    least = Math.min(least, await host.rssMiB());
    await host.stop();
  }
  return least;
}

type Caller = Parameters<Parameters<typeof withActors>[0]>[0]["client"];

async function callAll(url: string, client: Caller, whom: (n: number) => number, calls: number): Promise<Float64Array> {
  const connection = await connect({ servers: url });
  const latenciesMs = new Float64Array(calls);
  let heard: () => void = () => {};
  listen(connection, "troupe.event.sleeper.*.awake", () => heard());
  await connection.flush();
  for (let n = 0; n < calls; n++) {
    const answer = new Promise<void>((resolve) => (heard = resolve));
    const startedAt = performance.now();
    await client.ref("sleeper", `s${whom(n)}`).send({ type: "call" });
    await answer;
    latenciesMs[n] = performance.now() - startedAt;
  }
  await connection.close();
  return latenciesMs.sort();
}
