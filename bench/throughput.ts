/**
 * Tasks per second, CPU, memory and latency of every contender, interleaved so that what the machine does besides
 * touches all of them alike.
 *
 * TROUPE_NATS_SERVER=/path/to/nats-server node dist/bench/throughput.js [--contenders a,b] [--modes one,batch,call,latency]
 *   [--sync default,always] [--runs 5] [--seconds 5] [--json file]
 */
import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { calibrate } from "./calibration.ts";
import { modes, type Contender, type Mode } from "./contender.ts";
import { contenders, defaultContenders } from "./contenders.ts";
import { latencyTable, throughputTable, type Series } from "./report.ts";
import { runOnce } from "./run-once.ts";

const latencyCount = 2000;
/** A first guess for the probe: short for the slowest contender, long enough to be a rate for the fastest. */
const probeCount = 4000;

const { values: flags } = parseArgs({
  options: {
    contenders: { type: "string", default: defaultContenders.join(",") },
    modes: { type: "string", default: modes.join(",") },
    sync: { type: "string", default: "default" },
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    json: { type: "string" },
  },
});

function chosen<T>(flag: string, known: readonly T[], nameOf: (one: T) => string): T[] {
  return flag.split(",").map((name) => {
    const found = known.find((one) => nameOf(one) === name);
    if (found === undefined) throw new Error(`'${name}' is none of ${known.map(nameOf).join(", ")}`);
    return found;
  });
}

/** Two probes: the second, with warm code, decides how many tasks a run of the wished length has. */
async function probe(contender: Contender, syncAlways: boolean, mode: Mode, seconds: number): Promise<Series> {
  if (mode === "latency") return { contender, syncAlways, mode, count: latencyCount, warmUpCount: latencyCount / 4, runs: [] };
  const rough = await runOnce({ contender, syncAlways, mode, warmUpCount: probeCount, count: probeCount });
  const oneSecond = Math.ceil(rough.tasksPerSecond);
  const warm = await runOnce({ contender, syncAlways, mode, warmUpCount: probeCount, count: oneSecond });
  return {
    contender,
    syncAlways,
    mode,
    count: Math.ceil(warm.tasksPerSecond * seconds),
    warmUpCount: Math.ceil(warm.tasksPerSecond),
    runs: [],
  };
}

function progress(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}

async function measure(): Promise<Series[]> {
  const named = chosen(flags.contenders, contenders, (one) => one.name);
  const wishedModes = chosen(flags.modes, modes, (mode) => mode);
  const syncs = chosen(flags.sync, ["default", "always"], (sync) => sync);
  const seriesList: Series[] = [];
  for (const sync of syncs) {
    for (const mode of wishedModes) {
      for (const contender of named) {
        const series = await probe(contender, sync === "always", mode, Number(flags.seconds));
        progress(`${contender.name} ${mode} sync=${sync}: ${series.count} tasks a run`);
        seriesList.push(series);
      }
    }
  }
  for (let run = 1; run <= Number(flags.runs); run++) {
    for (const series of seriesList) {
      const result = await runOnce(series);
      series.runs.push(result);
      const rate = Math.round(result.tasksPerSecond);
      progress(`run ${run} ${series.contender.name} ${series.mode}: ${rate}/s, others ${result.otherCores.toFixed(2)} cores`);
    }
  }
  return seriesList;
}

const [loadBefore, calibrationBefore] = [loadavg(), await calibrate()];
progress(`calibration ${JSON.stringify(calibrationBefore)}`);
const seriesList = await measure();
const calibrationAfter = await calibrate();
const machine = {
  cpus: cpus().map((cpu) => cpu.model),
  node: process.version,
  loadBefore,
  loadAfter: loadavg(),
  calibrationBefore,
  calibrationAfter,
};
const latencySeries = seriesList.filter((series) => series.mode === "latency");
const throughputSeries = seriesList.filter((series) => series.mode !== "latency");
if (throughputSeries.length > 0) console.log(throughputTable(throughputSeries));
if (latencySeries.length > 0) console.log(`\n${latencyTable(latencySeries)}`);
for (const [when, { fdatasyncMs, coreRequestMs }] of Object.entries({ before: calibrationBefore, after: calibrationAfter })) {
  console.log(`\nmachine ${when}: fdatasync ${fdatasyncMs.toFixed(3)} ms, core request ${coreRequestMs.toFixed(3)} ms`);
}
if (flags.json !== undefined) {
  const series = seriesList.map(({ contender, ...rest }) => ({ contender: contender.name, ...rest }));
  await writeFile(flags.json, `${JSON.stringify({ at: new Date().toISOString(), machine, series }, null, 2)}\n`);
}
