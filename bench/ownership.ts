/**
 * What a task notices of partitions that change hands: a host that joins and is given its share, one that drains, one that is killed
 * and one that freezes. No-op tasks are submitted at a steady pace all the while, and each is timed from its submission to its result.
 */
import { fork, type ChildProcess } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { partitionOf } from "../src/core/placement.ts";
import { connect, type Client, type HostsView } from "../src/index.ts";
import type { HostReport } from "./host-process.ts";
import { startBenchServer } from "./server.ts";
import { quantileOf } from "./statistics.ts";

const EVERY_MS = 2;
const WARM_UP_MS = 1_000;
const AFTERWARDS_MS = 500;
const LONGEST_MS = 30_000;
const ANSWER_MS = 250;

/** Of the tasks whose partition moved, those submitted from the incident until all is in its place again. */
export interface PauseResult {
  readonly partitionsMoved: number;
  readonly tasks: number;
  /** From the incident until the new owners have everything. */
  readonly movedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mostMs: number;
  /** Results that did not come within half a minute. */
  readonly unanswered: number;
}

export interface HandoverResult {
  readonly joins: PauseResult;
  readonly drains: PauseResult;
}

export interface TakeoverResult {
  readonly killed: PauseResult;
  readonly frozen: PauseResult;
}

export async function measureHandover(partitions: number): Promise<HandoverResult> {
  return withCluster(partitions, async ({ client, load, host }) => {
    await pause(WARM_UP_MS);
    let second: ChildProcess | undefined;
    const joins = await paused(load, client, partitions, async () => {
      second = await host();
      await settled(client, 2);
      return ownedBy(client, 1);
    });
    const drains = await paused(load, client, partitions, async () => {
      const moving = await ownedBy(client, 1);
      second?.send("drain");
      await settled(client, 1);
      return moving;
    });
    return { joins, drains };
  });
}

export async function measureTakeover(partitions: number): Promise<TakeoverResult> {
  const after = (signal: NodeJS.Signals): Promise<PauseResult> =>
    withCluster(partitions, async ({ client, load, host }) => {
      const second = await host();
      await settled(client, 2);
      await pause(WARM_UP_MS);
      const moving = await ownedBy(client, 1);
      return paused(load, client, partitions, async () => {
        second.kill(signal);
        await settled(client, 1);
        return moving;
      });
    });
  return { killed: await after("SIGKILL"), frozen: await after("SIGSTOP") };
}

interface Timed {
  readonly partition: number;
  readonly sentAt: number;
  tookMs: number | undefined;
}

interface Cluster {
  readonly client: Client;
  readonly load: readonly Timed[];
  readonly host: () => Promise<ChildProcess>;
}

/** A server, one host that has every partition, and a steady load. */
async function withCluster<T>(partitions: number, measure: (cluster: Cluster) => Promise<T>): Promise<T> {
  const server = await startBenchServer({ syncAlways: false });
  const children: ChildProcess[] = [];
  const host = async (): Promise<ChildProcess> => {
    const child = fork(new URL("./host-process.js", import.meta.url), [server.url, "100", String(partitions)]);
    children.push(child);
    await new Promise<void>((resolve) => child.on("message", ({ kind }: HostReport) => kind === "ready" && resolve()));
    return child;
  };
  try {
    await host();
    await using client = await connect({ nats: server.url });
    const load: Timed[] = [];
    const timer = setInterval(() => submit(client, partitions, load), EVERY_MS);
    try {
      return await measure({ client, load, host });
    } finally {
      clearInterval(timer);
    }
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await server.stop();
  }
}

function submit(client: Client, partitions: number, load: Timed[]): void {
  const id = `n${load.length}`;
  const timed: Timed = { partition: partitionOf("noop", id, partitions), sentAt: performance.now(), tookMs: undefined };
  load.push(timed);
  client.run("noop", undefined, { id, timeout: LONGEST_MS }).then(
    () => (timed.tookMs = performance.now() - timed.sentAt),
    () => {}, // counted as unanswered
  );
}

/** @param incident resolves to the partitions that moved, once they are in their place */
async function paused(
  load: readonly Timed[],
  client: Client,
  partitions: number,
  incident: () => Promise<ReadonlySet<number>>,
): Promise<PauseResult> {
  const from = performance.now();
  const moved = await incident();
  const until = performance.now();
  await pause(AFTERWARDS_MS);
  const affected = load.filter(({ partition, sentAt }) => moved.has(partition) && sentAt >= from && sentAt <= until);
  const giveUpAt = performance.now() + LONGEST_MS;
  while (affected.some(({ tookMs }) => tookMs === undefined) && performance.now() < giveUpAt) await pause(20);
  if (moved.size === 0 || moved.size > partitions) throw new Error(`${moved.size} of ${partitions} partitions moved`);
  const took = affected.flatMap(({ tookMs }) => tookMs ?? []).sort((one, other) => one - other);
  return {
    partitionsMoved: moved.size,
    tasks: affected.length,
    movedMs: until - from,
    p50Ms: quantileOf(took, 0.5),
    p99Ms: quantileOf(took, 0.99),
    mostMs: quantileOf(took, 1),
    unanswered: affected.length - took.length,
  };
}

async function settled(client: Client, hosts: number): Promise<void> {
  const giveUpAt = performance.now() + LONGEST_MS;
  let failure: unknown;
  for (;;) {
    const view = await hostsOf(client).catch((error: unknown) => void (failure = error));
    const shares = view?.hosts.map(({ partitions }) => partitions.length) ?? [];
    const isEven = Math.max(...shares) - Math.min(...shares) <= 1;
    if (view?.hosts.length === hosts && view.unowned.length === 0 && isEven) return;
    if (performance.now() > giveUpAt) throw new Error(`the cluster did not settle: ${JSON.stringify(view)}`, { cause: failure });
    await pause(5);
  }
}

async function ownedBy(client: Client, index: number): Promise<ReadonlySet<number>> {
  return new Set((await client.hosts()).hosts[index]?.partitions);
}

/** The one that is asked may be frozen. */
async function hostsOf(client: Client): Promise<HostsView> {
  return (await client.ask("hosts", {}, { timeout: ANSWER_MS })) as HostsView;
}
