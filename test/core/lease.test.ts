import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { beatIntervalMs, isTrusted, termFrom } from "../../src/core/lease.ts";

const sentAt = fc.double({ min: 0, max: 1e9, noNaN: true });
const ttlMs = fc.integer({ min: 100, max: 600_000 });

describe("a lease", () => {
  it("is never trusted at the moment when others may take over, nor after", () => {
    fc.assert(
      fc.property(sentAt, ttlMs, fc.double({ min: 0, max: 1e9, noNaN: true }), (sentAt, ttlMs, later) => {
        expect(isTrusted(termFrom(sentAt, ttlMs), sentAt + ttlMs + later)).toBe(false);
      }),
    );
  });

  it("is trusted from the sign of life until its margin begins, a fifth before its end", () => {
    fc.assert(
      fc.property(sentAt, ttlMs, (sentAt, ttlMs) => {
        const term = termFrom(sentAt, ttlMs);
        expect(isTrusted(term, sentAt)).toBe(true);
        expect(isTrusted(term, sentAt + ttlMs * 0.79)).toBe(true);
        expect(isTrusted(term, sentAt + ttlMs * 0.81)).toBe(false);
      }),
    );
  });

  it("outlives two lost signs of life, and is trusted again from a later one", () => {
    fc.assert(
      fc.property(sentAt, ttlMs, (sentAt, ttlMs) => {
        const beat = beatIntervalMs(ttlMs);
        expect(isTrusted(termFrom(sentAt, ttlMs), sentAt + 2 * beat)).toBe(true);
        expect(termFrom(sentAt + beat, ttlMs).trustedUntil).toBeGreaterThan(termFrom(sentAt, ttlMs).trustedUntil);
      }),
    );
  });
});
