import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommitOutcome, Write } from "../../src/ports/store.ts";
import { addressIn, take, text, under, type StoreFixture } from "./fixture.ts";
import { census } from "./census.ts";
import { kept, mail, retention } from "./committed.ts";
import { parts } from "./parts.ts";
import { tickets } from "./tickets.ts";
import { timers } from "./timers.ts";
import { record } from "./writes.ts";

const COMMITTED = { kind: "committed" };

/** The contract of src/ports/store.ts. */
export function storeContract(name: string, open: () => Promise<StoreFixture>): void {
  describe(`store: ${name}`, () => {
    let f: StoreFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("records", () => records(() => f));
    describe("census", () => census(() => f));
    describe("fences", () => fences(() => f));
    describe("limits", () => limits(() => f));
    describe("parts", () => parts(() => f));
    describe("mail", () => mail(() => f));
    describe("tickets", () => tickets(() => f));
    describe("timers", () => timers(() => f));
    describe("what is kept beside records", () => kept(() => f));
    describe("retention", () => retention(() => f));
  });
}

function records(fixture: () => StoreFixture): void {
  it("has no record of an actor that never was", async () => {
    const f = fixture();
    expect(await f.a.store.load([addressIn(0, f.partitions, "nobody")])).toEqual([undefined]);
    expect(await f.a.store.load([])).toEqual([]);
  });

  it("loads in the order asked, gaps and repetitions included", async () => {
    const f = fixture();
    const [x, y, z] = ["x", "y", "z"].map((name) => addressIn(0, f.partitions, name)) as [never, never, never];
    const fence = await take(f.a, 0);
    expect(await f.a.store.commit(under(0, fence, record(0, x, "X"), record(0, z, "Z")))).toEqual(COMMITTED);
    await take(f.b, 0);
    expect((await f.b.store.load([z, y, x, z])).map(text)).toEqual(["Z", undefined, "X", "Z"]);
  });

  it("replaces a record, and whoever takes the partition next sees it at once", async () => {
    const f = fixture();
    const address = addressIn(0, f.partitions, "x");
    for (const version of ["1", "2", "3"]) {
      const fence = await take(f.a, 0);
      expect(await f.a.store.commit(under(0, fence, record(0, address, version)))).toEqual(COMMITTED);
      expect((await f.a.store.load([address])).map(text)).toEqual([version]);
      await take(f.b, 0);
      expect((await f.b.store.load([address])).map(text)).toEqual([version]);
    }
  });

  it("keeps bytes as they are", async () => {
    const f = fixture();
    const address = addressIn(0, f.partitions, "binary");
    const all = Uint8Array.from({ length: 1_024 }, (_, i) => i % 256);
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, { kind: "record", partition: 0, address, bytes: all }));
    await take(f.b, 0);
    const [loaded] = await f.b.store.load([address]);
    expect(Buffer.from(loaded as Uint8Array).equals(all)).toBe(true);
  });

  it("loads more than a thousand records in one call", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    const addresses = Array.from({ length: 1_100 }, (_, i) => addressIn(0, f.partitions, `many-${i}`));
    for (let from = 0; from < addresses.length; from += 550) {
      const writes = addresses.slice(from, from + 550).map((address, i) => record(0, address, String(from + i)));
      expect(await f.a.store.commit(under(0, fence, ...writes))).toEqual(COMMITTED);
    }
    expect((await f.a.store.load(addresses)).map(text)).toEqual(addresses.map((_, i) => String(i)));
  });

  it("applies commits of single writes that overlap in the order they were made", async () => {
    const f = fixture();
    if (!f.a.store.singlesOverlap) return;
    const address = addressIn(0, f.partitions, "x");
    const fence = await take(f.a, 0);
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, i) => f.a.store.commit(under(0, fence, record(0, address, String(i))))),
    );
    expect(outcomes).toEqual(outcomes.map(() => COMMITTED));
    expect((await f.b.store.load([address])).map(text)).toEqual(["19"]);
  });
}

