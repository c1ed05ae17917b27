import type { NatsConnection } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { readStream } from "./layout.ts";
import { Link } from "./link.ts";
import { namesOf } from "./names.ts";

/** How a stream's copies do, as its leader sees it: one whose server has just died counts for some seconds longer. */
export interface Copies {
  readonly stream: string;
  /** The server that leads; undefined where none does. */
  readonly leader: string | undefined;
  readonly copies: number;
  /** Those that are up to date, the leader's among them. */
  readonly inSync: number;
}

interface ClusterInfo {
  readonly leader?: string;
  readonly replicas?: readonly { readonly current: boolean; readonly offline?: boolean }[];
}

const LOOK_MS = 2000;

/** Every stream of a namespace, as its leader sees it. @throws not_provisioned, no_connection */
export async function readCopies(connection: NatsConnection, namespace?: string): Promise<readonly Copies[]> {
  const names = namesOf(namespace);
  const link = new Link(connection);
  try {
    return await Promise.all([...Object.values(names.streams), names.hostsStream].map((stream) => copiesOf(link, stream)));
  } finally {
    link.close();
  }
}

async function copiesOf(link: Link, stream: string): Promise<Copies> {
  try {
    const info = await readStream(link, stream, LOOK_MS);
    if (info === undefined) throw new TroupeError("not_provisioned", `The stream ${stream} does not exist`, { about: stream });
    const { leader, replicas = [] } = (info as { readonly cluster?: ClusterInfo }).cluster ?? {};
    const upToDate = replicas.filter(({ current, offline }) => current && offline !== true).length;
    // A server that is no cluster's leads what it has, and does not say so.
    return { stream, leader: leader ?? link.connection.info?.server_name, copies: 1 + replicas.length, inSync: 1 + upToDate };
  } catch (error) {
    if (!(error instanceof TroupeError) || error.code !== "no_answer") throw error;
    return { stream, leader: undefined, copies: 0, inSync: 0 };
  }
}
