import { assert, property, string, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import { cut, coverOf, isCover, joined, type Cover } from "../../src/core/cover.ts";

const PART_BYTES = 300;
const cutUp = (record: Uint8Array, mark: string) => {
  const { cover, parts } = cut(record, mark, PART_BYTES);
  return { cover: coverOf(cover) as Cover, parts };
};

describe("a record in parts", () => {
  it("is put together again, whatever its size", () => {
    assert(
      property(uint8Array({ minLength: 1, maxLength: 1_000 }), string({ maxLength: 40 }), (record, mark) => {
        const { cover, parts } = cutUp(record, mark);
        expect(parts.every((part) => part.length <= PART_BYTES)).toBe(true);
        expect(cover).toEqual({ bytes: record.length, parts: parts.length, mark });
        const again = joined(cover, parts);
        expect(again !== undefined && Buffer.compare(again, record) === 0).toBe(true);
      }),
    );
  });

  it("is not put together of parts that are missing, or of another commit", () => {
    const first = cutUp(new Uint8Array(100).fill(1), "1.7.1");
    const second = cutUp(new Uint8Array(100).fill(2), "1.7.2");
    expect(first.parts.length).toBe(3);
    expect(joined(first.cover, first.parts.slice(1))).toBeUndefined();
    expect(joined(first.cover, [first.parts[0], undefined, first.parts[2]])).toBeUndefined();
    expect(joined(first.cover, [first.parts[0], second.parts[1], first.parts[2]])).toBeUndefined();
    expect(joined(first.cover, [first.parts[0], new Uint8Array(0), first.parts[2]])).toBeUndefined();
    expect(joined(first.cover, second.parts)).toBeUndefined();
  });

  it("is told from one that lies there itself by its first byte", () => {
    const record = encodeRecord({ v: 1 });
    expect([isCover(record), coverOf(record)]).toEqual([false, undefined]);
    const { cover } = cut(record, "m", PART_BYTES);
    expect(cover[0]).toBe(2);
    expect(() => decodeRecord(cover)).toThrow(/codec byte 2/);
    expect(() => coverOf(cover.subarray(0, -3))).toThrow(expect.objectContaining({ code: "bad_payload" }));
    expect(() => coverOf(Buffer.of(2, 0xc1))).toThrow(expect.objectContaining({ code: "bad_payload" }));
  });

  it("has a form that stays: what was stored is read for ever", () => {
    const stored = Buffer.from("02de0003a5627974657303a5706172747301a46d61726ba5312e372e32", "hex");
    const part = Buffer.from("05312e372e32010203", "hex");
    expect(joined(coverOf(stored) as Cover, [part])).toEqual(Buffer.of(1, 2, 3));
    expect(Buffer.from(cut(Uint8Array.of(1, 2, 3), "1.7.2", PART_BYTES).cover)).toEqual(stored);
  });
});
