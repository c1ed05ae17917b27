import { nuid, type NatsConnection } from "@nats-io/nats-core";
import { hostname } from "node:os";
import { pino } from "pino";
import { Client } from "./client.ts";
import { connectionOptions, durationMs, openGateway, type ConnectOptions } from "./connect.ts";
import type { Definition } from "./core/definition.ts";
import type { Duration } from "./core/duration.ts";
import { TroupeError, type Fault } from "./core/errors.ts";
import { faultsOfLabels } from "./core/labels.ts";
import { warningsOf } from "./core/machine-warnings.ts";
import { castOf } from "./define-actor.ts";
import { HealthEndpoint, type HealthOptions, type Readiness } from "./health.ts";
import { viewHosts } from "./host-view.ts";
import { openAdapter } from "./nats/adapter.ts";
import { inboxPrefixIn, openConnection } from "./nats/connection.ts";
import { Micro } from "./nats/micro.ts";
import { namesOf } from "./nats/names.ts";
import { demandPermissions } from "./nats/permissions.ts";
import { provision, type Layout } from "./nats/provision.ts";
import type { Log } from "./ports/log.ts";
import { systemClock } from "./runtime/clock.ts";
import { Host } from "./runtime/host.ts";
import { RunningHost } from "./running-host.ts";
import { verbsOf } from "./verbs.ts";
import { VERSION } from "./version.ts";

export interface HostOptions extends ConnectOptions {
  readonly actors: readonly Definition[];
  /** Attempts that may run at once. Default: 50. */
  readonly concurrency?: number;
  /** What this host has that some tasks need: `["gpu"]`. It takes tasks whose `labels` it has, whoever owns them. */
  readonly labels?: readonly string[];
  /** How long whoever took a task of this host's may be silent before its crash policy decides. Default: 5 s. */
  readonly workerTimeout?: Duration;
  /** What idle actors may take in memory. Default: 64 MiB. */
  readonly cacheBytes?: number;
  /** What the record of one actor may have. Default: 16 MiB. */
  readonly maxRecordBytes?: number;
  /**
   * How long a host is believed alive after its last sign of life; a dead one's work goes on elsewhere by then. Default: 3 s, and 15 s
   * where the streams have several copies: an election, in which no sign can be stored, must not end everybody's work.
   */
  readonly leaseTtl?: Duration;
  /** Partitions of streams that are created now; fixed afterwards. Default: those that are there, otherwise 8. */
  readonly partitions?: number;
  /** Copies of every stream that is created now. Default: 1. */
  readonly replicas?: number;
  /** Answers `GET /livez` and `GET /readyz` there. Default: nowhere. */
  readonly health?: HealthOptions;
  /** pino's or one like it. Default: pino at level `warn` to stderr. */
  readonly log?: Log;
}

const DEFAULT_CONCURRENCY = 50;
const DEFAULT_WORKER_TIMEOUT_MS = 5_000;
const DEFAULT_CACHE_BYTES = 64 * 1024 * 1024;
/** Less than one message holds would make nothing cheaper. */
const LEAST_RECORD_BYTES = 1024 * 1024;

/**
 * A process that runs actors. Creates the streams where they are missing and it may.
 * @throws bad_options, no_connection, incompatible_server, incompatible_stream, incompatible_release, clashing_definition, no_permission,
 * not_provisioned
 */
export async function createHost(options: HostOptions): Promise<RunningHost> {
  const definitions = checked(options);
  const log = options.log ?? pino({ level: "warn" }, pino.destination(2));
  for (const definition of definitions.values()) {
    const warnings = warningsOf(definition);
    if (warnings.length > 0)
      log.warn({ type: definition.name, warnings }, "the machine may not mean what it says; troupe check lists the places");
  }
  // Before anything else that may take its time: a process that cannot reach NATS is alive, and says that it is not ready.
  let look = async (): Promise<Readiness> => JOINING;
  const health = options.health === undefined ? undefined : await HealthEndpoint.open(options.health, () => look());
  try {
    return await join(options, definitions, log, health, (ready) => (look = ready));
  } catch (error) {
    health?.close();
    throw error;
  }
}

const JOINING: Readiness = { kind: "joining", host: undefined, message: "The host has not reached JetStream yet" };

