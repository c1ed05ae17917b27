/** A host in a process of its own, for the benchmarks that stop and kill it. `node host-process.js <url> <concurrency> [<partitions>]` */
import { setTimeout as pause } from "node:timers/promises";
import { createHost, defineTask } from "../src/index.ts";

/** What the host tells the benchmark: `began` for every attempt of `work`, and on demand what it has finished. */
export type HostReport =
  | { readonly kind: "ready" }
  | { readonly kind: "began"; readonly id: string; readonly attempt: number }
  | { readonly kind: "finished"; readonly count: number; readonly rssKiB: number; readonly peakRssKiB: number };

const WORK_MS = 50;
const REPORT_EVERY_MS = 20;

const [url = "", concurrency = "100", partitions] = process.argv.slice(2);
const tell = (report: HostReport): void => void process.send?.(report);

const work = defineTask({
  name: "work",
  run: async ({ actor, attempt }) => {
    tell({ kind: "began", id: actor.id, attempt });
    await pause(WORK_MS);
  },
});
const noop = defineTask({ name: "noop", run: async () => 1 });
const host = await createHost({
  nats: url,
  actors: [work, noop],
  concurrency: Number(concurrency),
  ...(partitions === undefined ? {} : { partitions: Number(partitions) }),
});
process.on("disconnect", () => process.exit(0));
process.on("message", (how) => void (how === "drain" ? host.drain() : host.stop()).then(() => process.exit(0)));
tell({ kind: "ready" });
setInterval(() => {
  const peakRssKiB = process.resourceUsage().maxRSS;
  tell({ kind: "finished", count: host.statistics.finished, rssKiB: Math.round(process.memoryUsage.rss() / 1024), peakRssKiB });
}, REPORT_EVERY_MS);
