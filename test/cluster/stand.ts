import { api } from "../../src/nats/names.ts";
import { FaultStand, NAMES } from "../fault/stand.ts";
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

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
  }
}
