/** Three nats-servers from the configuration that docker-compose.yml uses, on loopback with temporary stores, for one run. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export interface BenchCluster {
  /** All three, with commas. */
  readonly url: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

const SIZE = 3;
const CONFIGURATION = new URL("../../examples/cluster/nats-server.conf", import.meta.url);
const READY_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 20;
const TOKEN = "bench";

export async function startBenchCluster({ syncAlways }: { syncAlways: boolean }): Promise<BenchCluster> {
  const binary = process.env["TROUPE_NATS_SERVER"] ?? "nats-server";
  const dir = await mkdtemp(join(tmpdir(), "troupe-bench-"));
  const config = join(dir, "nats-server.conf");
  const text = await readFile(CONFIGURATION, "utf8");
  await writeFile(config, syncAlways ? text : text.replace("sync_interval: always", ""));
  const ports = await freePorts(3 * SIZE);
  const [client, monitor, cluster] = [0, 1, 2].map((kind) => ports.slice(kind * SIZE, (kind + 1) * SIZE)) as [number[], number[], number[]];
  const routes = JSON.stringify(cluster.map((port) => `nats://server:routes@127.0.0.1:${port}`));
  const children = client.map((port, i): ChildProcess => {
    const env = {
      SERVER_NAME: `"nats-${i + 1}"`,
      CLIENT_LISTEN: `"127.0.0.1:${port}"`,
      MONITOR_LISTEN: `"127.0.0.1:${monitor[i]}"`,
      CLUSTER_LISTEN: `"127.0.0.1:${cluster[i]}"`,
      CLUSTER_ROUTES: routes,
      CLUSTER_PASSWORD: '"routes"',
      NATS_TOKEN: `"${TOKEN}"`,
      STORE_DIR: JSON.stringify(join(dir, String(i))),
    };
    return spawn(binary, ["-c", config], { env: { ...process.env, ...env }, stdio: "ignore" });
  });
  const stop = async (): Promise<void> => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL"); // the stores are thrown away, so no reason to wait for a clean shutdown
      await once(child, "exit");
    }
    await rm(dir, { recursive: true, force: true });
  };
  try {
    for (const port of monitor) await healthy(port);
    return { url: client.map((port) => `nats://${TOKEN}@127.0.0.1:${port}`).join(","), pids: children.map(({ pid }) => pid!), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function healthy(port: number): Promise<void> {
  const giveUpAt = performance.now() + READY_WITHIN_MS;
  while (performance.now() < giveUpAt) {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
    if (response?.ok === true) return;
    await pause(LOOK_EVERY_MS);
  }
  throw new Error(`a server of the cluster was not ready in ${READY_WITHIN_MS} ms`);
}

/** All are held until all are known, so that no two are the same. */
async function freePorts(count: number): Promise<readonly number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map(async (server) => once(server.close(), "close")));
  return ports;
}
