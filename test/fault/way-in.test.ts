import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/nats-core";
import { expect, test } from "vitest";
import type { Delivery } from "../../src/ports/mailbox.ts";
import { openAdapter } from "../../src/nats/adapter.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { api, namesOf, type Names } from "../../src/nats/names.ts";
import { provision, type Layout } from "../../src/nats/provision.ts";
import { eventually } from "../support/eventually.ts";
import { startServers, type Servers } from "./servers.ts";

/**
 * What is accepted stays, also where consumers are reset while messages go to pulls of a host that is gone, and a server starts or is
 * elected soon after. From a work queue nats-server 2.15.1 removes some of it then, unacknowledged, in one run of three or so.
 */

const ROUNDS = 5;
const RESETS = 12;
const PARTITIONS = 2;
const names = namesOf("kept");

test("nothing that was accepted is missing after resets, outstanding pulls and servers that are killed", { timeout: 150_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "troupe-way-in-"));
  try {
    await using servers = await startServers({ count: 3, folder });
    const [publisher, gone] = await Promise.all([connected(servers), connected(servers)]);
    const layout = await eventually("provisioned", () => provisioned(publisher), 30_000);
    using load = new Load(publisher);
    using _pulls = outstandingPulls(gone);
    for (let round = 0; round < ROUNDS; round++) {
      for (let k = 0; k < RESETS; k++) {
        for (const { reset } of sources()) void publisher.request(reset, '{"seq":1}', { timeout: 2_000 }).catch(() => {});
        await pause(150);
      }
      await strike(servers, round);
    }
    const accepted = await load.end();
    const { state } = await eventually("the stream answers", () => infoOf(publisher, names), 20_000);
    expect(state.messages).toBeGreaterThanOrEqual(accepted.size);
    await gone.close();
    const missing = await readAll(publisher, layout, accepted);
    expect([...missing]).toEqual([]);
    await publisher.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function connected(servers: Servers): Promise<NatsConnection> {
  return openConnection({ servers: servers.urls, context: false }, {});
}

function provisioned(connection: NatsConnection): Promise<Layout | undefined> {
  return provision(connection, { namespace: names.namespace, partitions: PARTITIONS, replicas: 3, inMaxBytes: 2 ** 26 }).catch(
    () => undefined,
  );
}

function sources() {
  return Array.from({ length: PARTITIONS }, (_, partition) => names.source(partition, "in.normal"));
}

/** A start every few milliseconds, noted once it is accepted. */
class Load {
  readonly #accepted = new Set<string>();
  readonly #sending: Promise<void>;
  #isOver = false;

  constructor(connection: NatsConnection) {
    this.#sending = this.#send(connection);
  }

  async end(): Promise<ReadonlySet<string>> {
    this.#isOver = true;
    await this.#sending;
    return this.#accepted;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #send(connection: NatsConnection): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const id = `t${n}`;
      const answer = await connection.request(names.wayIn("normal", { type: "task", id }), "{}", { timeout: 2_000 }).catch(() => undefined);
      if (answer !== undefined && (JSON.parse(answer.string()) as { seq?: number }).seq !== undefined) this.#accepted.add(id);
      await pause(2);
    }
  }
}

/** Somebody asks for messages again and again, and acknowledges none. */
function outstandingPulls(connection: NatsConnection): Disposable {
  const each = sources();
  for (const [i] of each.entries()) connection.subscribe(`gone.${i}`, { callback: () => {} });
  const timer = setInterval(() => {
    if (connection.isClosed()) return;
    for (const [i, { pull }] of each.entries())
      connection.publish(pull, JSON.stringify({ batch: 200, expires: 5e9 }), { reply: `gone.${i}` });
  }, 300);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** In turns all servers, and one of them. */
async function strike(servers: Servers, round: number): Promise<void> {
  const struck = round % 3 === 0 ? servers.all : servers.all.slice(round % 3, (round % 3) + 1);
  await Promise.all(struck.map((server) => server.kill()));
  await Promise.all(struck.map((server) => server.start()));
  await servers.inSync();
}

async function infoOf(connection: NatsConnection, { streams }: Names): Promise<{ state: { messages: number } } | undefined> {
  const reply = await connection.request(api.streamInfo(streams.in), "", { timeout: 2_000 }).catch(() => undefined);
  const info = JSON.parse(reply?.string() ?? "{}") as { state?: { messages: number } };
  return info.state === undefined ? undefined : { state: info.state };
}

/** As a host does that takes the partitions over. Returns what does not come. */
async function readAll(connection: NatsConnection, layout: Layout, accepted: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const adapter = openAdapter(connection, layout);
  const missing = new Set(accepted);
  let lastAt = performance.now();
  const receive = ({ id }: Delivery): void => {
    missing.delete(id);
    lastAt = performance.now();
  };
  for (let partition = 0; partition < PARTITIONS; partition++)
    (await adapter.mailbox.open(partition, "in.normal", { receive, rewound() {} })).want(1_000_000);
  await eventually("everything, or nothing more", () => missing.size === 0 || performance.now() - lastAt > 5_000, 30_000);
  await adapter.close();
  return missing;
}
