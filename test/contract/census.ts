import { expect, it } from "vitest";
import { formatAddress } from "../../src/core/address.ts";
import type { Store } from "../../src/ports/store.ts";
import { addressIn, take, under, type StoreFixture } from "./fixture.ts";
import { letterTo, record } from "./writes.ts";

const COMMITTED = { kind: "committed" };

async function countedBy(store: Store): Promise<readonly string[]> {
  const told = new Set<string>();
  await store.census((address) => {
    told.add(formatAddress(address));
    return true;
  });
  return [...told].toSorted();
}

export function census(fixture: () => StoreFixture): void {
  it("tells of nobody where there is no record", async () => {
    const f = fixture();
    await take(f.a, 0);
    expect(await countedBy(f.a.store)).toEqual([]);
  });

  it("tells of every actor of every partition, whoever stored its record, and of nothing else that is stored", async () => {
    const f = fixture();
    const mine = Array.from({ length: 600 }, (_, i) => addressIn(0, f.partitions, `mine-${i}`));
    const [fence, other] = [await take(f.a, 0), await take(f.b, 1)];
    expect(await f.a.store.commit(under(0, fence, ...mine.map((address) => record(0, address, "1"))))).toEqual(COMMITTED);
    expect(await f.a.store.commit(under(0, fence, record(0, mine[0] as never, "2")))).toEqual(COMMITTED);
    const theirs = addressIn(1, f.partitions, "theirs", "other");
    const target = addressIn(1, f.partitions, "target");
    expect(await f.b.store.commit(under(1, other, letterTo(1, "event", target, "m1"), record(1, theirs, "1")))).toEqual(COMMITTED);
    expect(await f.a.store.commit(under(0, fence, record(0, mine[1] as never, "2")))).toEqual(COMMITTED);
    expect(await countedBy(f.b.store)).toEqual([...mine, theirs].map(formatAddress).toSorted());
  });

  it("goes through many thousands", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    const addresses = Array.from({ length: 9_000 }, (_, i) => addressIn(0, f.partitions, `x-${i}`));
    for (let from = 0; from < addresses.length; from += 900) {
      const writes = addresses.slice(from, from + 900).map((address) => record(0, address, "1"));
      expect(await f.a.store.commit(under(0, fence, ...writes))).toEqual(COMMITTED);
    }
    expect(await countedBy(f.b.store)).toEqual(addresses.map(formatAddress).toSorted());
  });

  it("ends when it has been told enough", async () => {
    const f = fixture();
    const addresses = Array.from({ length: 20 }, (_, i) => addressIn(0, f.partitions, `x-${i}`));
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, ...addresses.map((address) => record(0, address, "1"))));
    let told = 0;
    await f.a.store.census(() => ++told < 5);
    expect(told).toBe(5);
  });

  it("leaves nobody out while records are replaced and added, but perhaps those", async () => {
    const f = fixture();
    const addresses = Array.from({ length: 900 }, (_, i) => addressIn(0, f.partitions, `x-${i}`));
    const [still, moving] = [addresses.slice(0, 400), addresses.slice(400)];
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, ...addresses.map((address) => record(0, address, "1"))));
    const counting = countedBy(f.b.store);
    for (const [i, address] of moving.entries())
      if (i % 100 === 0) expect(await f.a.store.commit(under(0, fence, record(0, address, "2")))).toEqual(COMMITTED);
    const told = new Set(await counting);
    expect(still.map(formatAddress).filter((key) => !told.has(key))).toEqual([]);
  });
}
