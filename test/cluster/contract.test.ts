import { afterAll, beforeAll } from "vitest";
import { leasesContract } from "../contract/leases.ts";
import { mailboxContract } from "../contract/mailbox.ts";
import { storeContract } from "../contract/store.ts";
import { openFixture } from "../nats/fixture.ts";
import { rigOn, type Rig } from "../nats/rig.ts";
import { startCluster } from "../support/cluster.ts";

let rig: Rig;
beforeAll(async () => {
  const cluster = await startCluster();
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

storeContract("three copies", () => openFixture(rig));
mailboxContract("three copies", () => openFixture(rig));
leasesContract("three copies", () => openFixture(rig));
