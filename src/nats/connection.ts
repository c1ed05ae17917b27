import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { NatsConnectionImpl } from "@nats-io/nats-core/internal";
import { setTimeout as pause } from "node:timers/promises";
import { errors, type ConnectionOptions as NatsOptions } from "@nats-io/nats-core";
import { DEADLINES } from "../core/deadlines.ts";
import { TroupeError } from "../core/errors.ts";
import { resolveOptions, type Resolved } from "./connection-options.ts";
import { authenticatorOf } from "./credentials.ts";

export type { ConnectionOptions } from "./connection-options.ts";
import type { ConnectionOptions } from "./connection-options.ts";

/** Older servers lose headers of batches, or panic while catching up (research/jetstream.md §1). */
const LEAST_SERVER = [2, 14, 4] as const;
/** One server of the list has so long to let us in, then the next one is tried. */
const DIAL_MS = 3_000;
/** Each server is dialled at most so often; the jitter is added, so that a thousand clients do not come at once. */
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 250;
/** With less than this left a try would fail for want of time, and hide why the one before did. */
const LEAST_TRY_MS = 500;
/** A host that is busy for longer than a ping's interval has one outstanding when it comes back to its senses: that is no dead link. */
const PINGS_OUT = 2;

/**
 * Opens a connection that mends itself for as long as it is not closed, on whichever server of the list can be reached. What the options
 * leave out comes from the environment, then from a context of the `nats` CLI, then it is nats://127.0.0.1:4222. A server that is not
 * there yet is waited for until the deadline; one that refuses us is not.
 * @throws bad_options listing every fault, no_connection naming the servers, incompatible_server
 */
export async function openConnection(
  options: ConnectionOptions = {},
  environment: NodeJS.ProcessEnv = process.env,
): Promise<NatsConnection> {
  const resolved = resolveOptions(options, environment);
  const servers = resolved.servers.join(", ");
  const connection = await reach(resolved, servers);
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

/** Every server of the list, again and again until one lets us in. @throws no_connection */
async function reach(resolved: Resolved, servers: string): Promise<NatsConnection> {
  const deadlineMs = resolved.connectTimeoutMs ?? DEADLINES.connectMs;
  const giveUpAt = performance.now() + deadlineMs;
  for (;;) {
    const leftMs = Math.max(1, giveUpAt - performance.now());
    try {
      return await withDeadline(connect({ ...toNatsOptions(resolved), timeout: Math.min(DIAL_MS, leftMs) }), leftMs);
    } catch (cause) {
      const pauseMs = RECONNECT_WAIT_MS + Math.random() * RECONNECT_JITTER_MS;
      const leftToTryMs = giveUpAt - performance.now() - pauseMs;
      if (isRefusal(cause) || leftToTryMs < LEAST_TRY_MS) {
        const tried = isRefusal(cause) ? "" : `; tried for ${deadlineMs} ms`;
        throw new TroupeError("no_connection", `No connection to ${servers}: ${(cause as Error).message}${tried}`, {
          about: servers,
          cause,
        });
      }
      await pause(pauseMs);
    }
  }
}

/** A server that is there and does not want us, or not like this: time changes nothing. */
function isRefusal(cause: unknown): boolean {
  if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError) return true;
  const { code } = cause as { readonly code?: unknown };
  return typeof code === "string" && /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code);
}

/** Also while it dials: nats-core leaves the socket of a dial under way open, and with it the process. */
export async function closeConnection(connection: NatsConnection): Promise<void> {
  const { transport } = (connection as NatsConnectionImpl).protocol;
  await connection.close();
  transport.discard();
}

const LEAVE_MS = 1_000;

/** What was published is flushed where the server is there to take it; a drain waits for one that is not. */
export async function leave(connection: NatsConnection): Promise<void> {
  const late = new AbortController();
  if (!connection.isClosed())
    await Promise.race([connection.drain().catch(() => {}), pause(LEAVE_MS, undefined, { signal: late.signal }).catch(() => {})]);
  late.abort();
  await closeConnection(connection);
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
    // Nor is a second refusal in a row final: credentials are rotated, on one server after another.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    // A dead link is noticed when a ping is due and so many have not been answered; the library's default is two minutes each.
    pingInterval: resolved.pingIntervalMs ?? DEADLINES.pingMs,
    maxPingOut: PINGS_OUT,
    // A stack trace per request costs more than the request.
    noAsyncTraces: true,
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
