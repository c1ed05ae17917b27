/** A host of the replicas benchmark, in a process of its own: `node replica-host.js <options as JSON>`, or forked by `spawnReplicaHost`. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createHost, defineTask } from "../src/index.ts";

interface Options {
  readonly url: string;
  readonly replicas: number;
  readonly partitions: number;
}

interface State {
  readonly finished: number;
  readonly partitions: number;
}

export interface ReplicaHost {
  readonly pid: number;
  /** As it was some milliseconds ago. */
  readonly state: State;
  readonly ready: Promise<unknown>;
  stop(): Promise<void>;
}

const REPORT_EVERY_MS = 5;
const PROGRAM = fileURLToPath(import.meta.url);

export function spawnReplicaHost(options: Options): ReplicaHost {
  const child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: (process.env["HOST_NODE_FLAGS"] ?? "").split(" ").filter(Boolean) });
  let state: State = { finished: 0, partitions: 0 };
  child.on("message", (report) => (state = report as State));
  const ended = once(child, "exit");
  const early = ended.then(() => Promise.reject(new Error("a host ended before it was ready")));
  early.catch(() => {});
  return {
    pid: child.pid as number,
    get state() {
      return state;
    },
    ready: Promise.race([once(child, "message"), early]),
    async stop() {
      child.kill((process.env["HOST_SIGNAL"] ?? "SIGKILL") as NodeJS.Signals);
      await ended;
    },
  };
}

if (process.argv[1] === PROGRAM) await serve(JSON.parse(process.argv[2] ?? "{}") as Options);

async function serve({ url, replicas, partitions }: Options): Promise<void> {
  const noop = defineTask<{ n: number }, number>({ name: "noop", run: async ({ input }) => input.n });
  const host = await createHost({ nats: url, actors: [noop], concurrency: 100, replicas, partitions });
  process.on("disconnect", () => process.exit(0));
  setInterval(() => {
    const running = host.partitions.filter(({ phase }) => phase === "running").length;
    process.send?.({ finished: host.statistics.finished, partitions: running } satisfies State);
  }, REPORT_EVERY_MS);
}
