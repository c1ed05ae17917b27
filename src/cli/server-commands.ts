import type { Command } from "commander";
import { TroupeError } from "../core/errors.ts";
import { connectOptionsOf, withConnection, withOutput, type ConnectionFlags, type OutputFlags } from "./connection-flags.ts";
import { printOne, printRows, say, type Row } from "./output.ts";

/** Commands around nats-server itself. */
export function addServerCommands(program: Command): void {
  const server = program.command("server").description("the nats-server that troupe runs, and what it needs of any");
  const path = server
    .command("path")
    .description("which nats-server would run")
    .option("--explain", "every place that is looked at, and why not that one");
  withOutput(path).action(showPath);
  server
    .command("run")
    .description("runs a nats-server of its own in the foreground")
    .option("--data <dir>", "where it keeps its data", ".troupe")
    .option("--port <port>", "0 takes a free one", "4222")
    .action(runServer);
  const init = server
    .command("init")
    .description("creates the streams, or verifies them")
    .option("--partitions <n>", "fixed once the streams are there")
    .option("--replicas <n>", "copies of every stream: 1, 3 or 5");
  withOutput(withConnection(init)).action(provisionStreams);
  server
    .command("roles")
    .description("the users of each role as nats-server configuration; passwords come from TROUPE_<ROLE>_PASSWORD")
    .option("--namespace <name>", "which system on the server", "troupe")
    .action(showRoles);
}

async function showPath(flags: OutputFlags & { readonly explain?: true }): Promise<void> {
  const { explainServer, resolveServer } = await import("../server/resolve.ts");
  if (flags.explain === true) {
    const steps = await explainServer({ env: process.env });
    printRows(steps as unknown as readonly Row[], ["step", "outcome", "detail"], flags.output);
    return;
  }
  const { describeProgress } = await import("../server/progress.ts");
  const { path, version, source } = await resolveServer({ env: process.env, onProgress: (progress) => say(describeProgress(progress)) });
  if (flags.output === "table") process.stdout.write(`${path}\n`);
  else printOne({ path, version, source }, [], flags.output);
}

async function runServer(flags: { readonly data: string; readonly port: string }): Promise<void> {
  const { startEmbeddedServer } = await import("../server/embedded.ts");
  const { describeProgress } = await import("../server/progress.ts");
  const server = await startEmbeddedServer({
    dataDir: flags.data,
    port: Number(flags.port),
    onProgress: (progress) => say(describeProgress(progress)),
  });
  process.stdout.write(`${server.url}\n`);
  const stop = (): void => void server.stop();
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  await server.ended;
}

async function provisionStreams(
  flags: ConnectionFlags & OutputFlags & { readonly partitions?: string; readonly replicas?: string },
): Promise<void> {
  const { openConnection } = await import("../nats/connection.ts");
  const { connectionOptions } = await import("../connect.ts");
  const { provision } = await import("../nats/provision.ts");
  const connection = await openConnection(connectionOptions(connectOptionsOf(flags).nats));
  try {
    const made = await provision(connection, {
      ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }),
      ...(flags.partitions === undefined ? {} : { partitions: Number(flags.partitions) }),
      ...(flags.replicas === undefined ? {} : { replicas: Number(flags.replicas) }),
    });
    printOne({ ...made, created: made.created.join(", ") || "nothing" }, ["namespace", "partitions", "replicas", "created"], flags.output);
  } finally {
    await connection.close();
  }
}

const ROLES = ["publisher", "host", "worker", "inspector", "deployer"] as const;

async function showRoles({ namespace }: { readonly namespace: string }): Promise<void> {
  const { rolesConfig } = await import("../nats/roles.ts");
  const logins = ROLES.flatMap((role) => {
    const password = process.env[`TROUPE_${role.toUpperCase()}_PASSWORD`];
    return password === undefined ? [] : [[role, { user: role, password }] as const];
  });
  if (logins.length === 0)
    throw new TroupeError("bad_options", `Set at least one of ${ROLES.map((role) => `TROUPE_${role.toUpperCase()}_PASSWORD`).join(", ")}`);
  process.stdout.write(rolesConfig({ namespace, ...Object.fromEntries(logins) }));
}
