// One host of the long runs in a process of its own, run from the compiled package. Its one argument is JSON: see HostProcessOptions in
// hosts.ts. Whatever this process makes of the time of day (skewed-clock.mjs), its lines carry the machine's.
import { appendFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { pino } from "pino";
import { workload } from "./workload.mjs";

const options = JSON.parse(process.argv[2]);
const dist = process.env.TROUPE_FAULT_DIST;
const { createHost, defineActor, definePlan, defineTask, drainOnSignals } = await import(
  dist === undefined ? new URL("../../dist/src/index.js", import.meta.url).href : pathToFileURL(`${dist}/src/index.js`).href
);

const note = (line) =>
  appendFileSync(options.journal, `${JSON.stringify({ at: performance.timeOrigin + performance.now(), host: options.name, ...line })}\n`);

note({ kind: "limit", most: options.concurrency });

// The parent holds the other end: whatever becomes of it, nothing of it stays behind.
process.stdin.once("close", () => process.exit()).resume();

const host = await createHost({
  nats: options.url,
  namespace: options.namespace,
  actors: workload({ defineActor, definePlan, defineTask }, note),
  concurrency: options.concurrency,
  partitions: options.partitions,
  replicas: options.replicas,
  leaseTtl: options.leaseTtl,
  // Who hands over what to whom is part of what is to be known of a long run.
  log: pino({ level: "info" }, pino.destination({ dest: 2, sync: true })),
});
process.stdout.write(`ready ${host.id}\n`);
process.stdout.write(`${await drainOnSignals(host, "10s")}\n`);
process.exit(0);
