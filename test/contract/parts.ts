import { expect, it } from "vitest";
import { cut, coverOf, joined } from "../../src/core/cover.ts";
import type { Address } from "../../src/core/address.ts";
import type { Store, Write } from "../../src/ports/store.ts";
import { addressIn, bytes, take, text, under, type StoreFixture } from "./fixture.ts";
import { record } from "./writes.ts";

const COMMITTED = { kind: "committed" };
const PARTITION = 0;

/** Records that lie in parts. */
export function parts(fixture: () => StoreFixture): void {
  const part = (address: Address, index: number, body: string | Uint8Array, ttlMs?: number): Write => ({
    kind: "part",
    partition: PARTITION,
    address,
    index,
    bytes: typeof body === "string" ? bytes(body) : body,
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });
  const cancel = (address: Address, index: number): Write => ({ kind: "cancelPart", partition: PARTITION, address, index });
  const partsOf = async (store: Store, address: Address, count: number) => (await store.loadParts(address, count)).map(text);

  it("keeps parts beside their record, each actor's its own, gaps included", async () => {
    const f = fixture();
    const [x, y] = ["x", "y"].map((name) => addressIn(PARTITION, f.partitions, name)) as [never, never];
    const fence = await take(f.a, PARTITION);
    const writes = [part(x, 0, "x0"), part(x, 2, "x2"), part(y, 0, "y0"), record(PARTITION, x, "X"), record(PARTITION, y, "Y")];
    expect(await f.a.store.commit(under(PARTITION, fence, ...writes))).toEqual(COMMITTED);
    await take(f.b, PARTITION);
    expect(await partsOf(f.b.store, x, 3)).toEqual(["x0", undefined, "x2"]);
    expect(await partsOf(f.b.store, y, 1)).toEqual(["y0"]);
    expect(await f.b.store.loadParts(y, 0)).toEqual([]);
    expect((await f.b.store.load([x, y])).map(text)).toEqual(["X", "Y"]);
  });

  it("replaces parts and removes those that are left over, in the commit of the next record", async () => {
    const f = fixture();
    const address = addressIn(PARTITION, f.partitions, "x");
    const fence = await take(f.a, PARTITION);
    await f.a.store.commit(under(PARTITION, fence, part(address, 0, "a0"), part(address, 1, "a1"), record(PARTITION, address, "A")));
    await f.a.store.commit(under(PARTITION, fence, part(address, 0, "b0"), cancel(address, 1), record(PARTITION, address, "B")));
    await take(f.b, PARTITION);
    const [first, second] = await f.b.store.loadParts(address, 2);
    expect(text(first)).toBe("b0");
    // A server may leave an empty message there for a while.
    expect(second?.length ?? 0).toBe(0);
  });

  it("stores nothing of it under a stale fence: neither parts nor record, nothing removed", async () => {
    const f = fixture();
    const address = addressIn(PARTITION, f.partitions, "x");
    const stale = await take(f.a, PARTITION);
    await f.a.store.commit(under(PARTITION, stale, part(address, 0, "a0"), part(address, 1, "a1"), record(PARTITION, address, "A")));
    await take(f.b, PARTITION);
    const late = under(PARTITION, stale, part(address, 0, "late"), cancel(address, 1), record(PARTITION, address, "late"));
    expect(await f.a.store.commit(late)).toEqual({ kind: "conflict", lost: [PARTITION] });
    expect(await partsOf(f.b.store, address, 2)).toEqual(["a0", "a1"]);
    expect((await f.b.store.load([address])).map(text)).toEqual(["A"]);
  });

  it("gives back a record of several messages byte for byte", { timeout: 20_000 }, async () => {
    const f = fixture();
    const address = addressIn(PARTITION, f.partitions, "x");
    const fence = await take(f.a, PARTITION);
    const { maxWriteBytes } = f.a.store;
    const whole = Uint8Array.from({ length: Math.floor(maxWriteBytes * 2.5) }, (_, i) => (i * 31 + (i >> 8)) % 256);
    const { cover, parts: pieces } = cut(whole, "mark", maxWriteBytes - 1_024);
    const writes: Write[] = pieces.map((piece, index) => part(address, index, piece));
    writes.push({ kind: "record", partition: PARTITION, address, bytes: cover });
    expect(await f.a.store.commit(under(PARTITION, fence, ...writes))).toEqual(COMMITTED);
    await take(f.b, PARTITION);
    const [stored] = await f.b.store.load([address]);
    const found = coverOf(stored as Uint8Array);
    expect(found).toEqual({ bytes: whole.length, parts: pieces.length, mark: "mark" });
    const again = joined(found as never, await f.b.store.loadParts(address, pieces.length));
    expect(again !== undefined && Buffer.compare(again, whole) === 0).toBe(true);
  });

  it("removes parts with their record when its time is over", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const address = addressIn(PARTITION, f.partitions, "x");
    const fence = await take(f.a, PARTITION);
    const ended = { ...record(PARTITION, address, "ended"), ttlMs: 90_000 };
    await f.a.store.commit(under(PARTITION, fence, part(address, 0, "p0", 90_000), ended));
    await f.pass(89_000);
    expect(await partsOf(f.b.store, address, 1)).toEqual(["p0"]);
    await f.pass(2_000);
    expect(await partsOf(f.b.store, address, 1)).toEqual([undefined]);
    await f.a.store.commit(under(PARTITION, fence, part(address, 0, "q0"), record(PARTITION, address, "again")));
    await f.pass(200_000);
    expect(await partsOf(f.b.store, address, 1)).toEqual(["q0"]);
  });
}
