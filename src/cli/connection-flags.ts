import { Option, type Command } from "commander";
import type { Client } from "../client.ts";
import type { ConnectOptions } from "../connect.ts";
import { FORMATS, type Format } from "./output.ts";

/** Flags of every command that talks to NATS. What they leave out comes from the environment, then from a context of the `nats` CLI. */
export interface ConnectionFlags {
  readonly server?: string;
  readonly namespace?: string;
  readonly context?: string;
}

export interface OutputFlags {
  readonly output: Format;
}

export function withConnection(command: Command): Command {
  return command
    .option("-s, --server <url>", "NATS server, or several with commas (NATS_URL)")
    .option("--context <name>", "a context of the nats CLI (NATS_CONTEXT)")
    .option("--namespace <name>", "which system on the server", "troupe");
}

export function withOutput(command: Command): Command {
  return command.addOption(
    new Option("-o, --output <format>", "table for people, json or jsonl for scripts").choices(FORMATS).default("table"),
  );
}

/** Whoever types a command would rather hear soon that nobody is there. */
const CONNECT_MS = 2_000;

export function connectOptionsOf(flags: ConnectionFlags): ConnectOptions {
  const nats = {
    ...(flags.server === undefined ? {} : { servers: flags.server.split(",") }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    connectTimeoutMs: CONNECT_MS,
  };
  return { nats, ...(flags.namespace === undefined ? {} : { namespace: flags.namespace }) };
}

/** Runs an action with a client that is closed afterwards, whatever happens. */
export async function withClient<T>(flags: ConnectionFlags, action: (client: Client) => Promise<T>): Promise<T> {
  const { connect } = await import("../connect.ts");
  const client = await connect(connectOptionsOf(flags));
  try {
    return await action(client);
  } finally {
    await client.close();
  }
}
