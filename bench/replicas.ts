/**
 * What copies cost: one host on one server, and two hosts on three servers with three copies, all of it on the cores of one machine.
 * And what a partition costs that has nothing to do, which is what limits how many of them there can be.
 */
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../src/index.ts";
import { startBenchCluster } from "./cluster.ts";
import { cpuMicrosOf } from "./process-usage.ts";
import { spawnReplicaHost, type ReplicaHost } from "./replica-host.ts";
import { startBenchServer } from "./server.ts";
import { quantileOf } from "./statistics.ts";

export interface Setup {
  readonly replicas: 1 | 3;
  readonly hosts: number;
  readonly syncAlways: boolean;
}

export interface ReplicasResult extends Setup {
  /** How many partitions each host has: they are spread by the hosts, not by us. */
  readonly spread: readonly number[];
  readonly tasksPerSecond: number;
  /** All servers, all hosts, the producer. */
  readonly cpuMicrosPerTask: { readonly servers: number; readonly hosts: number; readonly producer: number };
  /** Of the servers' share that of the busiest, which leads most. */
  readonly busiestServerMicros: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Idle {
  readonly replicas: 1 | 3;
  readonly partitions: number;
  readonly hosts: number;
}

export interface IdleResult extends Idle {
  /** CPU a second, of all servers and of all hosts, with nothing to do. */
  readonly serverMicros: number;
  readonly hostMicros: number;
}

/** Of each host: before that it spends more on being compiled than on tasks, and two hosts twice as much as one. */
const WARM_UP_EACH = 10_000;
const CALLS = 500;
const CHUNK = 500;
const CHUNKS_IN_FLIGHT = 4;
const IDLE_MS = 8_000;
const SETTLE_MS = 3_000;

export async function measureReplicas(setup: Setup, tasks: number): Promise<ReplicasResult> {
  await using stand = await Stand.open(setup);
  await using client = await connect({ nats: stand.url, sendTimeout: "60s" });
  const submit = async (name: string, count: number): Promise<void> => {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        const from = next;
        next += CHUNK;
        const requests = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => ({ id: `${name}-${from + i}`, input: { n: i } }));
        const refused = (await client.startMany("noop", requests)).find(({ status }) => status === "rejected");
        if (refused?.status === "rejected") throw refused.reason;
      }
    };
    await Promise.all(Array.from({ length: CHUNKS_IN_FLIGHT }, lane));
  };
  const warmUp = WARM_UP_EACH * setup.hosts;
  await submit("w", warmUp);
  await stand.finished(warmUp);
  const before = stand.cpuMicros();
  const own = process.cpuUsage();
  const since = performance.now();
  await submit("m", tasks);
  await stand.finished(warmUp + tasks);
  const seconds = (performance.now() - since) / 1000;
  const after = stand.cpuMicros();
  const { user, system } = process.cpuUsage(own);
  const latencies = new Float64Array(CALLS);
  for (let n = 0; n < CALLS; n++) {
    const at = performance.now();
    await client.run("noop", { n });
    latencies[n] = performance.now() - at;
  }
  latencies.sort();
  return {
    ...setup,
    spread: stand.spread(),
    tasksPerSecond: tasks / seconds,
    cpuMicrosPerTask: {
      servers: (after.servers - before.servers) / tasks,
      hosts: (after.hosts - before.hosts) / tasks,
      producer: (user + system) / tasks,
    },
    busiestServerMicros: Math.max(...after.each.map((micros, i) => micros - (before.each[i] as number))) / tasks,
    p50Ms: quantileOf(latencies, 0.5),
    p99Ms: quantileOf(latencies, 0.99),
  };
}

/** Servers and hosts with nothing to do. */
export async function measureIdle({ replicas, partitions, hosts }: Idle): Promise<IdleResult> {
  await using stand = await Stand.open({ replicas, hosts, syncAlways: false }, partitions);
  await pause(SETTLE_MS);
  const before = stand.cpuMicros();
  await pause(IDLE_MS);
  const after = stand.cpuMicros();
  const perSecond = (micros: number): number => micros / (IDLE_MS / 1000);
  return {
    replicas,
    partitions,
    hosts,
    serverMicros: perSecond(after.servers - before.servers),
    hostMicros: perSecond(after.hosts - before.hosts),
  };
}

/** Servers and hosts of one run. */
class Stand implements AsyncDisposable {
  readonly url: string;
  readonly #pids: readonly number[];
  readonly #stopServers: () => Promise<void>;
  readonly #hosts: ReplicaHost[] = [];

  private constructor(url: string, pids: readonly number[], stop: () => Promise<void>) {
    this.url = url;
    this.#pids = pids;
    this.#stopServers = stop;
  }

  static async open({ replicas, hosts, syncAlways }: Setup, partitions = 8): Promise<Stand> {
    const servers = replicas === 3 ? await startBenchCluster({ syncAlways }) : await startBenchServer({ syncAlways });
    const stand = new Stand(servers.url, "pids" in servers ? servers.pids : [servers.pid], servers.stop);
    try {
      for (let i = 0; i < hosts; i++) stand.#hosts.push(spawnReplicaHost({ url: servers.url, replicas, partitions }));
      for (const host of stand.#hosts) await host.ready;
      return stand;
    } catch (error) {
      await stand[Symbol.asyncDispose]();
      throw error;
    }
  }

  spread(): readonly number[] {
    return this.#hosts.map(({ state }) => state.partitions);
  }

  cpuMicros(): { readonly each: readonly number[]; readonly servers: number; readonly hosts: number } {
    const sum = (micros: readonly number[]): number => micros.reduce((total, each) => total + each, 0);
    const each = this.#pids.map(cpuMicrosOf);
    return { each, servers: sum(each), hosts: sum(this.#hosts.map(({ pid }) => cpuMicrosOf(pid))) };
  }

  async finished(count: number): Promise<void> {
    while (this.#hosts.reduce((sum, { state }) => sum + state.finished, 0) < count) await pause(2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const host of this.#hosts) await host.stop();
    await this.#stopServers();
  }
}
