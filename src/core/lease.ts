/**
 * How long a host may believe that its leases hold. Trust is measured from *before* the sign of life was sent, on the
 * monotonic clock, and ends a safety margin before others may believe the host dead.
 */
export interface LeaseTerm {
  readonly trustedUntil: number;
}

/** The share of the time to live that a host gives away so as to stop before others may take over. */
const SAFETY_MARGIN = 0.2;

export function termFrom(sentAtMonotonic: number, ttlMs: number): LeaseTerm {
  return { trustedUntil: sentAtMonotonic + ttlMs * (1 - SAFETY_MARGIN) };
}

export function isTrusted(term: LeaseTerm, nowMonotonic: number): boolean {
  return nowMonotonic < term.trustedUntil;
}

/** A longer time to live is not for fewer signs of life: what it is to outlast begins right before the next one. */
const LONGEST_INTERVAL_MS = 1000;

/** Three signs of life per time to live at least: two may be lost. */
export function beatIntervalMs(ttlMs: number): number {
  return Math.min(ttlMs / 3, LONGEST_INTERVAL_MS);
}
