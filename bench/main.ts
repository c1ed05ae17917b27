/**
 * Everything that is measured, in one run on one machine: `npm run bench`.
 *
 * node dist/bench/main.js [--runs 5] [--seconds 5] [--backlog 1000000] [--json .troupe/bench.json] [--only throughput,profile,crash,backlog]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeProgress } from "../src/server/progress.ts";
import { resolveServer } from "../src/server/resolve.ts";
import { measureBacklog } from "./backlog.ts";
import { measureCrash, type CrashResult } from "./crash.ts";
import { measureProfile } from "./profile.ts";
import { spreadOf } from "./statistics.ts";
import { formatNumber, formatSpread, formatTable } from "./table.ts";

const PROFILED_TASKS = 60_000;

const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    backlog: { type: "string", default: "1000000" },
    json: { type: "string", default: ".troupe/bench.json" },
    only: { type: "string", default: "throughput,profile,crash,backlog" },
  },
});

process.env["TROUPE_NATS_SERVER"] = (
  await resolveServer({ env: process.env, onProgress: (progress) => process.stderr.write(`${describeProgress(progress)}\n`) })
).path;
await mkdir(dirname(flags.json), { recursive: true });
const results: Record<string, unknown> = {};
const parts: Record<string, () => Promise<void>> = { throughput, profile, crash, backlog };
for (const part of flags.only.split(",")) {
  const measure = parts[part];
  if (measure === undefined) throw new Error(`'${part}' is none of ${Object.keys(parts).join(", ")}`);
  await measure();
}
await writeFile(flags.json, `${JSON.stringify(results, null, 2)}\n`);
console.log(`\nwritten to ${flags.json}`);

/** In a process of its own, so that nothing here is measured with it. */
async function throughput(): Promise<void> {
  const script = fileURLToPath(new URL("./throughput.js", import.meta.url));
  const args = [script, "--sync", "default,always", "--runs", flags.runs, "--seconds", flags.seconds, "--json", flags.json];
  const [code] = (await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit")) as [number | null];
  if (code !== 0) throw new Error(`the throughput benchmark ended with ${code}`);
  results["throughput"] = JSON.parse(await readFile(flags.json, "utf8"));
}

async function profile(): Promise<void> {
  const result = await measureProfile(PROFILED_TASKS);
  results["profile"] = result;
  const rows = result.parts.map(({ name, share }) => [name, formatNumber(share * 100, 1), formatNumber(share * result.microsPerTask, 1)]);
  console.log(`\n${formatTable(["where the host's CPU time goes, profiled", "%", "us/task"], rows)}`);
}

async function crash(): Promise<void> {
  const runs: CrashResult[] = [];
  for (let run = 0; run < Number(flags.runs); run++) runs.push(await measureCrash());
  results["crash"] = runs;
  const spread = (pick: (result: CrashResult) => number): string => formatSpread(spreadOf(runs.map(pick)));
  const row = [spread((r) => r.interrupted), spread((r) => r.firstResumedMs), spread((r) => r.allDoneMs), spread((r) => r.done)];
  console.log(
    `\n${formatTable(["interrupted by kill -9", "first resumes after restart, ms", "all done after restart, ms", "done of 5,000"], [row])}`,
  );
}

async function backlog(): Promise<void> {
  const result = await measureBacklog(Number(flags.backlog));
  results["backlog"] = result;
  const row = [result.tasks, result.submittedPerSecond, result.workedPerSecond, result.peakRssMiB].map((value) => formatNumber(value));
  console.log(`\n${formatTable(["queued with the host stopped", "submitted/s", "worked off/s", "host's peak MiB"], [row])}`);
}
