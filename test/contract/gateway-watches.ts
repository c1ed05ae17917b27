import { expect, it } from "vitest";
import type { Address } from "../../src/core/address.ts";
import { bytes, take, under } from "./fixture.ts";
import { addresses, collected, following, PARTITION, store, type GatewayFixture } from "./gateway-fixture.ts";
import { record } from "./writes.ts";

export function watches(fixture: () => GatewayFixture): void {
  it("tells of one actor up to its last state, and ends with the signal", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    const over = new AbortController();
    const seen = following(f.gateway.watch(x, over.signal));
    await f.quiet();
    for (let i = 0; i < 20; i++) await store(f, fence, [x, String(i)], [y, "no"]);
    await f.until(() => seen.bodies.at(-1) === "19");
    expect(seen.bodies.map(Number), "in order").toEqual([...new Set(seen.bodies.map(Number))].sort((a, b) => a - b));
    over.abort();
    await f.until(() => seen.isOver);
    expect((await collected(f.gateway.watch(x, over.signal))).length, "aborted before").toBe(0);
  });

  it("ends with the record of its actor", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const [x] = addresses(f, "x") as [Address];
    const fence = await take(f.a, PARTITION);
    const seen = following(f.gateway.watch(x));
    await f.a.store.commit(under(PARTITION, fence, { ...record(PARTITION, x, "ended"), ttlMs: 60_000 }));
    await f.pass(61_000);
    await f.until(() => seen.isOver);
    expect(seen.bodies).toEqual(["ended", undefined]);
  });

  it("goes on over a connection that broke, with what happened meanwhile", { timeout: 20_000 }, async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    await store(f, fence, [x, "X1"]);
    const seen = following(f.gateway.watch(x));
    await f.until(() => seen.bodies.length === 1);
    // Some of what is told of these is under way when the connection breaks.
    await store(f, fence, ...Array.from({ length: 5 }, (_, i) => [x, `X1.${i}`] as const), [y, "no"]);
    await f.interrupt();
    await store(f, fence, [x, "X2"]);
    await f.until(() => seen.bodies.at(-1) === "X2", 15_000);
    const told = seen.bodies as readonly string[];
    expect([told[0], new Set(told).has("no")]).toEqual(["X1", false]);
    expect(told, "in order").toEqual([...told].sort());
    await f.gateway.send("normal", y, bytes("after"), {});
    expect(await f.gateway.awaits(y)).toBe(true);
  });

  it("tells those that wait of the end", async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    const seen = following(f.gateway.watch(x));
    await f.quiet();
    await f.gateway.close();
    await f.until(() => seen.failure !== undefined);
    expect(seen.failure).toMatchObject({ code: "stopped" });
  });
}
