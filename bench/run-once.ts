/** One run of one contender: fresh server, fresh worker, fresh producer, a warm-up, the measured round. */
import type { Contender, LatencySummary, Mode, ProducerCommand, ProducerReport, WorkerCommand, WorkerReport } from "./contender.ts";
import { EntryProcess } from "./entry-process.ts";
import { cpuMicrosOf, machineBusyMicros, peakRssKiBOf } from "./process-usage.ts";
import { startBenchServer, type BenchServer } from "./server.ts";

export interface RunPlan {
  readonly contender: Contender;
  readonly syncAlways: boolean;
  readonly mode: Mode;
  readonly warmUpCount: number;
  readonly count: number;
}

interface PerProcess {
  readonly server: number;
  readonly worker: number;
  readonly producer: number;
}

export interface RunResult {
  readonly count: number;
  readonly seconds: number;
  readonly tasksPerSecond: number;
  readonly cpuMicrosPerTask: PerProcess;
  readonly peakRssKiB: PerProcess;
  readonly latencyMs?: LatencySummary;
  /** Cores kept busy by anything that is not this run: how far to trust the figure. */
  readonly otherCores: number;
}

interface Processes {
  readonly server: BenchServer;
  readonly worker: EntryProcess<WorkerReport, WorkerCommand>;
  readonly producer: EntryProcess<ProducerReport, ProducerCommand>;
}

export async function runOnce(plan: RunPlan): Promise<RunResult> {
  const started: { stop(): Promise<void> }[] = [];
  const stopLater = <T extends { stop(): Promise<void> }>(process: T): T => {
    started.unshift(process);
    return process;
  };
  try {
    const server = stopLater(await startBenchServer(plan));
    const worker: Processes["worker"] = stopLater(new EntryProcess(server.url, plan.contender.worker));
    await worker.next("ready");
    const producer: Processes["producer"] = stopLater(new EntryProcess(server.url, plan.contender.producer));
    await producer.next("ready");
    const processes = { server, worker, producer };
    await playRound(processes, "w", plan.mode, plan.warmUpCount);
    return await playRound(processes, "m", plan.mode, plan.count);
  } finally {
    for (const process of started) await process.stop();
  }
}

async function playRound({ server, worker, producer }: Processes, round: string, mode: Mode, count: number): Promise<RunResult> {
  const expecting = worker.next("expecting");
  worker.send({ kind: "expect", round, count });
  await expecting;
  const reports = Promise.all([worker.next("done"), producer.next("submitted")]);
  const serverCpuBefore = cpuMicrosOf(server.pid);
  const machineBusyBefore = machineBusyMicros();
  const startedAtMs = performance.now();
  producer.send({ kind: "produce", round, mode, count });
  const [done, submitted] = await reports;
  const serverCpuMicros = cpuMicrosOf(server.pid) - serverCpuBefore;
  const othersMicros = machineBusyMicros() - machineBusyBefore - serverCpuMicros - done.cpuMicros - submitted.cpuMicros;
  const elapsedMicros = (performance.now() - startedAtMs) * 1000;
  const seconds = (done.lastDoneAt - submitted.firstSubmitAt) / 1000;
  const perTask = (micros: number): number => micros / count;
  return {
    count,
    seconds,
    tasksPerSecond: count / seconds,
    cpuMicrosPerTask: {
      server: perTask(serverCpuMicros),
      worker: perTask(done.cpuMicros),
      producer: perTask(submitted.cpuMicros),
    },
    peakRssKiB: { server: peakRssKiBOf(server.pid), worker: done.peakRssKiB, producer: submitted.peakRssKiB },
    ...(submitted.latencyMs ? { latencyMs: submitted.latencyMs } : {}),
    otherCores: othersMicros / elapsedMicros,
  };
}
