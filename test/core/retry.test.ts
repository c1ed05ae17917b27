import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TerminalError, TroupeError } from "../../src/core/errors.ts";
import { chanceOf, DEFAULT_RETRY, isRetryable, retryDelayMs, type RetryPolicy } from "../../src/core/retry.ts";

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const attempt = fc.integer({ min: 1, max: 5_000 });
const policy: fc.Arbitrary<RetryPolicy> = fc
  .record({
    attempts: fc.integer({ min: 1, max: 5_000 }),
    minDelayMs: fc.integer({ min: 1, max: 100_000 }),
    more: fc.nat(10_000_000),
    factor: fc.double({ min: 1, max: 100, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ more, ...rest }) => ({ ...rest, maxDelayMs: rest.minDelayMs + more }));

describe("the wait before the next attempt", () => {
  it("is a whole number between the least delay less its jitter and the most delay", () => {
    fc.assert(
      fc.property(policy, attempt, chance, (policy, attempt, chance) => {
        const delayMs = retryDelayMs(policy, attempt, chance);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(Math.floor(policy.minDelayMs * (1 - policy.jitter)));
        expect(delayMs).toBeLessThanOrEqual(policy.maxDelayMs);
      }),
    );
  });

  it("never shrinks from one attempt to the next", () => {
    fc.assert(
      fc.property(policy, attempt, chance, (policy, attempt, chance) => {
        expect(retryDelayMs(policy, attempt + 1, chance)).toBeGreaterThanOrEqual(retryDelayMs(policy, attempt, chance));
      }),
    );
  });

  it("strays from its growth by no more than the jitter", () => {
    fc.assert(
      fc.property(policy, fc.integer({ min: 1, max: 20 }), chance, (policy, attempt, chance) => {
        const grown = Math.min(policy.maxDelayMs, policy.minDelayMs * policy.factor ** (attempt - 1));
        expect(Math.abs(retryDelayMs(policy, attempt, chance) - grown)).toBeLessThanOrEqual(grown * policy.jitter + 0.5);
      }),
    );
  });

  it("doubles from a second to a minute by default, within a quarter", () => {
    const waits = (chance: number): number[] => [1, 2, 3, 4, 7, 50].map((attempt) => retryDelayMs(DEFAULT_RETRY, attempt, chance));
    expect(waits(0.5)).toEqual([1_000, 2_000, 4_000, 8_000, 60_000, 60_000]);
    expect(waits(0)).toEqual([750, 1_500, 3_000, 6_000, 45_000, 45_000]);
  });

  it("stays nothing where the policy says to try again at once, however often", () => {
    const atOnce = { ...DEFAULT_RETRY, attempts: 5_000, minDelayMs: 0 };
    for (const attempt of [1, 2, 1_024, 1_025, 4_999]) expect(retryDelayMs(atOnce, attempt, 0.5)).toBe(0);
  });
});

describe("the chance made of a text", () => {
  it("is the same for the same text, in [0, 1)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const chance = chanceOf(text);
        expect(chance).toBe(chanceOf(text));
        expect(chance).toBeGreaterThanOrEqual(0);
        expect(chance).toBeLessThan(1);
      }),
    );
  });

  it("spreads the tasks of a type, and the attempts of a task", () => {
    const texts = [(n: number) => `resize/${n}:1`, (n: number) => `resize/42:${n}`];
    for (const text of texts) {
      const tenths = Array.from({ length: 10 }, () => 0);
      for (let n = 0; n < 10_000; n++) tenths[Math.floor(chanceOf(text(n)) * 10)]!++;
      expect(Math.min(...tenths)).toBeGreaterThan(700);
      expect(Math.max(...tenths)).toBeLessThan(1_300);
    }
  });
});

describe("whether to try again", () => {
  it("is no for a TerminalError and for anything that says so, yes for everything else", () => {
    class Hopeless extends TerminalError {}
    for (const thrown of [new TerminalError("no"), new Hopeless("no"), { retryable: false }, new TroupeError("invalid_output", "no")])
      expect(isRetryable(thrown)).toBe(false);
    for (const thrown of [
      new Error("x"),
      "x",
      undefined,
      null,
      1,
      {},
      { retryable: 0 },
      { retryable: undefined },
      new TroupeError("timeout", "x"),
    ])
      expect(isRetryable(thrown)).toBe(true);
  });
});
