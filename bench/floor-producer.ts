/** The floor's producer. `node floor-producer.js <url> [atomic-in]` */
import type { Mode, ProducerCommand } from "./contender.ts";
import { obeyRunner, startUsage, tellRunner, wallClockMs } from "./entry.ts";
import { callAll } from "./floor-calls.ts";
import { submitAtomicBatches, submitChunks, submitOneByOne } from "./floor-submit.ts";
import { connectFloor } from "./floor-streams.ts";
import { quantileOf } from "./statistics.ts";

const [url = "", atomicIn] = process.argv.slice(2);
const nc = await connectFloor(url);
const concurrentCallers = 100;

/** Resolves to the latency of each call, sorted, or to nothing where nobody waits for results. */
async function produce(mode: Mode, round: string, count: number): Promise<Float64Array> {
  if (mode === "call") return callAll(nc, round, count, concurrentCallers);
  if (mode === "latency") return callAll(nc, round, count, 1);
  if (mode === "one") await submitOneByOne(nc, round, count);
  else await (atomicIn === "atomic-in" ? submitAtomicBatches : submitChunks)(nc, round, count);
  return new Float64Array(0);
}

obeyRunner<ProducerCommand>(
  async ({ round, mode, count }) => {
    const usage = startUsage();
    const firstSubmitAt = wallClockMs();
    const sorted = await produce(mode, round, count);
    const latencyMs = { p50: quantileOf(sorted, 0.5), p99: quantileOf(sorted, 0.99), p999: quantileOf(sorted, 0.999) };
    const answered = sorted.length > 0 ? { latencyMs } : {};
    tellRunner({ kind: "submitted", round, firstSubmitAt, ...answered, ...usage() });
  },
  () => nc.close(),
);
