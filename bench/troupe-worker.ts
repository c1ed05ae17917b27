/** Troupe's worker: a host with one no-op task. `node troupe-worker.js <url>` */
import { createHost, defineTask } from "../src/index.ts";
import type { Usage, WorkerCommand } from "./contender.ts";
import { obeyRunner, startUsage, tellRunner, wallClockMs } from "./entry.ts";

/** How often the host is asked how many tasks it has finished: an error of half of this in a round of seconds. */
const lookEveryMs = 2;

const [url = ""] = process.argv.slice(2);
const noop = defineTask<{ n: number }, number>({ name: "noop", run: async ({ input }) => input.n });
const host = await createHost({ nats: url, actors: [noop], concurrency: 100 });
let expectedInAll = 0;

obeyRunner<WorkerCommand>(
  ({ round, count }) => {
    expectedInAll += count;
    tellRunner({ kind: "expecting", round });
    watch(round, startUsage());
  },
  () => host.stop(),
);

function watch(round: string, usage: () => Usage): void {
  setTimeout(() => {
    if (host.statistics.finished >= expectedInAll) tellRunner({ kind: "done", round, lastDoneAt: wallClockMs(), ...usage() });
    else watch(round, usage);
  }, lookEveryMs);
}
