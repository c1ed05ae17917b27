import { expect, it } from "vitest";
import { createHost, defineTask } from "../../src/index.ts";
import { provision } from "../../src/nats/provision.ts";
import { startCluster } from "../support/cluster.ts";
import { rigOn } from "../nats/rig.ts";

it("is created once by hosts that come at the same time, by way of different servers", { timeout: 60_000 }, async () => {
  const cluster = await startCluster();
  await using rig = rigOn({
    port: cluster.servers[0].port,
    connection: { servers: cluster.addresses, token: cluster.token },
    layout: {},
    stop: async () => {},
    start: async () => {},
    dispose: async () => cluster[Symbol.asyncDispose](),
  });
  const connections = await Promise.all([...cluster.addresses, ...cluster.addresses].map((servers) => rig.connect({ servers })));
  const made = await Promise.all(connections.map((connection) => provision(connection, { namespace: "race", partitions: 4, replicas: 3 })));
  for (const each of made) expect(each).toMatchObject({ namespace: "race", partitions: 4, replicas: 3 });
  expect(await provision(connections[0]!, { namespace: "race" })).toMatchObject({
    partitions: 4,
    replicas: 3,
    created: [],
    consumersCreated: 0,
  });

  // And by whole hosts, one of which serves.
  const hello = defineTask({ name: "hello", run: () => "hello" });
  const hosts = await Promise.all(
    cluster.addresses.map((servers) =>
      createHost({ nats: { servers, token: cluster.token }, namespace: "hosts", actors: [hello], replicas: 3, partitions: 4 }),
    ),
  );
  expect(await hosts[0]?.client.run(hello, undefined, { timeout: "20s" })).toBe("hello");
  await Promise.all(hosts.map((host) => host.stop()));
});
