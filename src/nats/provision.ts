import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { apiError, isStorageExhausted, isStreamThere, isSubjectTaken } from "./failures.ts";
import { demandProtocol, incompatible, partitionsOf, readStream, replicasOf, type Layout, type StreamInfo } from "./layout.ts";
import { Link } from "./link.ts";
import { api, namesOf, type Names, type SourceNames } from "./names.ts";
import { compareStream } from "./stream-check.ts";
import { consumerRequest, DEFAULT_LAYOUT, streamConfigs, type LayoutOptions, type StreamConfig } from "./streams.ts";

export { readLayout, type Layout } from "./layout.ts";

export interface ProvisionOptions extends Partial<LayoutOptions> {
  readonly namespace?: string;
}

export interface Provisioned extends Layout {
  /** Names of the streams that this call created; the others were there. */
  readonly created: readonly string[];
  readonly consumersCreated: number;
}

const MOST_PARTITIONS = 256;
/** A stream that another host is creating, or whose leader has died, has nobody to answer for it until one is elected: 9 s at most. */
const ANSWERED_WITHIN_MS = 15_000;
const LOOK_MS = 1500;
const CREATED_WITHIN_MS = 5000;
const PAUSE_MS = 100;
/** The server answers a list of consumer names in pages of this size. */
const NAMES_PER_PAGE = 1024;

/**
 * Creates what is missing and verifies what is there; who names no number of partitions takes the one that is there. Running it again,
 * or from several hosts at once, is safe.
 * @throws bad_options, incompatible_stream, incompatible_release, not_provisioned, no_answer, no_connection
 */
export async function provision(connection: NatsConnection, options: ProvisionOptions = {}): Promise<Provisioned> {
  checkLayout({ ...DEFAULT_LAYOUT, ...options });
  const names = namesOf(options.namespace);
  const link = new Link(connection);
  const created: string[] = [];
  const giveUpAt = performance.now() + ANSWERED_WITHIN_MS;
  try {
    for (;;) {
      try {
        return await provisionOnce(link, names, options, created);
      } catch (error) {
        // A permission that is missing is told as such, and not mended by asking again.
        if (!(error instanceof TroupeError) || error.code !== "no_answer") throw error;
        if (performance.now() > giveUpAt) throw nobodyAnswers(error);
      }
      await pause(PAUSE_MS);
    }
  } finally {
    link.close();
  }
}

/** @param created grows with every stream that was made here, also where something else goes wrong then */
async function provisionOnce(link: Link, names: Names, options: ProvisionOptions, created: string[]): Promise<Provisioned> {
  const there = options.partitions === undefined ? await readStream(link, names.streams.core, LOOK_MS) : undefined;
  const partitions = options.partitions ?? (there && partitionsOf(there)) ?? DEFAULT_LAYOUT.partitions;
  const layout: LayoutOptions = { ...DEFAULT_LAYOUT, ...options, partitions };
  const configs = streamConfigs(names, layout);
  const infos = await Promise.all(configs.map(({ name }) => readStream(link, name, LOOK_MS)));
  for (const info of infos) if (info !== undefined) demandProtocol(info);
  const faults = configs.flatMap((config, i) => compareStream(config, infos[i]?.config));
  if (faults.length > 0) throw incompatible(faults);
  await createStreams(link, configs, infos, created);
  const consumersCreated = await createConsumers(link, names, layout.partitions, created);
  const core = infos.find((info) => info?.config.name === names.streams.core);
  return {
    namespace: names.namespace,
    partitions: layout.partitions,
    replicas: core === undefined ? layout.replicas : replicasOf(core),
    created,
    consumersCreated,
  };
}

function nobodyAnswers(cause: TroupeError): TroupeError {
  const text = `JetStream has not answered for ${ANSWERED_WITHIN_MS / 1000} s: of a cluster most servers must run, and see each other`;
  return new TroupeError("no_answer", `${text} (${cause.message})`, {
    ...(cause.about === undefined ? {} : { about: cause.about }),
    cause,
  });
}

