/** Troupe's producer: the client as a service would use it. `node troupe-producer.js <url>` */
import { connect, type Client } from "../src/index.ts";
import type { Mode, ProducerCommand } from "./contender.ts";
import { obeyRunner, startUsage, tellRunner, wallClockMs } from "./entry.ts";
import { quantileOf } from "./statistics.ts";

const unacknowledgedLimit = 1024;
const chunkSize = 500;
const chunksInFlight = 4;
const concurrentCallers = 100;
const padding = "x".repeat(67);

const [url = ""] = process.argv.slice(2);
const client = await connect({ nats: url });

const inputOf = (round: string, n: number) => ({ n, round, padding });

/** `count` calls of `submit`, at most `limit` of them unanswered. */
async function withLimit(count: number, limit: number, submit: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await submit(next++);
  };
  await Promise.all(Array.from({ length: limit }, lane));
}

/** Resolves to the latency of each call, sorted, or to nothing where nobody waits for results. */
async function produce(client: Client, mode: Mode, round: string, count: number): Promise<Float64Array> {
  if (mode === "one")
    await withLimit(count, unacknowledgedLimit, (n) => client.start("noop", { id: `${round}-${n}`, input: inputOf(round, n) }));
  if (mode === "batch")
    await withLimit(Math.ceil(count / chunkSize), chunksInFlight, (chunk) => submitChunk(client, round, chunk * chunkSize, count));
  if (mode === "one" || mode === "batch") return new Float64Array(0);
  const latenciesMs = new Float64Array(count);
  await withLimit(count, mode === "call" ? concurrentCallers : 1, async (n) => {
    const startedAt = performance.now();
    const output = await client.run("noop", inputOf(round, n), { id: `${round}-${n}` });
    latenciesMs[n] = performance.now() - startedAt;
    if (output !== n) throw new Error(`call ${n} got ${String(output)}`);
  });
  return latenciesMs.sort();
}

async function submitChunk(client: Client, round: string, from: number, count: number): Promise<void> {
  const size = Math.min(chunkSize, count - from);
  const results = await client.startMany(
    "noop",
    Array.from({ length: size }, (_, i) => ({ id: `${round}-${from + i}`, input: inputOf(round, from + i) })),
  );
  const refused = results.find((result) => result.status === "rejected");
  if (refused !== undefined) throw refused.reason;
}

obeyRunner<ProducerCommand>(
  async ({ round, mode, count }) => {
    const usage = startUsage();
    const firstSubmitAt = wallClockMs();
    const sorted = await produce(client, mode, round, count);
    const latencyMs = { p50: quantileOf(sorted, 0.5), p99: quantileOf(sorted, 0.99), p999: quantileOf(sorted, 0.999) };
    const answered = sorted.length > 0 ? { latencyMs } : {};
    tellRunner({ kind: "submitted", round, firstSubmitAt, ...answered, ...usage() });
  },
  () => client.close(),
);
