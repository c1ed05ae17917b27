import { describe, expect, it } from "vitest";
import { beatIntervalMs, isTrusted, termFrom } from "../../src/core/lease.ts";
import { patienceWith } from "../../src/nats/patience.ts";
import { longestSilenceMs } from "../../src/nats/pull.ts";

/** nats-server's own: a follower calls an election 4 to 9 s after it last heard of its leader. */
const SHORTEST_ELECTION_MS = 4_000;
const LONGEST_ELECTION_MS = 9_000;

describe("patience with several copies", () => {
  const { leaseTtlMs, resendMs, settleMs, lookMs, pull } = patienceWith(3);

  it("trusts a lease through the longest election, even where the leader died right before the next sign of life", () => {
    expect(isTrusted(termFrom(0, leaseTtlMs), beatIntervalMs(leaseTtlMs) + LONGEST_ELECTION_MS)).toBe(true);
  });

  it("gives up no commit before an election is over", () => {
    expect(resendMs).toBeGreaterThan(LONGEST_ELECTION_MS);
    expect(settleMs).toBeGreaterThan(LONGEST_ELECTION_MS);
  });

  it("has noticed what died with a leader when its successor is elected, and looks again soon afterwards", () => {
    expect(longestSilenceMs(pull)).toBeLessThan(SHORTEST_ELECTION_MS);
    expect(lookMs).toBeLessThan(SHORTEST_ELECTION_MS);
  });
});

it("believes a host alive for 3 s where there is nobody to elect", () => {
  expect(patienceWith(1)).toMatchObject({ leaseTtlMs: 3_000 });
});
