/**
 * What this machine does today, before any contender: a shared or virtual one differs twofold from hour to hour, and
 * figures are comparable only between runs whose calibration agrees.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { startBenchServer } from "./server.ts";
import { quantileOf } from "./statistics.ts";

export interface Calibration {
  /** Appending and flushing 4 KiB where the server keeps its store. */
  readonly fdatasyncMs: number;
  /** Request and reply over core NATS between two connections of one process. */
  readonly coreRequestMs: number;
}

const samples = 2000;

export async function calibrate(): Promise<Calibration> {
  return { fdatasyncMs: measureFdatasync(), coreRequestMs: await measureCoreRequest() };
}

function measureFdatasync(): number {
  const dir = mkdtempSync(join(tmpdir(), "troupe-bench-"));
  const file = openSync(join(dir, "flushed"), "w");
  const page = Buffer.alloc(4096);
  const elapsedMs = Float64Array.from({ length: samples }, () => {
    writeSync(file, page);
    const startedAt = performance.now();
    fdatasyncSync(file);
    return performance.now() - startedAt;
  });
  closeSync(file);
  rmSync(dir, { recursive: true });
  return quantileOf(elapsedMs.sort(), 0.5);
}

async function measureCoreRequest(): Promise<number> {
  const server = await startBenchServer({ syncAlways: false });
  const [asker, answerer] = await Promise.all([connect({ servers: server.url }), connect({ servers: server.url })]);
  answerer.subscribe("echo", { callback: (_error, message) => void message.respond() });
  await answerer.flush();
  const elapsedMs = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    const startedAt = performance.now();
    await asker.request("echo");
    elapsedMs[sample] = performance.now() - startedAt;
  }
  await Promise.all([asker.close(), answerer.close()]);
  await server.stop();
  return quantileOf(elapsedMs.sort(), 0.5);
}
