import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/nats-core";
import { expect, test } from "vitest";
import type { Address } from "../../src/core/address.ts";
import { openAdapter, type Adapter } from "../../src/nats/adapter.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { NatsGateway } from "../../src/nats/gateway.ts";
import { api, namesOf } from "../../src/nats/names.ts";
import { provision, type Layout } from "../../src/nats/provision.ts";
import { COMMITTED } from "../../src/ports/store.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { leaderOf } from "./leadership.ts";
import { withoutNamespaces } from "./means.ts";
import { Namespaces } from "./namespaces.ts";
import { startServers, type FaultServer, type Servers } from "./servers.ts";

/** The leader of three servers is cut off from the others and does not know yet: what it says to those who still reach it. */

const missing = withoutNamespaces();
const why = missing === undefined ? "" : ` (${missing})`;
const names = namesOf("stale");
const KNOWN = { type: "order", id: "known" };
/**
 * A leader looks every 10 s whether it has heard of a majority within the last 10 s (server/raft.go, `lostQuorumCheck`,
 * `lostQuorumInterval`). Cut off soon after one look, it passes the next and believes for 18 s; the others elect another within 4 to 9 s.
 */
const LOOKS_EVERY_MS = 10_000;
const CUT_OFF_AFTER_LOOK_MS = 1_500;
/** Seldom, under load, an election takes longer. */
const MOST_TRIES = 3;

