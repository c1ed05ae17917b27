import type { Command } from "commander";
import { TroupeError } from "../core/errors.ts";
import { connectOptionsOf, withConnection, withOutput, type ConnectionFlags, type OutputFlags } from "./connection-flags.ts";
import { EXIT } from "./exit-codes.ts";
import { printOne, printRows, type Row } from "./output.ts";

interface HealthFlags extends ConnectionFlags, OutputFlags {
  readonly port?: string;
  readonly address: string;
  readonly live?: true;
}

const PROBE_MS = 4000;

/** For health checks of containers, and for whoever restarts servers one by one. */
export function addHealthCommand(program: Command): void {
  const health = program
    .command("health")
    .description("exit code 0 where all is well: the streams and their copies, or with --port one host")
    .option("--port <port>", "ask the host that was started with --health-port")
    .option("--address <address>", "where that is", "127.0.0.1")
    .option("--live", "only whether the host's process answers");
  withOutput(withConnection(health)).action((flags: HealthFlags) =>
    flags.port === undefined ? showStreams(flags) : showHost(flags, flags.port),
  );
}

async function showHost({ address, live, output }: HealthFlags, port: string): Promise<void> {
  const url = `http://${address}:${port}/${live === true ? "livez" : "readyz"}`;
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(PROBE_MS) });
  } catch (cause) {
    throw new TroupeError("no_host", `Nobody answers at ${url}: ${(cause as Error).message}`, { about: url, cause });
  }
  const state = (await response.json()) as Row;
  printOne(state, Object.keys(state), output);
  if (!response.ok) process.exitCode = EXIT.unreachable;
}

async function showStreams(flags: HealthFlags): Promise<void> {
  const { openConnection } = await import("../nats/connection.ts");
  const { connectionOptions } = await import("../connect.ts");
  const { readCopies } = await import("../nats/copies.ts");
  const connection = await openConnection(connectionOptions(connectOptionsOf(flags).nats));
  try {
    const copies = await readCopies(connection, flags.namespace);
    printRows(copies as unknown as readonly Row[], ["stream", "leader", "copies", "inSync"], flags.output);
    if (copies.some(({ leader }) => leader === undefined)) process.exitCode = EXIT.unreachable;
    else if (copies.some(({ copies: all, inSync }) => inSync < all)) process.exitCode = EXIT.partial;
  } finally {
    await connection.close();
  }
}
