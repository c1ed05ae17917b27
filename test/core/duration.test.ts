import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration } from "../../src/core/duration.ts";

describe("a duration", () => {
  it.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    ["1.5s", 1_500],
    ["0ms", 0],
    ["0.4ms", 0],
    [1_500, 1_500],
    [0, 0],
    [0.6, 1],
  ])("%s is %i ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    "",
    "s",
    "10",
    "-1s",
    "+1s",
    "1 s",
    " 1s",
    "1s ",
    "1s\n",
    "1e3s",
    "1.s",
    ".5s",
    "1,5s",
    "1S",
    "1h30m",
    "1week",
    "٣s",
    -1,
    NaN,
    Infinity,
  ])("%j is none", (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  it("that no clock can hold is none", () => {
    expect(parseDuration(`${"9".repeat(400)}d`)).toBeUndefined();
  });

  it("is whole milliseconds of any number and unit, or none", () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])), (count, unit) => {
        expect(parseDuration(`${count}${unit}`)).toBe(count * units[unit]);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double()), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || (Number.isInteger(ms) && ms >= 0)).toBe(true);
      }),
    );
  });
});
