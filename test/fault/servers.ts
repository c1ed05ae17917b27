import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { resolveServer } from "../../src/server/resolve.ts";
import { spawnServer, type ServerProcess } from "../../src/server/server-process.ts";
import { eventually } from "../support/eventually.ts";

const READY_MS = 30_000;

export interface ServersOptions {
  readonly folder: string;
  readonly count: 1 | 3;
  /** Where each listens, by its number: in a network namespace an address of its own. Default: the loopback. */
  readonly addressOf?: (n: number) => string;
  /** What stands before the server's command line: how one gets into a namespace. */
  readonly launcherOf?: (n: number) => string | undefined;
  /** Where each keeps its data. Default: below the folder. */
  readonly storeOf?: (n: number) => string;
  /** More of JetStream's configuration. */
  readonly jetstream?: string;
}

/** One nats-server as a process that keeps its ports and its data over restarts. */
export interface FaultServer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly isRunning: boolean;
  readonly pid: number;
  /** Resolves once it listens; whether it is in sync is another matter. */
  start(): Promise<void>;
  /** Another configuration of JetStream, from its next start on. */
  configure(jetstream: string): void;
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL; settles once it is gone. */
  kill(): Promise<void>;
  lastWords(): string;
}

export interface Servers extends AsyncDisposable {
  readonly all: readonly FaultServer[];
  readonly urls: readonly string[];
  /** Resolves once every running server says that all its copies are up to date. */
  inSync(withinMs?: number): Promise<void>;
}

/** One server, or three that are a cluster, without a token: nothing but the tests reaches them. They end with this process. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { path: program } = await resolveServer({ env: process.env });
  const ports = await freePorts(options.count * 3);
  const addressOf = options.addressOf ?? (() => "127.0.0.1");
  const routes = Array.from({ length: options.count }, (_, n) => `nats://${addressOf(n)}:${ports[n * 3 + 2]}`);
  const all = Array.from({ length: options.count }, (_, n) => {
    const [port, monitorPort, routePort] = ports.slice(n * 3, n * 3 + 3) as [number, number, number];
    return placed({ n, options, program, address: addressOf(n), port, monitorPort, routePort, routes });
  });
  const inSync = async (withinMs = READY_MS): Promise<void> => {
    for (const server of all) if (server.isRunning) await eventually(`${server.name} is in sync`, () => isHealthy(server), withinMs);
  };
  const stop = async (): Promise<void> => void (await Promise.all(all.map((server) => server.kill())));
  try {
    await Promise.all(all.map((server) => server.start()));
    await inSync();
  } catch (error) {
    const words = all.map((server) => `${server.name}: ${server.lastWords()}`).join("\n");
    await stop();
    throw new Error(`${(error as Error).message}\n${words}`, { cause: error });
  }
  return { all, urls: all.map(({ address, port }) => `nats://${address}:${port}`), inSync, [Symbol.asyncDispose]: stop };
}

interface Place {
  readonly n: number;
  readonly options: ServersOptions;
  readonly program: string;
  readonly address: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly routePort: number;
  readonly routes: readonly string[];
}

function placed(place: Place): FaultServer {
  const { n, options, address, port, monitorPort } = place;
  const name = `s${n + 1}`;
  const folder = join(options.folder, name);
  const store = options.storeOf?.(n) ?? join(folder, "store");
  mkdirSync(folder, { recursive: true });
  mkdirSync(store, { recursive: true });
  const configPath = join(folder, "nats-server.conf");
  const configure = (jetstream: string): void =>
    writeFileSync(configPath, configOf({ ...place, options: { ...options, jetstream } }, name, store));
  configure(options.jetstream ?? "");
  const program = launcher(folder, place.program, options.launcherOf?.(n));
  let running: ServerProcess | undefined;
  let lastWords = (): string => "";
  const pid = (): number => {
    if (running === undefined) throw new Error(`${name} does not run`);
    return running.pid;
  };
  return {
    name,
    address,
    port,
    monitorPort,
    configure,
    get isRunning() {
      return running !== undefined;
    },
    get pid() {
      return pid();
    },
    async start() {
      const server = spawnServer({ program, configPath, logPath: join(folder, `log-${Date.now()}`), env: process.env });
      running = server;
      lastWords = () => server.lastWords();
      void server.ended.then(() => {
        if (running === server) running = undefined;
      });
      await eventually(`${name} listens`, async () => running !== server || (await listens(address, port)), READY_MS);
      if (running !== server) throw new Error(`${name} ended with ${await server.ended}: ${server.lastWords()}`);
    },
    signal: (signal) => void process.kill(pid(), signal),
    async kill() {
      if (running === undefined) return;
      const { ended } = running;
      process.kill(running.pid, "SIGKILL");
      await ended;
    },
    lastWords: () => lastWords(),
  };
}

/** A program of one word, as the server's own start wants it. */
function launcher(folder: string, program: string, prefix: string | undefined): string {
  if (prefix === undefined) return program;
  const path = join(folder, "launch.sh");
  writeFileSync(path, `#!/bin/sh\nexec ${prefix} ${program} "$@"\n`, { mode: 0o755 });
  return path;
}

function configOf({ address, port, monitorPort, routePort, routes, options }: Place, name: string, store: string): string {
  // `no_advertise`: clients would learn the servers' own addresses and go past what stands between them and the servers.
  const cluster = `cluster {
  name: fault
  listen: "${address}:${routePort}"
  routes: ${JSON.stringify(routes.filter((route) => !route.endsWith(`:${routePort}`)))}
  no_advertise: true
  pool_size: 1
}`;
  return `server_name: ${name}
listen: "${address}:${port}"
http: "${address}:${monitorPort}"
max_payload: 1MB
jetstream {
  store_dir: ${JSON.stringify(store)}
  limits { batch { max_inflight_per_stream: 200, timeout: "5s" } }
  ${options.jetstream ?? ""}
}
${routes.length > 1 ? cluster : ""}
`;
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

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

async function isHealthy({ address, monitorPort }: FaultServer): Promise<boolean> {
  const answer = await fetch(`http://${address}:${monitorPort}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok === true;
}
