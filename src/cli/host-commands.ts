import type { Command } from "commander";
import type { Definition } from "../core/definition.ts";
import type { Duration } from "../core/duration.ts";
import { connectOptionsOf, withConnection, type ConnectionFlags } from "./connection-flags.ts";
import { definitionsOf } from "./entry.ts";
import { say } from "./output.ts";

interface HostFlags extends ConnectionFlags {
  readonly concurrency: string;
  readonly drainTimeout: Duration;
  readonly healthPort?: string;
  readonly healthAddress: string;
  readonly replicas?: string;
  readonly partitions?: string;
}

interface DevFlags extends HostFlags {
  readonly data: string;
  readonly port: string;
}

/** Commands that run actors. */
export function addHostCommands(program: Command): void {
  const host = program
    .command("host <entry>")
    .description("runs a host with the definitions that a module exports; SIGTERM drains it, a second one stops it");
  withHost(withConnection(host)).action(async (entry: string, flags: HostFlags) => runHost(await definitionsOf(entry), flags));
  const dev = program
    .command("dev <entry>")
    .description("a nats-server of its own on the loopback interface and a host; prints where everything is")
    .option("--data <dir>", "where the server keeps its data", ".troupe")
    .option("--port <port>", "the server's port; 0 takes a free one", "0");
  withHost(withConnection(dev)).action(runDev);
}

function withHost(command: Command): Command {
  return command
    .option("--concurrency <n>", "attempts that may run at once", "50")
    .option("--drain-timeout <duration>", "how long a drain may take", "30s")
    .option("--health-port <port>", "answers GET /livez and /readyz there")
    .option("--health-address <address>", "0.0.0.0 for probes from outside", "127.0.0.1")
    .option("--partitions <n>", "of streams that are created now; fixed afterwards")
    .option("--replicas <n>", "copies of every stream that is created now: 1, 3 or 5");
}

async function runHost(actors: readonly Definition[], flags: HostFlags): Promise<void> {
  const { createHost } = await import("../create-host.ts");
  const { drainOnSignals } = await import("../running-host.ts");
  const { pino } = await import("pino");
  const log = pino({ level: process.env["LOG_LEVEL"] ?? "info" }, pino.destination(2));
  const host = await createHost({
    ...connectOptionsOf(flags),
    actors,
    concurrency: Number(flags.concurrency),
    ...(flags.healthPort === undefined ? {} : { health: { port: Number(flags.healthPort), address: flags.healthAddress } }),
    ...(flags.partitions === undefined ? {} : { partitions: Number(flags.partitions) }),
    ...(flags.replicas === undefined ? {} : { replicas: Number(flags.replicas) }),
    log,
  });
  // Whoever reads that it runs may signal at once.
  const left = drainOnSignals(host, flags.drainTimeout);
  if (host.healthPort !== undefined) say(`health on http://${flags.healthAddress}:${host.healthPort}/readyz`);
  say(`host ${host.id} runs ${actors.map(({ name }) => name).join(", ")}`);
  say(`host ${await left}`);
}

async function runDev(entry: string, flags: DevFlags): Promise<void> {
  const actors = await definitionsOf(entry);
  if (flags.server !== undefined) return runHost(actors, flags);
  const { startEmbeddedServer } = await import("../server/embedded.ts");
  const { describeProgress } = await import("../server/progress.ts");
  await using server = await startEmbeddedServer({
    dataDir: flags.data,
    port: Number(flags.port),
    onProgress: (progress) => say(describeProgress(progress)),
  });
  const [first] = actors;
  say(`server    ${server.url} (data in ${server.dataDir}; for development, not production)`);
  say(`try       npx troupe submit ${first?.name ?? "TYPE"} '{}' --wait -s ${server.url}`);
  say(`or        nats -s ${server.url} req ${flags.namespace ?? "troupe"}.api.submit.${first?.name ?? "TYPE"} '{"input":{}}'`);
  await runHost(actors, { ...flags, server: server.url });
}
