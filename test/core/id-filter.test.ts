import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { IdFilter } from "../../src/core/id-filter.ts";

const ids = fc.array(fc.string({ unit: "binary" }), { maxLength: 300 });

describe("the filter of ids", () => {
  it("never calls an id new that was added, however full it is", () => {
    fc.assert(
      fc.property(ids, fc.integer({ min: 0, max: 4_096 }), (added, bytes) => {
        const filter = new IdFilter(bytes);
        for (const id of added) filter.add(id);
        expect(added.filter((id) => !filter.mayHave(id))).toEqual([]);
        expect(added.filter((id) => filter.add(id))).toEqual([]);
      }),
    );
  });

  it("calls every id new as long as nothing was added", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (id) => !new IdFilter(64).mayHave(id)));
  });

  it.each([
    ["counted up", (i: number) => `render/${i}`],
    ["random", (i: number) => `order/o-${Math.imul(i, 0x9e3779b1) >>> 0}`],
    ["long with a late difference", (i: number) => `task/${"x".repeat(150)}${i}`],
    ["that differ at the front only", (i: number) => `${i}/same-for-all`],
  ])("takes fewer than five in a hundred new ids for known when it is full: ids %s", (_which, idOf) => {
    const filter = new IdFilter(65_536);
    let next = 0;
    while (!filter.isFull) filter.add(idOf(next++));
    expect(filter.size).toBe(65_536);
    let mistaken = 0;
    for (let i = 0; i < 50_000; i++) if (filter.mayHave(idOf(10_000_000 + i))) mistaken++;
    expect(mistaken / 50_000).toBeLessThan(0.05);
  });

  it("takes hardly any new id for known while it is half full", () => {
    const filter = new IdFilter(65_536);
    for (let i = 0; i < 32_768; i++) filter.add(`render/${i}`);
    let mistaken = 0;
    for (let i = 0; i < 50_000; i++) if (filter.mayHave(`render/x${i}`)) mistaken++;
    expect(mistaken / 50_000).toBeLessThan(0.005);
  });

  it("takes the bytes it was given, rounded down to a power of two, and never less than a block", () => {
    expect([0, 31, 32, 63, 64, 100_000].map((bytes) => new IdFilter(bytes).capacity)).toEqual([32, 32, 32, 32, 64, 65_536]);
  });
});
