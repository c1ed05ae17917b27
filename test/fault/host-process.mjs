// One host in a process of its own, run from the compiled package. Its one argument is JSON: see HostProcessOptions in hosts.ts.
// Every run of user code is a line in the journal, written before the work is done: a process that is killed afterwards has run it.
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { fromPromise, setup } from "xstate";
import { familyOf } from "./family.mjs";

const options = JSON.parse(process.argv[2]);
const dist = process.env.TROUPE_FAULT_DIST;
const { createHost, defineActor, definePlan, defineTask, drainOnSignals } = await import(
  dist === undefined ? new URL("../../dist/src/index.js", import.meta.url).href : pathToFileURL(`${dist}/src/index.js`).href
);

const run = async ({ actor, input, attempt, epoch, signal }) => {
  appendFileSync(options.journal, `${actor.type}/${actor.id} ${attempt} ${epoch} ${process.pid}\n`);
  if (input?.ms > 0) await pause(input.ms, undefined, { signal });
  if (input?.fails === true) throw new Error("was asked to fail");
  return attempt;
};
const policies = ["rerun", "fail", "park"];
const tasks = [
  ...policies.map((policy) => defineTask({ name: policy, onCrash: policy, run })),
  ...policies.map((policy) => defineTask({ name: `gpu-${policy}`, onCrash: policy, labels: ["gpu"], run })),
];

// A plan whose last child, in a step of its own, may be asked to fail.
const job = defineTask({ name: "job", retry: { attempts: 1 }, run });
const unjob = defineTask({ name: "unjob", run });
const trip = definePlan({
  name: "trip",
  children: { job, unjob },
  order: "steps",
  rollbackConcurrency: 50,
  expand: function* ({ input, cursor = 0 }) {
    for (let i = cursor; i < input.children; i++) {
      const isLast = i === input.children - 1;
      yield { kind: "job", key: `k${i}`, input: { ms: 20, fails: isLast && input.fails === true }, step: isLast ? 1 : 0, cursor: i + 1 };
    }
  },
  compensate: { job: ({ key }) => ({ kind: "unjob", input: { key, ms: 20 } }) },
  collect: (count = 0) => count + 1,
});

// `crew`: two children under supervision. One that is told to die fails, and is begun again after `input` ms.
const kid = setup({ actors: { death: fromPromise(() => Promise.reject(new Error("died"))) } }).createMachine({
  initial: "alive",
  states: { alive: { on: { die: "dying" } }, dying: { invoke: { id: "death", src: "death" } } },
});
const crew = defineActor({
  name: "crew",
  machine: setup({ actors: { kid } }).createMachine({
    invoke: [
      { id: "a", src: "kid" },
      { id: "b", src: "kid" },
    ],
  }),
  supervise: {
    strategy: "rest-for-one",
    children: ["a", "b"],
    restarts: { max: 2, within: "1h" },
    backoff: { minDelayMs: 3_500, maxDelayMs: 3_500, factor: 1, jitter: 0 },
  },
});

// The parent holds the other end: whatever becomes of it, nothing of it stays behind.
process.stdin.once("close", () => process.exit()).resume();

const host = await createHost({
  nats: options.url,
  namespace: options.namespace,
  actors: [...tasks, crew, familyOf(options.journal, defineActor), job, unjob, trip],
  concurrency: options.concurrency,
  cacheBytes: options.cacheBytes,
  partitions: options.partitions,
  replicas: options.replicas,
  leaseTtl: options.leaseTtl,
  labels: options.labels,
  workerTimeout: "2s",
});
process.stdout.write(`ready ${host.id}\n`);
process.stdout.write(`${await drainOnSignals(host, "10s")}\n`);
process.exit(0);
