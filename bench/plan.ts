/** One plan over a great many children, and the same over ten: its host's memory, its record, and how fast its children are done. */
import { connect } from "@nats-io/transport-node";
import { withActors } from "./actor-stand.ts";
import { listen } from "./listen.ts";

const FEW = 10;
const LONGEST = "60m";

export interface PlanResult {
  readonly children: number;
  readonly childrenPerSecond: number;
  /** Of a host that runs this plan and nothing else, and keeps no idle actors. */
  readonly memory: Memory;
  /** Of one that runs it over ten children. */
  readonly memoryOfTen: Memory;
  /** The largest that the plan's record ever was. */
  readonly recordBytes: number;
}

interface Memory {
  /** The high-water mark, what was not collected yet included. */
  readonly peakRssMiB: number;
  /** What is in use at the end. */
  readonly heapMiB: number;
}

export async function measurePlan(children: number): Promise<PlanResult> {
  const few = await runPlan(FEW);
  const { memory, seconds, recordBytes } = await runPlan(children);
  return { children, childrenPerSecond: children / seconds, memory, memoryOfTen: few.memory, recordBytes };
}

async function runPlan(children: number): Promise<{ readonly seconds: number; readonly memory: Memory; readonly recordBytes: number }> {
  return withActors(async ({ server, client, host: startHost }) => {
    const host = await startHost(0);
    const connection = await connect({ servers: server.url });
    let recordBytes = 0;
    listen(connection, "troupe.live.state.bulk.*", ({ data }) => (recordBytes = Math.max(recordBytes, data.length)));
    await connection.flush();
    const startedAt = performance.now();
    const done = await client.run("bulk", { children }, { timeout: LONGEST });
    const seconds = (performance.now() - startedAt) / 1000;
    if (done !== children) throw new Error(`${String(done)} of ${children} children are done`);
    await connection.close();
    const { peakRssMiB } = host;
    const { heapMiB } = await host.memory();
    return { seconds, memory: { peakRssMiB, heapMiB }, recordBytes };
  });
}
