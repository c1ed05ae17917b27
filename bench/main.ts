/**
 * Everything that is measured, in one run on one machine: `npm run bench`.
 *
 * node dist/bench/main.js [--runs 5] [--seconds 5] [--backlog 1000000] [--dormant 1000000]
 *   [--children 20000] [--json .troupe/bench.json] [--only throughput,profile,crash,takeover,handover,backlog,family,hot,timers,plan,limits,dormant,replicas]
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
import { measureDormant } from "./dormant.ts";
import { measureFamily, type FamilyResult } from "./family.ts";
import { measureHot, type HotResult } from "./hot.ts";
import { measureHandover, measureTakeover, type PauseResult } from "./ownership.ts";
import { LIMIT_NAMES, measureLimits, type LimitsResult } from "./limits.ts";
import { measurePlan, type PlanResult } from "./plan.ts";
import { measureProfile } from "./profile.ts";
import { replicasPart } from "./replicas-report.ts";
import { spreadOf } from "./statistics.ts";
import { formatNumber, formatSpread, formatTable } from "./table.ts";
import { measureTimers, type TimersResult } from "./timers.ts";

const PROFILED_TASKS = 60_000;
const PARENTS = 1_000;
const EVENTS = 100_000;
const TIMERS = 10_000;
const LIMITED_TASKS = 20_000;
const PARTITION_COUNTS = [8, 16, 32, 64];

const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    backlog: { type: "string", default: "1000000" },
    json: { type: "string", default: ".troupe/bench.json" },
    dormant: { type: "string", default: "1000000" },
    children: { type: "string", default: "20000" },
    only: { type: "string", default: "throughput,profile,crash,takeover,handover,backlog,family,hot,timers,plan,limits,dormant,replicas" },
  },
});

process.env["TROUPE_NATS_SERVER"] = (
  await resolveServer({ env: process.env, onProgress: (progress) => process.stderr.write(`${describeProgress(progress)}\n`) })
).path;
await mkdir(dirname(flags.json), { recursive: true });
const results: Record<string, unknown> = {};
const parts: Record<string, () => Promise<void>> = {
  throughput,
  profile,
  crash,
  takeover,
  handover,
  backlog,
  family,
  hot,
  timers,
  plan,
  limits,
  dormant,
  replicas,
};
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

async function takeover(): Promise<void> {
  await pauses("takeover", "one of two hosts", measureTakeover);
}

async function handover(): Promise<void> {
  await pauses("handover", "a second host", measureHandover);
}

async function pauses<How extends string>(
  part: string,
  who: string,
  measure: (partitions: number) => Promise<Readonly<Record<How, PauseResult>>>,
): Promise<void> {
  const rows: string[][] = [];
  for (const partitions of PARTITION_COUNTS) {
    const runs = await repeated(`${part} of ${partitions}`, () => measure(partitions));
    for (const how of Object.keys(runs[0] ?? {}) as How[]) {
      const spread = spreadIn(runs.map((run) => run[how]));
      const figures = [spread((r) => r.p50Ms, 1), spread((r) => r.p99Ms), spread((r) => r.mostMs), spread((r) => r.movedMs)];
      rows.push([`${who} ${how}`, formatNumber(partitions), ...figures, spread((r) => r.unanswered)]);
    }
  }
  const head = [part, "partitions", "a task's pause, ms: p50", "p99", "most", "all in its place, ms", "unanswered"];
  console.log(`\n${formatTable(head, rows)}`);
}

async function backlog(): Promise<void> {
  const result = await measureBacklog(Number(flags.backlog));
  results["backlog"] = result;
  const row = [result.tasks, result.submittedPerSecond, result.workedPerSecond, result.peakRssMiB].map((value) => formatNumber(value));
  console.log(`\n${formatTable(["queued with the host stopped", "submitted/s", "worked off/s", "host's peak MiB"], [row])}`);
}

async function family(): Promise<void> {
  const runs = await repeated("family", () => measureFamily(PARENTS));
  const spread = spreadIn<FamilyResult>(runs);
  const row = [
    spread((r) => r.parentsPerSecond),
    spread((r) => r.p50Ms, 1),
    spread((r) => r.p99Ms, 1),
    spread((r) => r.storedPerSecond),
    spread((r) => r.floorStoredPerSecond),
    spread((r) => (r.storedPerSecond / r.floorStoredPerSecond) * 100),
    spread((r) => r.hostMicrosPerChild, 1),
    spread((r) => r.serverMicrosPerChild, 1),
  ];
  const head = [
    "parents of 100/s, 8 at a time",
    "one at a time: p50, ms",
    "p99, ms",
    "stored/s",
    "floor's",
    "%",
    "host us/child",
    "server's",
  ];
  console.log(`\n${formatTable(head, [row])}`);
}

async function hot(): Promise<void> {
  const runs = await repeated("hot", () => measureHot(EVENTS));
  const spread = spreadIn<HotResult>(runs);
  const row = [
    spread((r) => r.transitionsPerSecond),
    spread((r) => r.queuedPerSecond),
    spread((r) => r.livePerSecond),
    spread((r) => r.withHistoryPerSecond),
    spread((r) => r.hostMicrosPerEvent, 1),
    spread((r) => r.serverMicrosPerEvent, 1),
  ];
  const head = ["pure transitions/s", "one actor's events/s, queued", "sent meanwhile", "… with history", "host us/event", "server's"];
  console.log(`\n${formatTable(head, [row])}`);
}

async function timers(): Promise<void> {
  const runs = await repeated("timers", () => measureTimers(TIMERS));
  const spread = spreadIn<TimersResult>(runs);
  const row = [spread((r) => r.p50Ms), spread((r) => r.p99Ms), spread((r) => r.mostMs), spread((r) => r.early), spread((r) => r.unheard)];
  console.log(`\n${formatTable(["10,000 timers late by, ms: p50", "p99", "most", "too early", "unheard"], [row])}`);
}

async function plan(): Promise<void> {
  const runs = await repeated("plan", () => measurePlan(Number(flags.children)));
  const spread = spreadIn<PlanResult>(runs);
  const row = [
    formatNumber(Number(flags.children)),
    spread((r) => r.childrenPerSecond),
    spread((r) => r.memory.peakRssMiB),
    spread((r) => r.memoryOfTen.peakRssMiB),
    spread((r) => r.memory.heapMiB, 1),
    spread((r) => r.memoryOfTen.heapMiB, 1),
    spread((r) => r.recordBytes / 1024, 1),
  ];
  const head = [
    "a plan's children",
    "done/s",
    "host's peak MiB",
    "over ten",
    "its heap in the end, MiB",
    "over ten",
    "plan's largest record, KiB",
  ];
  console.log(`\n${formatTable(head, [row])}`);
}

async function limits(): Promise<void> {
  const runs = await repeated("limits", () => measureLimits(LIMITED_TASKS));
  const rows = LIMIT_NAMES.map((name, i) => {
    const spread = spreadIn(runs.map((run) => run[i] as LimitsResult));
    return [name, spread((r) => r.tasksPerSecond), spread((r) => r.hostMicrosPerTask, 1)];
  });
  console.log(`\n${formatTable(["limits of a no-op task", "tasks/s", "host us/task"], rows)}`);
}

/** Once: it takes minutes. */
async function dormant(): Promise<void> {
  const result = await measureDormant(Number(flags.dormant));
  results["dormant"] = result;
  const row = [
    formatNumber(result.actors),
    formatNumber(result.startedPerSecond),
    ...[result.rssBeforeMiB, result.rssMiB, result.rssAfterMiB, result.p50Ms, result.p99Ms].map((value) => formatNumber(value, 1)),
  ];
  const head = ["dormant actors", "started/s", "host's MiB without", "with", "after 2,500 calls", "answer p50, ms", "p99"];
  console.log(`\n${formatTable(head, [row])}`);
}

async function replicas(): Promise<void> {
  results["replicas"] = await replicasPart(Number(flags.runs));
}

async function repeated<T>(part: string, measure: () => Promise<T>): Promise<readonly T[]> {
  const runs: T[] = [];
  for (let run = 0; run < Number(flags.runs); run++) {
    runs.push(await measure());
    process.stderr.write(`${part} ${JSON.stringify(runs.at(-1))}\n`);
  }
  results[part] = runs;
  return runs;
}

function spreadIn<T>(runs: readonly T[]): (pick: (run: T) => number, decimals?: number) => string {
  return (pick, decimals = 0) => formatSpread(spreadOf(runs.map(pick)), decimals);
}
