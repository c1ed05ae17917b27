import { expect, test } from "vitest";
import { openConnection } from "../../src/nats/connection.ts";
import { eventually } from "../support/eventually.ts";
import { leaderOf } from "./leadership.ts";
import { withoutNamespaces } from "./means.ts";
import { Namespaces } from "./namespaces.ts";
import { Scene } from "./scene.ts";

/** Three servers in network namespaces; the one that leads is cut off from the other two while hosts and clients still reach it. */

const COUNT = 60;
const missing = withoutNamespaces();
const why = missing === undefined ? "" : ` (${missing})`;

test.skipIf(missing !== undefined).each([
  { name: "cut off from the others both ways", ways: ["out", "in"] },
  { name: "not heard by the others but hears them", ways: ["out"] },
] as const)(
  `a leading server that is $name: another leads, everything comes to one end${why}`,
  { timeout: 150_000 },
  async ({ name, ways }) => {
    using network = new Namespaces(3);
    await using scene = await Scene.open({
      count: 3,
      partitions: 2,
      addressOf: (n) => network.addressOf(n),
      launcherOf: (n) => network.launcherOf(n),
    });
    const { field, load } = scene;
    const { all } = field.servers;
    const hosts = [await field.host(), await field.host()];
    await Promise.all(hosts.map(({ joined }) => joined));
    await load.begin(COUNT);
    const leader = await eventually("one leads", () => leaderOf(field), 20_000);
    const others = all.flatMap((server, n) => (server === leader ? [] : [n]));
    const own = all.indexOf(leader);
    const each = (change: (from: number, to: number) => void): void => {
      for (const other of others) {
        if (ways.some((way) => way === "out")) change(own, other);
        if (ways.some((way) => way === "in")) change(other, own);
      }
    };
    scene.fault(`leader ${name}`, leader.name);
    each((from, to) => network.block(from, to));
    const late = load.begin(COUNT);
    // Asked by way of a server that is not cut off.
    const connection = await openConnection({ servers: others.map((n) => field.servers.urls[n] as string), context: false }, {});
    await eventually(
      "another leads",
      async () => {
        const now = await leaderOf({ connection, names: field.names, servers: field.servers });
        return now !== undefined && now !== leader;
      },
      60_000,
    );
    await connection.close();
    each((from, to) => network.unblock(from, to));
    await late;
    await load.begin(COUNT);
    const { breaches } = await scene.verdict();
    expect(breaches).toEqual([]);
    expect(hosts.map(({ hasEnded }) => hasEnded)).toEqual([false, false]);
  },
);
