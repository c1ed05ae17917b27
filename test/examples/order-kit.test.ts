import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createTestTroupe, everyCrash, type OpenTroupe, type TestTroupe } from "../../src/testing.ts";

/** The saga of examples/order over virtual time: its days are milliseconds, its hosts die where they are told to. */

const folder = await mkdtemp(join(tmpdir(), "troupe-shop-"));
// The example opens its shop when it is loaded.
process.env["SHOP"] = folder;
const { order } = await import("../../examples/order/order.ts");
const { charge, refund, release, reserve, ship, shop } = await import("../../examples/order/world.ts");
afterAll(() => rm(folder, { recursive: true }));

const actors = [order, reserve, release, charge, refund, ship];
const basket = { item: "lamp", price: 30, address: "12 Main Street" };
const DAY_MS = 86_400_000;
/** Its books are files: they get real time. */
const patience = "10s";

const begin = (troupe: TestTroupe, id: string, more: Partial<typeof basket> = {}) =>
  troupe.client.start(order, { id, input: { ...basket, ...more, order: id } });

describe("an order", () => {
  it("is delivered a day after it was paid for", async () => {
    await using troupe = createTestTroupe({ actors, patience });
    const ref = await begin(troupe, "ada");
    await troupe.waitForState(ref, "paying");
    await ref.send({ type: "card", card: "0002" });
    await ref.waitFor(({ context }) => context.refusals === 1);
    await ref.send({ type: "card", card: "4242" });
    const paidAt = troupe.now;
    expect(await ref.result()).toEqual({ outcome: "delivered", parcel: "parcel ada" });
    expect(troupe.now - paidAt).toBe(DAY_MS);
    expect(await shop.entries("parcels")).toContain("ada");
  });

  it("reminds its buyer on two days, and is over on the third", async () => {
    await using troupe = createTestTroupe({ actors, patience });
    const ref = await begin(troupe, "eve");
    await troupe.waitForState(ref, "paying");
    const mail = async () => (await shop.entries("mail")).filter((entry) => entry.startsWith("eve"));
    await troupe.advance("23h");
    expect(await mail()).toEqual([]);
    await troupe.advance("1h");
    expect(await mail()).toEqual(["eve-1"]);
    await troupe.advance("1d");
    expect(await mail()).toEqual(["eve-1", "eve-2"]);
    expect(await ref.result()).toEqual({ outcome: "cancelled", reason: "the buyer forgot" });
    expect(await shop.entries("reserved")).not.toContain("eve");
  });

  it("is put together again where a host freezes over it and another takes over", async () => {
    await using troupe = createTestTroupe({ actors, patience, hosts: 2 });
    const ref = await begin(troupe, "kim");
    await troupe.waitForState(ref, "paying");
    for (const host of troupe.hosts) host.freeze();
    troupe.startHost();
    await ref.send({ type: "cancel" });
    expect(await ref.result()).toEqual({ outcome: "cancelled", reason: "the buyer cancelled" });
    for (const host of troupe.hosts) host.thaw();
    await troupe.advance("30m");
    expect(await ref.get()).toMatchObject({ state: "cancelled" });
  });
});

describe("wherever a host dies", () => {
  let runs = 0;
  const books = async (id: string) => {
    const found = await Promise.all(
      ["reserved", "charged", "refunded", "parcels"].map(async (book) => ((await shop.entries(book)).includes(id) ? [book] : [])),
    );
    return found.flat();
  };
  const paid = (more: Partial<typeof basket>) => async (open: OpenTroupe) => {
    const id = `crash-${runs++}`;
    await using troupe = open({ actors, patience });
    const ref = await begin(troupe, id, more);
    await troupe.waitForState(ref, "paying");
    await ref.send({ type: "card", card: "4242" });
    const { outcome } = await ref.result();
    return { outcome, books: await books(id) };
  };

  it("an order that is paid for is delivered, charged once and shipped once", { timeout: 60_000 }, async () => {
    const { outcome, points, unreached } = await everyCrash(paid({}));
    expect(outcome).toEqual({ outcome: "delivered", books: ["reserved", "charged", "parcels"] });
    expect(points).toBeGreaterThan(40);
    expect(unreached).toEqual([]);
  });

  it("an order whose parcel comes back is paid back, and its goods are on the shelf", { timeout: 60_000 }, async () => {
    const { outcome } = await everyCrash(paid({ address: "" }));
    expect(outcome).toEqual({ outcome: "cancelled", books: ["refunded"] });
  });
});
