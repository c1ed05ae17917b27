import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jetstreamManager } from "@nats-io/jetstream";
import { expect, it } from "vitest";
import type { order, OrderInput } from "../../examples/order/order.ts";
import { Shop } from "../../examples/order/shop.ts";
import { connect, type Client, type Ref } from "../../src/index.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { namesOf } from "../../src/nats/names.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const ENTRY = fileURLToPath(new URL("../../dist/examples/tasks.js", import.meta.url));

/** A shop of its own, a server, and a host as a process that can be killed. */
async function open() {
  const folder = await mkdtemp(join(tmpdir(), "troupe-shop-"));
  const server = await startServer();
  const host = () =>
    spawn(process.execPath, [MAIN, "host", ENTRY, "-s", server.url], { stdio: "ignore", env: { ...process.env, SHOP: folder } });
  let running = host();
  const client = await connect({ nats: server.url });
  return {
    shop: new Shop(folder),
    client,
    url: server.url,
    async crash() {
      const gone = once(running, "exit");
      running.kill("SIGKILL");
      await gone;
      running = host();
    },
    async [Symbol.asyncDispose]() {
      const gone = once(running, "exit");
      running.kill("SIGKILL");
      await gone;
      await client.close();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function begin(client: Client, input: OrderInput): Promise<Ref<typeof order>> {
  return eventually("a host made the streams", () =>
    client.start<typeof order>("order", { id: input.order, input }).catch(() => undefined),
  );
}

/** When the order waits for its buyer, after so many cards that the bank refused. */
async function pay(ref: Ref<typeof order>, card: string, refusals = 0): Promise<void> {
  await ref.waitFor((view) => view.matches("paying") && view.context.refusals === refusals, { timeout: "60s" });
  await ref.send({ type: "card", card });
}

const basket = { item: "lamp", price: 30, address: "12 Main Street", transitMs: 50 };

it("delivers what is paid for, after a card that was refused", { timeout: 30_000 }, async () => {
  await using stand = await open();
  const ref = await begin(stand.client, { ...basket, order: "ada" });
  await pay(ref, "0002");
  await pay(ref, "4242", 1);
  expect(await ref.result({ timeout: "20s" })).toEqual({ outcome: "delivered", parcel: "parcel ada" });
  expect(await stand.shop.entries("parcels")).toEqual(["ada"]);
});

it("reminds a buyer who takes long, then gives the goods back to the shelf", { timeout: 30_000 }, async () => {
  await using stand = await open();
  const ref = await begin(stand.client, { ...basket, order: "eve", patienceMs: 100 });
  expect(await ref.result({ timeout: "20s" })).toEqual({ outcome: "cancelled", reason: "the buyer forgot" });
  expect(await stand.shop.entries("mail")).toEqual(["eve-1", "eve-2"]);
  expect(await stand.shop.entries("reserved")).toEqual([]);
});

it("is cancelled by its buyer, or by an empty shelf", { timeout: 30_000 }, async () => {
  await using stand = await open();
  const regretted = await begin(stand.client, { ...basket, order: "kim" });
  const impossible = await begin(stand.client, { ...basket, item: "unicorn", order: "tim" });
  await regretted.waitFor((view) => view.matches("paying"), { timeout: "10s" });
  await regretted.send({ type: "cancel" });
  expect(await regretted.result({ timeout: "20s" })).toEqual({ outcome: "cancelled", reason: "the buyer cancelled" });
  expect(await impossible.result({ timeout: "20s" })).toEqual({ outcome: "cancelled", reason: "There is no unicorn left" });
  expect(await stand.shop.entries("reserved")).toEqual([]);
});

it("keeps its books straight while its host is killed again and again", { timeout: 90_000 }, async () => {
  await using stand = await open();
  const ids = Array.from({ length: 30 }, (_, number) => `o-${number}`);
  // Every third parcel has no address: it comes back, and its order is undone.
  const refs = await Promise.all(ids.map((order, n) => begin(stand.client, { ...basket, order, ...(n % 3 === 0 ? { address: "" } : {}) })));
  const paid = Promise.all(refs.map((ref) => pay(ref, "4242")));
  for (const book of ["reserved", "charged", "refunded"]) {
    await eventually(`something is ${book}`, async () => (await stand.shop.entries(book)).length > 0, 30_000);
    await stand.crash();
  }
  await paid;
  const outcomes = await Promise.all(refs.map((ref) => ref.result({ timeout: "60s" })));
  const delivered = ids.filter((_, n) => outcomes[n]?.outcome === "delivered");
  expect(delivered).toEqual(ids.filter((_, n) => n % 3 !== 0));
  for (const book of ["reserved", "charged", "parcels"]) expect(await stand.shop.entries(book), book).toEqual(delivered.toSorted());
  expect(await stand.shop.entries("refunded")).toEqual(ids.filter((_, n) => n % 3 === 0).toSorted());
  expect(await timersOf(stand.url)).toBe(0);
});

/** Schedules in the server; a timer that was withdrawn leaves an empty message for a minute. */
async function timersOf(url: string): Promise<number> {
  const connection = await openConnection({ servers: url, context: false }, {});
  const { streams } = namesOf("troupe");
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(streams.core, { subjects_filter: "troupe.timer.>" });
  const messages = await Promise.all(
    Object.keys(state.subjects ?? {}).map((subject) => manager.streams.getMessage(streams.core, { last_by_subj: subject })),
  );
  await connection.close();
  return messages.filter((message) => (message?.data.length ?? 0) > 0).length;
}
