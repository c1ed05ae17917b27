/** `npm run order`: four orders on a server of their own, one of which goes well, and what is in the shop's books at the end. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost, startEmbeddedServer } from "../../src/index.ts";
import { describeProgress } from "../../src/server/progress.ts";
import type { OrderInput, OrderOutput } from "./order.ts";

const dir = await mkdtemp(join(tmpdir(), "troupe-order-"));
process.env["SHOP"] = join(dir, "shop");
const { order } = await import("./order.ts");
const { charge, refund, release, reserve, ship, shop } = await import("./world.ts");

const ORDERS: Readonly<Record<string, { readonly input: OrderInput; readonly cards: readonly string[] }>> = {
  ada: { input: { order: "ada", item: "lamp", price: 30, address: "12 Main Street", transitMs: 300 }, cards: ["0002", "4242"] },
  bob: { input: { order: "bob", item: "book", price: 12, address: "", transitMs: 300 }, cards: ["4242"] },
  eve: { input: { order: "eve", item: "lamp", price: 30, address: "3 Side Street", patienceMs: 300 }, cards: [] },
  tim: { input: { order: "tim", item: "unicorn", price: 999, address: "7 High Street" }, cards: [] },
};

const server = await startEmbeddedServer({ dataDir: dir, onProgress: (progress) => console.error(describeProgress(progress)) });
const host = await createHost({ nats: server.url, actors: [order, reserve, release, charge, refund, ship] });
try {
  const outcomes = await Promise.all(
    Object.entries(ORDERS).map(async ([id, { input, cards }]) => {
      const ref = await host.client.start(order, { id, input });
      for (const [refusals, card] of cards.entries()) {
        await ref.waitFor((view) => view.matches("paying") && view.context.refusals === refusals, { timeout: "10s" });
        await ref.send({ type: "card", card });
      }
      return [id, await ref.result({ timeout: "20s" })] as const;
    }),
  );
  for (const [id, outcome] of outcomes) console.log(`${id}: ${describe(outcome)}`);
  const books = ["reserved", "charged", "refunded", "parcels"];
  for (const book of books) console.log(`${book}: ${(await shop.entries(book)).join(", ") || "nothing"}`);
} finally {
  await host.drain();
  await server.stop();
  await rm(dir, { recursive: true, force: true });
}

function describe(outcome: OrderOutput): string {
  return outcome.outcome === "delivered" ? `delivered, ${outcome.parcel}` : `cancelled, ${outcome.reason}`;
}
