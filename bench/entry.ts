/** The child's side of the protocol in `contender.ts`; every worker and producer script uses it. */
import { performance } from "node:perf_hooks";
import type { ProducerCommand, ProducerReport, Usage, WorkerCommand, WorkerReport } from "./contender.ts";

/** One clock for all processes of a run: the epoch, with the resolution of `performance`. */
export function wallClockMs(): number {
  return performance.timeOrigin + performance.now();
}

export function tellRunner(report: WorkerReport | ProducerReport): void {
  process.send?.(report);
}

/** A worker or producer that cannot go on says why and dies; the runner stops the whole benchmark. */
export function fail(reason: unknown): never {
  tellRunner({ kind: "failed", reason: reason instanceof Error ? (reason.stack ?? reason.message) : String(reason) });
  // The message is already in the pipe: Node writes to IPC pipes synchronously when there is room.
  process.exit(1);
}

type Command = WorkerCommand | ProducerCommand;

/** Runs `handle` for each command until `stop`, then `close`. A runner that dies takes its children with it. */
export function obeyRunner<C extends Command>(
  handle: (command: Exclude<C, { kind: "stop" }>) => void | Promise<void>,
  close: () => Promise<void>,
): void {
  const stop = (): void => void close().finally(() => process.exit(0));
  process.on("disconnect", stop);
  process.on("uncaughtException", fail);
  process.on("message", (command: C) => {
    if (command.kind === "stop") return stop();
    Promise.resolve(handle(command as Exclude<C, { kind: "stop" }>)).catch(fail);
  });
  tellRunner({ kind: "ready" });
}

/** Call it when a round begins; the answer reads the CPU used since. */
export function startUsage(): () => Usage {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return { cpuMicros: user + system, peakRssKiB: process.resourceUsage().maxRSS };
  };
}
