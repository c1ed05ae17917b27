import { api } from "../../src/nats/names.ts";
import { FaultStand, NAMES, PARTITIONS } from "../fault/stand.ts";
import { eventually } from "../support/eventually.ts";
import { startCluster, type Cluster, type ClusterServer } from "../support/cluster.ts";

/** The stand of the fault tests on three servers that keep three copies: hosts as processes, a client, and what was seen of it all. */
export class ClusterStand extends FaultStand {
  cluster!: Cluster;

  override get url(): string {
    return this.cluster.url;
  }

  override get replicas(): number {
    return 3;
  }

  override async startServer(): Promise<void> {
    this.cluster = await startCluster();
  }

  /** The server that leads a stream's copies: every write to it goes by that one. */
  async leader(stream: string = NAMES.streams.core): Promise<ClusterServer> {
    const reply = await this.connection.request(api.streamInfo(stream), "", { timeout: 5000 });
    const { cluster } = JSON.parse(reply.string()) as { cluster: { leader: string } };
    return this.cluster.named(cluster.leader);
  }

  /** Resolves once every stream and every consumer has a leader again, which is when an election is over. */
  async elected(withinMs = 30_000): Promise<void> {
    const consumers = Array.from({ length: PARTITIONS }, (_, partition) => NAMES.sources(partition).map(({ info }) => info)).flat();
    const left = new Set([...Object.values(NAMES.streams), NAMES.hostsStream].map(api.streamInfo).concat(consumers));
    const look = async (subject: string): Promise<void> => {
      const reply = await this.connection.request(subject, "", { timeout: 250 }).catch(() => undefined);
      const info = reply === undefined || reply.data.length === 0 ? {} : (JSON.parse(reply.string()) as { cluster?: { leader?: string } });
      if (info.cluster?.leader !== undefined) left.delete(subject);
    };
    await eventually("everything has a leader", async () => (await Promise.all([...left].map(look))) && left.size === 0, withinMs);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}
