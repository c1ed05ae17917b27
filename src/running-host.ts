import type { NatsConnection } from "@nats-io/nats-core";
import type { Client } from "./client.ts";
import { durationMs } from "./connect.ts";
import type { Duration } from "./core/duration.ts";
import type { TroupeError } from "./core/errors.ts";
import type { HealthEndpoint, Readiness } from "./health.ts";
import type { Adapter } from "./nats/adapter.ts";
import { leave } from "./nats/connection.ts";
import type { Micro } from "./nats/micro.ts";
import { readinessOf } from "./readiness.ts";
import type { Host } from "./runtime/host.ts";

const DEFAULT_DRAIN_MS = 30_000;
/** What a host gives away for its goodbyes where nobody hears them, beside the time of a drain: others notice by its signs of life. */
const GOODBYES_MS = 5_000;
const CLIENT_MS = 2_000;

interface RunningParts {
  readonly micro: Micro;
  readonly client: Client;
  readonly adapter: Adapter;
  readonly connection: NatsConnection;
  readonly health: HealthEndpoint | undefined;
}

/**
 * How a host stands. `cut-off`: nothing runs here, because it could give no sign of life and its partitions may be another's (`cut_off`),
 * or because the streams are gone (`not_provisioned`). It goes on trying, and goes on as soon as it can.
 */
export type HostStatus =
  | { readonly kind: "joining" | "active" | "draining" | "left" }
  | { readonly kind: "cut-off"; readonly error: TroupeError };

/** A process's running host. Made by `createHost`; `await using` drains it. */
export class RunningHost implements AsyncDisposable {
  readonly #host: Host;
  readonly #parts: RunningParts;
  #closed: Promise<void> | undefined;

  constructor(host: Host, parts: RunningParts) {
    this.#host = host;
    this.#parts = parts;
  }

  /** A subject token, unique for ever. */
  get id(): string {
    return this.#host.id;
  }

  /** A client on a connection of its own, closed with the host. */
  get client(): Client {
    return this.#parts.client;
  }

  /**
   * Attempts that run now, and tasks whose end this host has stored; and of limited types whose gate is here, how many tasks wait for a
   * permit and how many permits are out.
   */
  get statistics(): {
    readonly running: number;
    readonly finished: number;
    readonly gates: readonly { readonly type: string; readonly waiting: number; readonly out: number }[];
  } {
    const { running, finished, gates } = this.#host.stage;
    return { running, finished, gates };
  }

  get status(): HostStatus {
    const { failure, phase } = this.#host;
    return failure !== undefined && phase === "active" ? { kind: "cut-off", error: failure } : { kind: phase };
  }

  /** Every partition of the cluster, and how it stands with this host: `running` where it has it. */
  get partitions(): readonly { readonly partition: number; readonly phase: string; readonly fence: number }[] {
    return this.#host.partitions.map(({ number, phase, session }) => ({ partition: number, phase, fence: session?.fence ?? 0 }));
  }

  /** Where it answers `/livez` and `/readyz`, if it does. */
  get healthPort(): number | undefined {
    return this.#parts.health?.port;
  }

  /** Whether it can take up work now, found out by a round trip to JetStream of 2 s at most. Never rejects. */
  readiness(): Promise<Readiness> {
    return readinessOf(this.#host, this.#parts.adapter.leases);
  }

  /**
   * Finishes what runs, for at most `timeout` (30 s), gives its partitions back and leaves. Where NATS does not answer it leaves all the
   * same, some seconds later (nine at most).
   */
  async drain(timeout?: Duration): Promise<void> {
    const drainMs = durationMs("timeout", timeout) ?? DEFAULT_DRAIN_MS;
    await within(drainMs + GOODBYES_MS, this.#host.drain(drainMs));
    await this.#close();
  }

  /** Leaves at once: what runs is aborted, and goes on elsewhere by its crash policy. */
  async stop(): Promise<void> {
    await within(GOODBYES_MS, this.#host.stop());
    await this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  /** Once, however many leave: a stop overtakes a drain that is under way, and both end here. */
  #close(): Promise<void> {
    return (this.#closed ??= this.#closeParts());
  }

  async #closeParts(): Promise<void> {
    const { micro, adapter, client, connection, health } = this.#parts;
    micro.close();
    await adapter.close();
    await leave(connection);
    await within(CLIENT_MS, client.close());
    health?.close();
  }
}

/** Goes on when it is done, when it has failed, or when its time is over: leaving must not hang on those who cannot be reached. */
async function within(ms: number, farewell: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([farewell.catch(() => {}), late]);
  clearTimeout(timer);
}

/** SIGTERM and SIGINT drain the host, a second one stops it at once. Resolves when it has left. */
export async function drainOnSignals(host: RunningHost, drainTimeout?: Duration): Promise<"drained" | "stopped"> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const onSignal = (): void => {
      signals++;
      if (signals === 1) host.drain(drainTimeout).then(() => finish("drained"), reject);
      else if (signals === 2) host.stop().then(() => finish("stopped"), reject);
    };
    const finish = (how: "drained" | "stopped"): void => {
      process.off("SIGTERM", onSignal);
      process.off("SIGINT", onSignal);
      resolve(how);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}
