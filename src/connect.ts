import type { NatsConnection } from "@nats-io/nats-core";
import { Client } from "./client.ts";
import { DEADLINES } from "./core/deadlines.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { TroupeError } from "./core/errors.ts";
import { checkSendMs } from "./limits.ts";
import { inboxPrefixIn, openConnection, type ConnectionOptions } from "./nats/connection.ts";
import { NatsGateway } from "./nats/gateway.ts";
import { namesOf } from "./nats/names.ts";
import { systemClock } from "./runtime/clock.ts";
import { readLayout, type Layout } from "./nats/provision.ts";
import type { Log } from "./ports/log.ts";

/** Which system, and how to reach it. Everything left out comes from the environment, then from the `nats` CLI's context. */
export interface ConnectOptions {
  /** A URL, several, or everything @nats-io can be told. */
  readonly nats?: string | readonly string[] | ConnectionOptions;
  /** Several systems may share a server. Default: `troupe`. */
  readonly namespace?: string;
  /** How long a message is sent again until it is acknowledged, at most a minute. Default: 5 s. */
  readonly sendTimeout?: Duration;
  /** How long anything else that is asked may take. Default: 5 s. */
  readonly callTimeout?: Duration;
  /** How long `run`, `result`, `waitFor` and `watch` outlast that nothing can be read. Default: 5 min. */
  readonly outageTimeout?: Duration;
  /** Told when the connection is lost and found; pino's or one like it. Default: none, and the host's own where there is one. */
  readonly log?: Log;
}

/**
 * A client for any service that submits or watches tasks and runs none.
 * @throws bad_options, no_connection, incompatible_server
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const deadlines = deadlinesOf(options);
  const connection = await openConnection(connectionOptions(options.nats));
  try {
    return new Client(openGateway(connection, () => readLayout(connection, options.namespace), options, deadlines));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

export function connectionOptions(nats: ConnectOptions["nats"]): ConnectionOptions {
  if (nats === undefined) return {};
  if (typeof nats === "string") return { servers: nats.split(",") };
  return isList(nats) ? { servers: [...nats] } : nats;
}

/** A gateway on a connection that it closes. @throws bad_options */
export function openGateway(
  connection: NatsConnection,
  layout: () => Promise<Layout>,
  options: ConnectOptions,
  deadlines = deadlinesOf(options),
): NatsGateway {
  const gateway = new NatsGateway({
    connection,
    names: namesOf(options.namespace),
    layout,
    clock: systemClock,
    inboxPrefix: inboxPrefixIn(connection),
    ...deadlines,
  });
  if (options.log !== undefined) logConnection(gateway, options.log);
  return gateway;
}

/** @throws bad_options */
function deadlinesOf(options: ConnectOptions) {
  const sendDeadlineMs = durationMs("sendTimeout", options.sendTimeout) ?? DEADLINES.sendMs;
  checkSendMs(sendDeadlineMs, "sendTimeout");
  return {
    sendDeadlineMs,
    callDeadlineMs: durationMs("callTimeout", options.callTimeout) ?? DEADLINES.callMs,
    outageMs: durationMs("outageTimeout", options.outageTimeout) ?? DEADLINES.outageMs,
  };
}

function logConnection(gateway: NatsGateway, log: Log): void {
  let refusal: string | undefined;
  gateway.listen({
    changed(state) {
      const reason = state.state === "reconnecting" ? state.reason : undefined;
      if (reason !== undefined && reason !== refusal) log.warn({ reason }, "the server refuses; dialling");
      refusal = reason;

      if (state.state === "connected") log.info({ server: state.server }, "the connection is back");
      else if (state.state === "reconnecting" && state.tries === 0) log.warn({ server: state.server }, "the connection is lost; dialling");
      else if (state.state === "closed" && state.reason !== undefined)
        log.error({ reason: state.reason }, "the connection is closed for good");
    },
  });
}

/** @throws bad_options */
export function durationMs(name: string, value: Duration | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = parseDuration(value);
  if (ms === undefined)
    throw new TroupeError("bad_options", `"${name}" must be a duration such as "30s", not ${JSON.stringify(value)}`, {
      faults: [{ path: name, message: "must be a duration" }],
    });
  return ms;
}

function isList(nats: Exclude<ConnectOptions["nats"], string | undefined>): nats is readonly string[] {
  return Array.isArray(nats);
}