function fences(fixture: () => StoreFixture): void {
  it("refuses a single write under a fence that another host has moved", async () => {
    const f = fixture();
    const address = addressIn(0, f.partitions, "x");
    const stale = await take(f.a, 0);
    const fence = await take(f.b, 0);
    expect(await f.a.store.commit(under(0, stale, record(0, address, "stale")))).toEqual({ kind: "conflict", lost: [0] });
    expect(await f.b.store.load([address])).toEqual([undefined]);
    expect(await f.b.store.commit(under(0, fence, record(0, address, "good")))).toEqual(COMMITTED);
  });

  it("refuses a whole batch under a stale fence", async () => {
    const f = fixture();
    const [x, y] = ["x", "y"].map((name) => addressIn(0, f.partitions, name)) as [never, never];
    const stale = await take(f.a, 0);
    await take(f.b, 0);
    expect(await f.a.store.commit(under(0, stale, record(0, x, "1"), record(0, y, "2")))).toEqual({ kind: "conflict", lost: [0] });
    expect(await f.b.store.load([x, y])).toEqual([undefined, undefined]);
  });

  it("refuses a fence that was released", async () => {
    const f = fixture();
    const fence = await take(f.a, 1);
    await f.a.leases.release(1, f.a.host, fence);
    const outcome = await f.a.store.commit(under(1, fence, record(1, addressIn(1, f.partitions, "x"), "late")));
    expect(outcome).toEqual({ kind: "conflict", lost: [1] });
  });

  it("commits to several partitions under the fences of all", async () => {
    const f = fixture();
    const addresses = [0, 1, 2].map((partition) => addressIn(partition, f.partitions, "x"));
    const held = await Promise.all([0, 1, 2].map(async (partition) => [partition, await take(f.a, partition)] as const));
    const writes = addresses.map((address, partition) => record(partition, address, `p${partition}`));
    expect(await f.a.store.commit({ fences: new Map(held), writes })).toEqual(COMMITTED);
    await Promise.all([0, 1, 2].map((partition) => take(f.b, partition)));
    expect((await f.b.store.load(addresses)).map(text)).toEqual(["p0", "p1", "p2"]);
  });

  it("stores nothing of a mixed batch when one partition is lost, and names that one only", async () => {
    const f = fixture();
    const addresses = [0, 1, 2].map((partition) => addressIn(partition, f.partitions, "x"));
    const held = new Map(await Promise.all([0, 1, 2].map(async (partition) => [partition, await take(f.a, partition)] as const)));
    await take(f.b, 1);
    const writes = addresses.map((address, partition) => record(partition, address, "lost"));
    expect(await f.a.store.commit({ fences: held, writes })).toEqual({ kind: "conflict", lost: [1] });
    expect(await f.b.store.load(addresses)).toEqual([undefined, undefined, undefined]);
    const rest: Write[] = [record(0, addresses[0] as never, "kept"), record(2, addresses[2] as never, "kept")];
    held.delete(1);
    expect(await f.a.store.commit({ fences: held, writes: rest })).toEqual(COMMITTED);
    expect((await f.a.store.load(addresses)).map(text)).toEqual(["kept", undefined, "kept"]);
  });

  it("names every partition that is lost", async () => {
    const f = fixture();
    const held = new Map(await Promise.all([0, 1, 2].map(async (partition) => [partition, await take(f.a, partition)] as const)));
    await take(f.b, 0);
    await take(f.b, 2);
    const writes = [0, 1, 2].map((partition) => record(partition, addressIn(partition, f.partitions, "x"), "lost"));
    const outcome = await f.a.store.commit({ fences: held, writes });
    expect(outcome.kind === "conflict" && outcome.lost.toSorted((a, b) => a - b)).toEqual([0, 2]);
  });
}

function limits(fixture: () => StoreFixture): void {
  it("refuses a write that is too large, alone or in a batch, and stores nothing", async () => {
    const f = fixture();
    const [x, y] = ["x", "y"].map((name) => addressIn(0, f.partitions, name)) as [never, never];
    const fence = await take(f.a, 0);
    const large: Write = { kind: "record", partition: 0, address: y, bytes: new Uint8Array(f.a.store.maxWriteBytes * 2) };
    expectTooLarge(await f.a.store.commit(under(0, fence, large)));
    expectTooLarge(await f.a.store.commit(under(0, fence, record(0, x, "small"), large)));
    expect(await f.a.store.load([x, y])).toEqual([undefined, undefined]);
    expect(await f.a.store.commit(under(0, fence, record(0, x, "after")))).toEqual(COMMITTED);
  });

  it("takes as many writes as it says, and refuses one more", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    const count = f.a.store.maxWrites;
    const writes = Array.from({ length: count + 1 }, (_, i) => record(0, addressIn(0, f.partitions, `w${i}`), "w"));
    const refused = await f.a.store.commit(under(0, fence, ...writes));
    expect(refused.kind).toBe("refused");
    expect(await f.a.store.load([addressIn(0, f.partitions, "w0")])).toEqual([undefined]);
    expect(await f.a.store.commit(under(0, fence, ...writes.slice(1)))).toEqual(COMMITTED);
    expect((await f.a.store.load([addressIn(0, f.partitions, `w${count}`)])).map(text)).toEqual(["w"]);
  });
}

function expectTooLarge(outcome: CommitOutcome): void {
  expect(outcome.kind === "refused" && outcome.error.code).toBe("too_large");
}
