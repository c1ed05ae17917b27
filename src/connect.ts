import type { NatsConnection } from "@nats-io/nats-core";
import { Client } from "./client.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { TroupeError } from "./core/errors.ts";
import { inboxPrefixIn, openConnection, type ConnectionOptions } from "./nats/connection.ts";
import { NatsGateway } from "./nats/gateway.ts";
import { namesOf } from "./nats/names.ts";
import { systemClock } from "./runtime/clock.ts";
import { readLayout, type Layout } from "./nats/provision.ts";

/** Which system, and how to reach it. Everything left out comes from the environment, then from the `nats` CLI's context. */
export interface ConnectOptions {
  /** A URL, several, or everything @nats-io can be told. */
  readonly nats?: string | readonly string[] | ConnectionOptions;
  /** Several systems may share a server. Default: `troupe`. */
  readonly namespace?: string;
  /** How long a message is sent again until it is acknowledged. Default: 5 s. */
  readonly sendTimeout?: Duration;
}

const DEFAULT_SEND_DEADLINE_MS = 5_000;

/**
 * A client for any service that submits or watches tasks and runs none.
 * @throws bad_options, no_connection, incompatible_server
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const connection = await openConnection(connectionOptions(options.nats));
  try {
    return new Client(openGateway(connection, () => readLayout(connection, options.namespace), options));
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

/** A gateway on a connection that it closes. */
export function openGateway(connection: NatsConnection, layout: () => Promise<Layout>, options: ConnectOptions): NatsGateway {
  return new NatsGateway({
    connection,
    names: namesOf(options.namespace),
    layout,
    clock: systemClock,
    inboxPrefix: inboxPrefixIn(connection),
    sendDeadlineMs: durationMs("sendTimeout", options.sendTimeout) ?? DEFAULT_SEND_DEADLINE_MS,
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
