/** Where a host's CPU time goes: one run under V8's sampling profiler, its samples put together by whose code they fell into. */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contenders } from "./contenders.ts";
import { runOnce } from "./run-once.ts";

export interface ProfileResult {
  /** Of the host, the profiler's own cost included. */
  readonly microsPerTask: number;
  /** Largest first; shares of what is not idle. */
  readonly parts: readonly { readonly name: string; readonly share: number }[];
}

/** V8's own file format, the parts that are read. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

const WHOSE: readonly (readonly [name: string, is: RegExp])[] = [
  ["troupe: core and machines", /\/(src\/core|machines)\//],
  ["troupe: runtime", /\/src\/runtime\//],
  ["troupe: nats", /\/src\/nats\//],
  ["nats client", /@nats-io/],
  ["msgpack", /msgpackr/],
  ["xstate", /\/xstate\//],
];

export async function measureProfile(count: number): Promise<ProfileResult> {
  const dir = await mkdtemp(join(tmpdir(), "troupe-profile-"));
  try {
    const contender = contenders.find(({ name }) => name === "troupe");
    if (contender === undefined) throw new Error("there is no contender called troupe");
    const worker = { ...contender.worker, nodeFlags: ["--cpu-prof", `--cpu-prof-dir=${dir}`] };
    const plan = { contender: { ...contender, worker }, syncAlways: false, mode: "one", warmUpCount: count / 5, count } as const;
    const { cpuMicrosPerTask } = await runOnce(plan);
    const [file = ""] = await readdir(dir);
    const profile = JSON.parse(await readFile(join(dir, file), "utf8")) as CpuProfile;
    return { microsPerTask: cpuMicrosPerTask.worker, parts: sharesOf(profile) };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function sharesOf({ nodes, samples, timeDeltas }: CpuProfile): ProfileResult["parts"] {
  const whose = new Map(nodes.map(({ id, callFrame }) => [id, whoseIs(callFrame.functionName, callFrame.url)]));
  const micros = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const name = whose.get(id);
    if (name !== undefined) micros.set(name, (micros.get(name) ?? 0) + (timeDeltas[i] ?? 0));
  }
  const total = [...micros.values()].reduce((sum, each) => sum + each, 0);
  return [...micros].map(([name, each]) => ({ name, share: each / total })).sort((a, b) => b.share - a.share);
}

/** Undefined for a process that waits. */
function whoseIs(functionName: string, url: string): string | undefined {
  if (functionName === "(idle)") return undefined;
  if (functionName === "(garbage collector)") return "garbage collection";
  return WHOSE.find(([, is]) => is.test(url))?.[0] ?? "node and system calls";
}
