import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partitionOf } from "../../src/core/placement.ts";

/** With this many partitions the hash itself shows. */
const WHOLE = 2 ** 32;
const count = fc.integer({ min: 1, max: 64 });

describe("placement", () => {
  it.each([
    ["", "", 0x811c9dc5],
    ["", "a", 0xe40c292c],
    ["foo", "bar", 0xbf9cf968],
    ["foobar", "", 0xbf9cf968],
    ["", "foobar", 0xbf9cf968],
  ])("hashes %j and %j like the published FNV-1a vectors", (type, id, hash) => {
    expect(partitionOf(type, id, WHOLE)).toBe(hash);
  });

  it("never moves an actor: these partitions are stored in streams", () => {
    const placed = ["1", "42", "o-7f3", "ñandú", "日本", "a/b"].map((id) => partitionOf("resize", id, 16));
    expect(placed).toEqual(PLACED);
  });

  it("stays within the count, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), count, (type, id, partitions) => {
        const partition = partitionOf(type, id, partitions);
        expect(Number.isInteger(partition)).toBe(true);
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(partition).toBeLessThan(partitions);
      }),
    );
  });

  it("hashes the bytes of the text, wherever it stops being ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (id) => {
        let hash = 0x811c9dc5;
        for (const byte of Buffer.from(id)) hash = Math.imul(hash ^ byte, 0x01000193);
        expect(partitionOf("", id, WHOLE)).toBe(hash >>> 0);
      }),
    );
  });

  it("spreads consecutive ids over all partitions", () => {
    const sizes = Array.from({ length: 16 }, () => 0);
    for (let n = 0; n < 16_000; n++) sizes[partitionOf("resize", String(n), 16)]!++;
    expect(Math.min(...sizes)).toBeGreaterThan(700);
    expect(Math.max(...sizes)).toBeLessThan(1_300);
  });
});

const PLACED = [0, 7, 9, 15, 13, 13];
