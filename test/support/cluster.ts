import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resolveServer } from "../../src/server/resolve.ts";
import { spawnServer, type ServerProcess } from "../../src/server/server-process.ts";
import { eventually } from "./eventually.ts";

/** The very file that docker-compose.yml mounts. */
export const CLUSTER_CONFIG = fileURLToPath(new URL("../../examples/cluster/nats-server.conf", import.meta.url));

const SIZE = 3;
const TOKEN = "12e4";
const READY_MS = 30_000;

/** One server of a cluster, in a directory and on ports of its own that it keeps over restarts. */
export interface ClusterServer {
  readonly name: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly pid: number;
  readonly isRunning: boolean;
  /** SIGKILL, then settles once it is gone. */
  kill(): Promise<void>;
  /** As its process manager would: SIGUSR2, which hands over what the server leads. Settles once it has ended by itself. */
  retire(): Promise<void>;
  /** As an impatient one would. */
  terminate(): Promise<void>;
  /** Resolves once it listens; whether it is in sync is another matter. */
  start(): Promise<void>;
}

/** Three servers as processes, from the configuration that docker-compose.yml uses, on the loopback interface. */
export interface Cluster extends AsyncDisposable {
  readonly servers: readonly [ClusterServer, ClusterServer, ClusterServer];
  /** All three, as `nats://token@…`, separated by commas. */
  readonly url: string;
  readonly token: string;
  /** The servers' addresses, for connections that name the token apart. */
  readonly addresses: readonly string[];
  named(name: string): ClusterServer;
  /** Resolves once every running server says that it is healthy: all its copies are up to date. */
  inSync(withinMs?: number): Promise<void>;
  lastWords(): string;
}

export async function startCluster(): Promise<Cluster> {
  const { path } = await resolveServer({ env: process.env });
  const folder = await mkdtemp(join(tmpdir(), "troupe-cluster-"));
  const ports = await freePorts(SIZE * 3);
  const servers = await Promise.all(
    Array.from({ length: SIZE }, async (_, i) => {
      const [port, monitorPort, clusterPort] = ports.slice(i * 3, i * 3 + 3) as [number, number, number];
      const routes = ports.filter((_port, at) => at % 3 === 2 && at !== i * 3 + 2);
      return openServer({ program: path, folder, name: `nats-${i + 1}`, port, monitorPort, clusterPort, routes });
    }),
  );
  const cluster: Cluster = {
    servers: servers as unknown as Cluster["servers"],
    url: servers.map(({ port }) => `nats://${TOKEN}@127.0.0.1:${port}`).join(","),
    token: TOKEN,
    addresses: servers.map(({ port }) => `127.0.0.1:${port}`),
    named: (name) => servers.find((server) => server.name === name) as ClusterServer,
    async inSync(withinMs = READY_MS) {
      for (const { name, monitorPort, isRunning } of servers)
        if (isRunning) await eventually(`${name} is in sync`, () => isHealthy(monitorPort), withinMs);
    },
    lastWords: () => servers.map((server) => `${server.name}:\n${server.lastWords()}`).join("\n"),
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await Promise.all(servers.map((server) => server.start()));
    await cluster.inSync();
    return cluster;
  } catch (error) {
    const words = cluster.lastWords();
    await cluster[Symbol.asyncDispose]();
    throw new Error(`The cluster did not start: ${(error as Error).message}\n${words}`, { cause: error });
  }
}

interface Place {
  readonly program: string;
  readonly folder: string;
  readonly name: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly clusterPort: number;
  readonly routes: readonly number[];
}

async function openServer(place: Place): Promise<ClusterServer & { lastWords(): string }> {
  const store = join(place.folder, place.name);
  await mkdir(store);
  let running: ServerProcess | undefined;
  let lastWords = (): string => "";
  const gone = async (server: ServerProcess | undefined): Promise<void> => {
    await server?.ended;
    if (running === server) running = undefined;
  };
  const signalled = (signal: NodeJS.Signals) => async (): Promise<void> => {
    const server = running;
    if (server === undefined) return;
    process.kill(server.pid, signal);
    await gone(server);
  };
  return {
    name: place.name,
    port: place.port,
    monitorPort: place.monitorPort,
    get pid() {
      if (running === undefined) throw new Error(`${place.name} does not run`);
      return running.pid;
    },
    get isRunning() {
      return running !== undefined;
    },
    kill: signalled("SIGKILL"),
    retire: signalled("SIGUSR2"),
    terminate: signalled("SIGTERM"),
    async start() {
      const server = spawnServer({
        program: place.program,
        configPath: CLUSTER_CONFIG,
        logPath: join(place.folder, `${place.name}.log`),
        env: { ...process.env, ...environmentOf(place, store) },
      });
      running = server;
      lastWords = () => server.lastWords();
      void gone(server);
      await eventually(`${place.name} listens`, async () => (await listens(place.port)) || running === undefined, READY_MS);
      if (running === undefined) throw new Error(`${place.name} ended with ${await server.ended}: ${server.lastWords()}`);
    },
    lastWords: () => lastWords(),
  };
}

/** What docker-compose.yml gives its servers, with the places that processes on one machine need. */
function environmentOf({ name, port, monitorPort, clusterPort, routes }: Place, store: string): Record<string, string> {
  const quoted = JSON.stringify;
  return {
    SERVER_NAME: quoted(name),
    CLIENT_LISTEN: quoted(`127.0.0.1:${port}`),
    MONITOR_LISTEN: quoted(`127.0.0.1:${monitorPort}`),
    CLUSTER_LISTEN: quoted(`127.0.0.1:${clusterPort}`),
    CLUSTER_ROUTES: quoted(routes.map((route) => `nats://server:route-secret@127.0.0.1:${route}`)),
    CLUSTER_PASSWORD: quoted("route-secret"),
    NATS_TOKEN: quoted(TOKEN),
    STORE_DIR: quoted(store),
  };
}

/** Ports that nobody has: all are held until all are known, so that no two are the same. */
async function freePorts(count: number): Promise<readonly number[]> {
  const held: Server[] = [];
  for (let i = 0; i < count; i++) {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    held.push(server);
  }
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** What the containers' health checks ask: does JetStream run, and is every copy that lies here up to date? */
async function isHealthy(monitorPort: number): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${monitorPort}/healthz`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}
