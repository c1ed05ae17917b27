/** What `throughput.ts` prints. */
import type { RunPlan, RunResult } from "./run-once.ts";
import { spreadOf } from "./statistics.ts";
import { formatNumber, formatSpread, formatTable } from "./table.ts";

/** One contender in one mode, and its runs so far. */
export interface Series extends RunPlan {
  readonly runs: RunResult[];
}

type Process = "server" | "worker" | "producer";
const processes: readonly Process[] = ["server", "worker", "producer"];

const spread = ({ runs }: Series, pick: (run: RunResult) => number) => spreadOf(runs.map(pick));
const label = ({ contender, syncAlways, mode }: Series): string[] => [contender.name, syncAlways ? "always" : "default", mode];

export function throughputTable(seriesList: readonly Series[]): string {
  const head = ["contender", "sync", "mode", "tasks/s", "CPU us/task", "server+worker+producer", "peak MiB s/w/p", "other cores"];
  return formatTable(
    head,
    seriesList.map((series) => {
      const cpu = processes.map((process) => spread(series, (run) => run.cpuMicrosPerTask[process]).median);
      const peakMiB = processes.map((process) => spread(series, (run) => run.peakRssKiB[process] / 1024).max);
      return [
        ...label(series),
        formatSpread(spread(series, (run) => run.tasksPerSecond)),
        formatNumber(
          cpu.reduce((sum, micros) => sum + micros),
          1,
        ),
        cpu.map((micros) => formatNumber(micros, 1)).join("+"),
        peakMiB.map((mib) => formatNumber(mib)).join("/"),
        formatSpread(
          spread(series, (run) => run.otherCores),
          2,
        ),
      ];
    }),
  );
}

export function latencyTable(seriesList: readonly Series[]): string {
  const quantiles = ["p50", "p99", "p999"] as const;
  const head = ["contender", "sync", "one at a time, ms", ...quantiles, "other cores"];
  return formatTable(
    head,
    seriesList.map((series) => [
      ...label(series).slice(0, 2),
      `${series.count} calls`,
      ...quantiles.map((quantile) =>
        formatSpread(
          spread(series, (run) => run.latencyMs?.[quantile] ?? Number.NaN),
          2,
        ),
      ),
      formatSpread(
        spread(series, (run) => run.otherCores),
        2,
      ),
    ]),
  );
}