async function join(
  options: HostOptions,
  definitions: ReadonlyMap<string, Definition>,
  log: Log,
  health: HealthEndpoint | undefined,
  joined: (look: () => Promise<Readiness>) => void,
): Promise<RunningHost> {
  const connection = await openConnection(connectionOptions(options.nats));
  try {
    await demandPermissions(connection, options.namespace, inboxPrefixIn(connection));
    const layout = await provision(connection, {
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      ...(options.partitions === undefined ? {} : { partitions: options.partitions }),
      ...(options.replicas === undefined ? {} : { replicas: options.replicas }),
    });
    const running = await assemble(options, definitions, log, health, connection, layout);
    joined(() => running.readiness());
    return running;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function assemble(
  options: HostOptions,
  definitions: ReadonlyMap<string, Definition>,
  log: Log,
  health: HealthEndpoint | undefined,
  connection: NatsConnection,
  layout: Layout,
): Promise<RunningHost> {
  const id = `${hostname()
    .replaceAll(/[^A-Za-z0-9_-]/g, "-")
    .slice(0, 40)}-${nuid.next()}`;
  const inboxPrefix = inboxPrefixIn(connection);
  const leaseTtlMs = durationMs("leaseTtl", options.leaseTtl);
  const adapter = openAdapter(connection, layout, {
    ...(leaseTtlMs === undefined ? {} : { leaseTtlMs }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(options.maxRecordBytes === undefined ? {} : { maxRecordBytes: options.maxRecordBytes }),
  });
  const host = new Host({
    id,
    partitions: layout.partitions,
    store: adapter.store,
    mailbox: adapter.mailbox,
    leases: adapter.leases,
    outlet: adapter.outlet,
    work: adapter.work,
    clock: { ...systemClock, now: adapter.now },
    log: log.child({ host: id }),
    definitions,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    release: VERSION,
    labels: options.labels ?? [],
    silenceMs: durationMs("workerTimeout", options.workerTimeout) ?? DEFAULT_WORKER_TIMEOUT_MS,
    cacheBytes: options.cacheBytes ?? DEFAULT_CACHE_BYTES,
  });
  const gateway = openGateway(await openConnection(connectionOptions(options.nats)), async () => layout, { ...options, log });
  const client = new Client(gateway);
  const statistics = () => ({
    id,
    types: [...definitions.keys()],
    running: host.stage.running,
    finished: host.stage.finished,
    partitions: host.partitions.map(({ number, phase }) => ({ number, phase })),
  });
  const names = namesOf(options.namespace);
  const verbs = verbsOf({ client, gateway, definitions, statistics, hosts: () => viewHosts(adapter.leases) });
  const endpoints = [...verbs].map(([name, { tail, verb }]) => ({ name, subject: `${names.verbPrefix}${name}${tail}`, answer: verb }));
  await host.start().catch((cause: unknown) => Promise.reject(notJoined(cause)));
  const micro = new Micro(connection, names, { id, version: VERSION, description: "Durable actors and tasks", endpoints });
  // Whoever hears that it runs may ask at once.
  await connection.flush();
  return new RunningHost(host, { micro, client, adapter, connection, health });
}

/**
 * Streams that have lost most of their copies look well for some seconds longer; the first sign of life is not stored all the same, or
 * taken by nobody, as if there were no stream.
 */
function notJoined(cause: unknown): unknown {
  if (!(cause instanceof TroupeError) || !["no_answer", "not_provisioned"].includes(cause.code)) return cause;
  const text = `The host could not join, JetStream stores nothing: of a cluster most servers must run, and see each other (${cause.message})`;
  return new TroupeError("no_answer", text, { cause });
}

/** @throws bad_options listing every fault */
function checked(options: HostOptions): ReadonlyMap<string, Definition> {
  const faults: Fault[] = [];
  const definitions = new Map<string, Definition>();
  for (const definition of castOf(options.actors)) {
    if (definitions.has(definition.name)) faults.push({ path: `actors.${definition.name}`, message: "is registered twice" });
    definitions.set(definition.name, definition);
  }
  if (definitions.size === 0) faults.push({ path: "actors", message: "must name at least one definition" });
  const { concurrency = 1, cacheBytes = 0, maxRecordBytes = LEAST_RECORD_BYTES } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1)
    faults.push({ path: "concurrency", message: "must be a whole number, at least 1" });
  if (!Number.isInteger(cacheBytes) || cacheBytes < 0) faults.push({ path: "cacheBytes", message: "must be a whole number of bytes" });
  if (!Number.isInteger(maxRecordBytes) || maxRecordBytes < LEAST_RECORD_BYTES)
    faults.push({ path: "maxRecordBytes", message: `must be a whole number of bytes, at least ${LEAST_RECORD_BYTES}` });
  faults.push(...faultsOfLabels(options.labels));
  if (faults.length > 0)
    throw new TroupeError("bad_options", `The host cannot be made: ${faults.map((f) => `${f.path} ${f.message}`).join("; ")}`, { faults });
  return definitions;
}