test.skipIf(missing !== undefined)(
  `what a leader that is cut off does not know is not believed, neither by an owner nor by a client${why}`,
  { timeout: 240_000 },
  async () => {
    using network = new Namespaces(3);
    const folder = mkdtempSync(join(tmpdir(), "troupe-stale-"));
    const place = { addressOf: (n: number) => network.addressOf(n), launcherOf: (n: number) => network.launcherOf(n) };
    const servers = await startServers({ folder, count: 3, ...place });
    try {
      const connection = await openConnection({ servers: servers.urls, context: false }, {});
      const wanted = { replicas: 3, partitions: 1, namespace: names.namespace, inMaxBytes: 2 ** 24 };
      const layout = await eventually("the streams are there", () => provision(connection, wanted).catch(() => undefined), 60_000);
      const seen: string[] = [];
      while (seen.length < MOST_TRIES && seen.at(-1) !== "stale") {
        const leader = await leadsAll(connection, servers);
        seen.push(await cutOff({ network, servers, leader, layout }));
      }
      await connection.close();
      expect(seen.at(-1), "what the server that was cut off said").toBe("stale");
    } finally {
      await servers[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

interface Stage {
  readonly network: Namespaces;
  readonly servers: Servers;
  readonly leader: FaultServer;
  readonly layout: Layout;
}

/** Cuts the leader off, looks through its eyes while the others go on, and mends it again. */
async function cutOff({ network, servers, leader, layout }: Stage): Promise<"stale" | "silent"> {
  const own = servers.all.indexOf(leader);
  const others = [0, 1, 2].filter((n) => n !== own);
  const near = servers.all[others[0] as number] as FaultServer;
  const late = { type: "order", id: `late-${performance.now().toFixed(0)}` };
  await using wire = await startProxy(near.port, near.address);
  const host = await connectionTo("127.0.0.1", wire.port);
  const outside = await connectionTo(leader.address, leader.port);
  const watching = await connectionTo(near.address, near.port);
  const adapter = openAdapter(host, layout);
  const gateway = gatewayOn(outside, layout);
  try {
    const fence = await claimed(adapter);
    await stored(adapter, fence, KNOWN, "before");
    await hasLooked(watching);
    for (const other of others) {
      network.block(own, other);
      network.block(other, own);
    }
    const isElected = async (): Promise<boolean> => {
      const now = await leaderOf({ connection: watching, names, servers });
      return now !== undefined && now !== leader;
    };
    await eventually("the others have a leader of their own", isElected, 60_000);
    await stored(adapter, fence, KNOWN, "after");
    await stored(adapter, fence, late, "there");
    // The host is sent elsewhere: from now on it reaches nobody but the server that is cut off.
    wire.redirect(leader.port, leader.address);
    wire.cut();
    await eventually("the host has another server", () => host.info?.server_name === leader.name, 30_000);
    const said = await saidBy(outside, names.state(KNOWN));
    const [loaded, read] = await Promise.all([
      orSilence(adapter.store.load([KNOWN, late]).then((found) => found.map(text))),
      orSilence(gateway.read(late, { timeoutMs: 3_000 }).then(text)),
    ]);
    expect([["after", "there"], "silence"], "what its owner is told").toContainEqual(loaded);
    expect(["there", "silence"], "what a client is told").toContain(read);
    return said === "before" ? "stale" : "silent";
  } finally {
    for (const other of others) {
      network.unblock(own, other);
      network.unblock(other, own);
    }
    const now = async (): Promise<unknown> => orSilence(adapter.store.load([KNOWN, late]).then((found) => found.map(text)));
    await eventually("the owner sees what it stored", async () => JSON.stringify(await now()) === '["after","there"]', 60_000);
    await eventually("the client sees it too", async () => (await orSilence(gateway.read(late).then(text))) === "there", 60_000);
    await eventually("all copies are up to date", () => servers.inSync().then(() => true), 60_000);
    await adapter.close();
    await gateway.close();
    await Promise.all([host.close(), watching.close()]);
  }
}

/**
 * The server that leads the cluster as a whole (its meta group) leads CORE too, asked for where it does not. Another one that is cut off
 * misses the leader of the whole after 4 to 9 s, and answers reads no more.
 */
function leadsAll(connection: NatsConnection, servers: Servers): Promise<FaultServer> {
  return eventually(
    "one leads all",
    async () => {
      const { address, monitorPort } = servers.all[0] as FaultServer;
      const answer = await fetch(`http://${address}:${monitorPort}/jsz`);
      const chiefName = ((await answer.json()) as { meta_cluster?: { leader?: string } }).meta_cluster?.leader;
      const leader = await leaderOf({ connection, names, servers });
      if (leader !== undefined && leader.name === chiefName) return leader;
      const preferred = JSON.stringify({ placement: { preferred: chiefName } });
      await connection
        .request(`$JS.API.STREAM.LEADER.STEPDOWN.${names.streams.core}`, preferred, { timeout: 5_000 })
        .catch(() => undefined);
      return undefined;
    },
    60_000,
  );
}

/** Resolves a moment after the leader has looked whether it still leads. */
async function hasLooked(connection: NatsConnection): Promise<void> {
  const info = await connection.request(api.streamInfo(names.streams.core), "", { timeout: 5_000 });
  const since = Date.parse(info.json<{ cluster: { leader_since: string } }>().cluster.leader_since);
  const isDue = (): boolean => {
    const sinceLookMs = (Date.now() - since) % LOOKS_EVERY_MS;
    return sinceLookMs > CUT_OFF_AFTER_LOOK_MS && sinceLookMs < 2 * CUT_OFF_AFTER_LOOK_MS;
  };
  await eventually("the leader has looked", isDue, 2 * LOOKS_EVERY_MS);
}

function connectionTo(address: string, port: number): Promise<NatsConnection> {
  return openConnection({ servers: `${address}:${port}`, context: false }, {});
}

function gatewayOn(connection: NatsConnection, layout: Layout): NatsGateway {
  return new NatsGateway({
    connection,
    names,
    layout: async () => layout,
    inboxPrefix: undefined,
    clock: systemClock,
    sendDeadlineMs: 5_000,
    callDeadlineMs: 5_000,
    outageMs: 30_000,
  });
}

/** From whoever has it. */
function claimed({ leases }: Adapter): Promise<number> {
  const claim = async (): Promise<number | undefined> => leases.claim(0, "host", (await leases.owners())[0]?.fence ?? 0);
  return eventually("the partition is claimed", () => claim().catch(() => undefined), 60_000);
}

async function stored({ store }: Adapter, fence: number, address: Address, words: string): Promise<void> {
  const write = { kind: "record", partition: 0, address, bytes: Buffer.from(words) } as const;
  expect(await store.commit({ fences: new Map([[0, fence]]), writes: [write] })).toEqual(COMMITTED);
}

/** By the server's own API, which says nothing of how far the server has come. */
async function saidBy(connection: NatsConnection, subject: string): Promise<string | undefined> {
  const request = JSON.stringify({ last_by_subj: subject });
  const reply = await connection.request(api.messageGet(names.streams.core), request, { timeout: 2_000 }).catch(() => undefined);
  if (reply === undefined || reply.data.length === 0) return undefined;
  return text(Buffer.from(reply.json<{ message?: { data?: string } }>().message?.data ?? "", "base64"));
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

/** What comes, or that nobody could say. */
function orSilence<Value>(answer: Promise<Value>): Promise<Value | "silence"> {
  return answer.catch((error: { code?: string }) => {
    if (error.code === "no_answer" || error.code === "no_connection") return "silence";
    throw error as Error;
  });
}
