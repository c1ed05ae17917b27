/** A host of the measured actors, in a process of its own. `node actor-worker.js <url> [cache MiB]` */
import { createHost } from "../src/index.ts";
import { benchActors } from "./actors.ts";
import { wallClockMs } from "./entry.ts";
import { limitedTasks } from "./limits.ts";

export type ActorCommand =
  /** Report once so many more actors have ended. */
  { readonly kind: "expect"; readonly count: number } | { readonly kind: "measureMemory" } | { readonly kind: "stop" };

export type ActorReport =
  | { readonly kind: "ready" }
  | { readonly kind: "ended"; readonly at: number; readonly cpuMicros: number }
  | { readonly kind: "memory"; readonly rssMiB: number; readonly heapMiB: number };

/** An error of half of this in a round of seconds. */
const LOOK_EVERY_MS = 2;
const MIB = 2 ** 20;

const [url = "", cacheMiB = "64"] = process.argv.slice(2);
const tell = (report: ActorReport): void => void process.send?.(report);
const host = await createHost({
  nats: url,
  actors: [...benchActors, ...limitedTasks],
  concurrency: 100,
  cacheBytes: Number(cacheMiB) * MIB,
});
let expectedInAll = 0;

function watch(before: NodeJS.CpuUsage): void {
  setTimeout(() => {
    if (host.statistics.finished < expectedInAll) return watch(before);
    const { user, system } = process.cpuUsage(before);
    tell({ kind: "ended", at: wallClockMs(), cpuMicros: user + system });
  }, LOOK_EVERY_MS);
}

process.on("disconnect", () => process.exit(0));
process.on("message", (command: ActorCommand) => {
  if (command.kind === "stop") void host.stop().then(() => process.exit(0));
  else if (command.kind === "expect") {
    expectedInAll += command.count;
    watch(process.cpuUsage());
  } else {
    (globalThis as { gc?: () => void }).gc?.();
    const { rss, heapUsed } = process.memoryUsage();
    tell({ kind: "memory", rssMiB: rss / MIB, heapMiB: heapUsed / MIB });
  }
});
tell({ kind: "ready" });
