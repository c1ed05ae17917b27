import { afterAll, beforeAll } from "vitest";
import { rigOn, type Rig } from "../nats/rig.ts";
import { startCluster, type Cluster } from "../support/cluster.ts";

/** A cluster of the importing file's own, and namespaces with three copies on it. */
export let cluster: Cluster;
export let rig: Rig;

beforeAll(async () => {
  cluster = await startCluster();
  rig = rigOn({
    port: cluster.servers[0].port,
    connection: { servers: cluster.addresses, token: cluster.token },
    layout: { replicas: 3 },
    stop: () => cluster.servers[0].kill(),
    start: () => cluster.servers[0].start(),
    dispose: async () => cluster[Symbol.asyncDispose](),
  });
});
afterAll(() => rig[Symbol.asyncDispose]());
