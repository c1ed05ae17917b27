/** A million tasks queued while no host runs, then a host that works them off: its memory throughout. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createHost, defineTask } from "../src/index.ts";
import type { HostReport } from "./host-process.ts";
import { startBenchServer } from "./server.ts";

const IN_FLIGHT = 2_048;

export interface BacklogResult {
  readonly tasks: number;
  readonly submittedPerSecond: number;
  readonly workedPerSecond: number;
  readonly peakRssMiB: number;
}

export async function measureBacklog(tasks: number): Promise<BacklogResult> {
  const server = await startBenchServer({ syncAlways: false });
  try {
    await provision(server.url);
    const submitMs = await submitAll(server.url, tasks);
    const startedAt = performance.now();
    const host = fork(new URL("./host-process.js", import.meta.url), [server.url, "100"]);
    const peakRssKiB = await new Promise<number>((resolve, reject) => {
      host.on("message", (report: HostReport) => {
        if (report.kind === "finished" && report.count >= tasks) resolve(report.peakRssKiB);
      });
      host.on("exit", (code) => reject(new Error(`the host exited with ${code}`)));
    });
    const workMs = performance.now() - startedAt;
    host.removeAllListeners("exit");
    host.kill("SIGKILL");
    await once(host, "exit");
    return {
      tasks,
      submittedPerSecond: (tasks / submitMs) * 1000,
      workedPerSecond: (tasks / workMs) * 1000,
      peakRssMiB: peakRssKiB / 1024,
    };
  } finally {
    await server.stop();
  }
}

/** The streams are made by a host's first start; this one leaves at once. */
async function provision(url: string): Promise<void> {
  const host = await createHost({ nats: url, actors: [defineTask({ name: "nothing", run: () => undefined })] });
  await host.stop();
}

async function submitAll(url: string, tasks: number): Promise<number> {
  const client = await connect({ nats: url });
  const padding = "x".repeat(80);
  const startedAt = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < tasks) {
      const n = next++;
      await client.start("noop", { id: `b${n}`, input: { n, padding } });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  await client.close();
  return performance.now() - startedAt;
}
