import type { NatsConnection } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { PROTOCOL } from "../core/protocol.ts";
import { apiError, isStreamMissing } from "./failures.ts";
import { Link } from "./link.ts";
import { api, METADATA, namesOf } from "./names.ts";
import type { StreamConfig } from "./streams.ts";

/** What a host or client must know of the streams it works on. */
export interface Layout {
  readonly namespace: string;
  readonly partitions: number;
  readonly replicas: number;
}

export interface StreamInfo {
  readonly config: StreamConfig;
}

/** For those who may not create streams: what somebody else provisioned. @throws not_provisioned, incompatible_stream, incompatible_release, no_answer */
export async function readLayout(connection: NatsConnection, namespace?: string): Promise<Layout> {
  const names = namesOf(namespace);
  const link = new Link(connection);
  try {
    const core = await readStream(link, names.streams.core);
    if (core === undefined)
      throw new TroupeError("not_provisioned", `The stream ${names.streams.core} does not exist`, { about: names.streams.core });
    demandProtocol(core);
    const partitions = partitionsOf(core);
    if (partitions === undefined)
      throw incompatible([`${names.streams.core}: metadata ${METADATA.partitions} is missing, the stream was not made by troupe`]);
    return { namespace: names.namespace, partitions, replicas: replicasOf(core) };
  } finally {
    link.close();
  }
}

export async function readStream(link: Link, stream: string, deadlineMs?: number): Promise<StreamInfo | undefined> {
  const reply = await link.call<StreamInfo>(api.streamInfo(stream), undefined, deadlineMs);
  if (!("error" in reply)) return reply;
  if (isStreamMissing(reply.error)) return undefined;
  throw apiError(reply.error, stream);
}

/** Undefined where the stream was not made by troupe. */
export function partitionsOf(info: StreamInfo): number | undefined {
  const metadata = info.config["metadata"] as Record<string, string> | undefined;
  const partitions = Number(metadata?.[METADATA.partitions]);
  return Number.isInteger(partitions) && partitions >= 1 ? partitions : undefined;
}

/**
 * Streams are of one protocol; those of before it had a number are of the first. @throws incompatible_release
 */
export function demandProtocol({ config }: StreamInfo): void {
  const metadata = config["metadata"] as Record<string, string> | undefined;
  const theirs = metadata?.[METADATA.protocol] ?? "1";
  if (metadata?.[METADATA.partitions] === undefined || theirs === String(PROTOCOL)) return;
  const words = `The streams are used by protocol ${theirs}; this release speaks ${PROTOCOL}`;
  throw new TroupeError("incompatible_release", words, { about: config.name });
}

export function replicasOf(info: StreamInfo): number {
  const replicas = info.config["num_replicas"];
  return typeof replicas === "number" ? replicas : 1;
}

/** @param faults each as `<stream>: <what is wrong>` */
export function incompatible(faults: readonly string[]): TroupeError {
  return new TroupeError("incompatible_stream", faults.join("; "), {
    faults: faults.map((message) => ({ path: message.split(":")[0] as string, message })),
  });
}