/** @throws bad_options */
function checkLayout(layout: LayoutOptions): void {
  const faults: string[] = [];
  if (!Number.isInteger(layout.partitions) || layout.partitions < 1 || layout.partitions > MOST_PARTITIONS)
    faults.push(`partitions must be a whole number from 1 to ${MOST_PARTITIONS}, not ${layout.partitions}`);
  if (![1, 3, 5].includes(layout.replicas)) faults.push(`replicas must be 1, 3 or 5, not ${layout.replicas}`);
  if (!Number.isSafeInteger(layout.inMaxBytes) || layout.inMaxBytes < 1)
    faults.push(`inMaxBytes must be a whole number of bytes, not ${layout.inMaxBytes}`);
  if (!(layout.historyMaxAgeMs >= 1000)) faults.push(`historyMaxAgeMs must be a second or more, not ${layout.historyMaxAgeMs}`);
  if (faults.length > 0)
    throw new TroupeError("bad_options", faults.join("; "), {
      faults: faults.map((message) => ({ path: message.split(" ")[0] as string, message })),
    });
}

/** In order: WORK and HISTORY source from CORE, and whoever finds the way in open finds the rest. */
async function createStreams(
  link: Link,
  configs: readonly StreamConfig[],
  infos: readonly (StreamInfo | undefined)[],
  created: string[],
): Promise<void> {
  for (const [i, config] of configs.entries()) {
    if (infos[i] !== undefined) continue;
    const creation = link.call<StreamInfo>(api.streamCreate(config.name), config, CREATED_WITHIN_MS);
    const reply = await creation.catch((cause: unknown) => notAllowed(cause, config));
    if (!("error" in reply)) created.push(config.name);
    // Another host was faster, perhaps with other options: what it made is checked like anything that was there before.
    else if (isStreamThere(reply.error)) demandCompatible(config, (await readStream(link, config.name, LOOK_MS))?.config);
    else if (isStorageExhausted(reply.error)) throw noRoom(config);
    else if (isSubjectTaken(reply.error)) throw subjectTaken(config);
    else throw apiError(reply.error, config.name);
  }
}

function noRoom(config: StreamConfig): TroupeError {
  const text = `The server has no room for the stream ${config.name}, which reserves ${JSON.stringify(config["max_bytes"])} bytes: give a smaller inMaxBytes or raise the server's max_file_store`;
  return new TroupeError("not_provisioned", text, { about: config.name });
}

/** @throws not_provisioned, and whatever else it was */
function notAllowed(cause: unknown, { name }: StreamConfig): never {
  if (!(cause instanceof TroupeError) || cause.code !== "no_permission") throw cause;
  throw new TroupeError("not_provisioned", `The stream ${name} does not exist, and this account may not create it`, { about: name, cause });
}

function subjectTaken(config: StreamConfig): TroupeError {
  const text = `${config.name}: another stream has some of its subjects, ${JSON.stringify(config["subjects"])}`;
  return new TroupeError("incompatible_stream", text, { about: config.name, faults: [{ path: config.name, message: text }] });
}

/** @throws incompatible_stream; no_answer where it is there in name only, being created or removed by another */
function demandCompatible(config: StreamConfig, actual: StreamConfig | undefined): void {
  if (actual === undefined) throw new TroupeError("no_answer", `${config.name} is being created or removed`, { about: config.name });
  const faults = compareStream(config, actual);
  if (faults.length > 0) throw incompatible(faults);
}

async function createConsumers(link: Link, names: Names, partitions: number, created: readonly string[]): Promise<number> {
  const { in: inStream, core } = names.streams;
  const there = async (stream: string): Promise<ReadonlySet<string>> =>
    created.includes(stream) ? new Set() : consumerNames(link, stream);
  const [inThere, coreThere] = await Promise.all([there(inStream), there(core)]);
  const missing: SourceNames[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (const source of names.sources(partition))
      if (!(source.stream === inStream ? inThere : coreThere).has(source.consumer)) missing.push(source);
  }
  await Promise.all(missing.map((source) => link.demand(source.create, consumerRequest(source), 30_000)));
  return missing.length;
}

async function consumerNames(link: Link, stream: string): Promise<Set<string>> {
  const found = new Set<string>();
  for (let offset = 0; ; offset += NAMES_PER_PAGE) {
    const page = await link.demand<{ consumers?: readonly string[]; total: number }>(api.consumerNames(stream), { offset });
    for (const name of page.consumers ?? []) found.add(name);
    if (found.size >= page.total || (page.consumers ?? []).length === 0) return found;
  }
}
