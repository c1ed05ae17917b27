import { assert, dictionary, jsonValue, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeRecord } from "../../src/core/codec.ts";
import { growthOf } from "../../src/core/growth.ts";

const json = jsonValue({ maxDepth: 3 });
const bytesOf = (value: unknown): number => encodeRecord(value).length;

describe("how much longer a value has become", () => {
  it("is never said to be less than it is", () => {
    assert(
      property(json, json, dictionary(string(), json), (kept, before, added) => {
        const was = { kept, part: before, list: [kept, before] };
        const is = { ...was, ...added, list: [kept, added], text: JSON.stringify(added) };
        const growth = growthOf(was, is);
        if (growth !== undefined) expect(bytesOf(is)).toBeLessThanOrEqual(bytesOf(was) + growth);
      }),
      { numRuns: 500 },
    );
  });

  it("is told without looking into what has stayed the same", () => {
    const part = {
      get hidden(): never {
        throw new Error("was looked into");
      },
    };
    expect(growthOf({ part, n: 1 }, { part, n: 2 })).toBeLessThan(30);
  });

  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;
  it.each([
    ["a class's object", new Date()],
    ["a function", () => 1],
    ["a bigint", 1n],
    ["what writes itself", { toJSON: () => "x" }],
    ["what contains itself", cyclic],
    ["much", Array.from({ length: 1_000 }, (_, n) => n)],
  ])("is not told of %s", (_what, value) => {
    expect(growthOf({ value: 1 }, { value })).toBeUndefined();
    expect(growthOf({}, { value: [value] })).toBeUndefined();
  });
});
