import { connect, type NatsConnection } from "@nats-io/transport-node";
import { readFileSync } from "node:fs";
import {
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  type Authenticator,
  type ConnectionOptions as NatsOptions,
} from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { resolveOptions, type Resolved } from "./connection-options.ts";

export type { ConnectionOptions } from "./connection-options.ts";
import type { ConnectionOptions } from "./connection-options.ts";

/** Older servers lose headers of batches, or panic while catching up (research/jetstream.md §1). */
const LEAST_SERVER = [2, 14, 4] as const;
const DEFAULT_CONNECT_MS = 10_000;
const PING_INTERVAL_MS = 10_000;
const RECONNECT_WAIT_MS = 250;

/**
 * Opens a connection that mends itself for as long as it is not closed. What the options leave out comes from the environment,
 * then from a context of the `nats` CLI, then it is nats://127.0.0.1:4222.
 * @throws bad_options listing every fault, no_connection naming the servers, incompatible_server
 */
export async function openConnection(
  options: ConnectionOptions = {},
  environment: NodeJS.ProcessEnv = process.env,
): Promise<NatsConnection> {
  const resolved = resolveOptions(options, environment);
  const servers = resolved.servers.join(", ");
  const natsOptions = toNatsOptions(resolved);
  let connection: NatsConnection;
  try {
    connection = await withDeadline(connect(natsOptions), resolved.connectTimeoutMs ?? DEFAULT_CONNECT_MS);
  } catch (cause) {
    throw new TroupeError("no_connection", `No connection to ${servers}: ${(cause as Error).message}`, { about: servers, cause });
  }
  if (resolved.inboxPrefix !== undefined) inboxPrefixes.set(connection, resolved.inboxPrefix);
  const version = connection.info?.version ?? "0";
  if (isOlder(version, LEAST_SERVER)) {
    await connection.close();
    throw new TroupeError(
      "incompatible_server",
      `The server at ${servers} is nats-server ${version}, older than ${LEAST_SERVER.join(".")}`,
      { about: servers },
    );
  }
  return connection;
}

/** Where answers to this connection go: what it was opened with, which may have come from a context. */
export function inboxPrefixIn(connection: NatsConnection): string | undefined {
  return inboxPrefixes.get(connection);
}

const inboxPrefixes = new WeakMap<NatsConnection, string>();

function toNatsOptions(resolved: Resolved): NatsOptions {
  const { certFile, keyFile, caFile, handshakeFirst } = resolved.tls ?? {};
  const authenticator = authenticatorOf(resolved);
  return {
    servers: [...resolved.servers],
    name: resolved.name ?? "troupe",
    // The client's default gives up after ten attempts and closes for good.
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    // A dead link is noticed after two missed pings; the default is two minutes each.
    pingInterval: PING_INTERVAL_MS,
    // A stack trace per request costs more than the request.
    noAsyncTraces: true,
    timeout: resolved.connectTimeoutMs ?? DEFAULT_CONNECT_MS,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(resolved.user === undefined ? {} : { user: resolved.user }),
    ...(resolved.password === undefined ? {} : { pass: resolved.password }),
    ...(resolved.token === undefined ? {} : { token: resolved.token }),
    ...(resolved.inboxPrefix === undefined ? {} : { inboxPrefix: resolved.inboxPrefix }),
    ...(resolved.tls === undefined
      ? {}
      : {
          tls: {
            ...(certFile === undefined ? {} : { certFile }),
            ...(keyFile === undefined ? {} : { keyFile }),
            ...(caFile === undefined ? {} : { caFile }),
            ...(handshakeFirst === true ? { handshakeFirst } : {}),
          },
        }),
  };
}

/** The files are read anew for each attempt, so that rotated credentials work after a reconnect. resolveOptions has seen that they can be. */
function authenticatorOf({ credsFile, nkeySeedFile, jwt }: Resolved): Authenticator | undefined {
  if (credsFile !== undefined) return credsAuthenticator(() => readFileSync(credsFile));
  const seed = nkeySeedFile === undefined ? undefined : () => seedIn(readFileSync(nkeySeedFile, "utf8"));
  if (jwt !== undefined) return (nonce) => jwtAuthenticator(jwt, seed?.())(nonce);
  return seed === undefined ? undefined : (nonce) => nkeyAuthenticator(seed())(nonce);
}

/** A seed alone, or between the lines that nsc and nk write around it. */
function seedIn(text: string): Uint8Array {
  return Buffer.from(/\bS[A-Z][A-Z2-7]{56}\b/.exec(text)?.[0] ?? text.trim());
}

async function withDeadline(connecting: Promise<NatsConnection>, deadlineMs: number): Promise<NatsConnection> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no connection within ${deadlineMs} ms`)), deadlineMs);
  });
  try {
    return await Promise.race([connecting, late]);
  } catch (error) {
    // Whatever comes of it later is not wanted any more.
    connecting.then((connection) => connection.close()).catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function isOlder(version: string, least: readonly number[]): boolean {
  const parts = version.split(/[.-]/).map(Number);
  for (const [i, wanted] of least.entries()) {
    const part = parts[i] ?? 0;
    if (part !== wanted) return !(part > wanted);
  }
  return false;
}
