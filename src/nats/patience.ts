import { PULL, type PullPace } from "./pull.ts";

/**
 * How long the adapter waits for what, which depends on the number of copies. A stream with one copy is there or its server is
 * down, and the broken connection says so at once. Of a stream with several the leader may be gone while our own server is well:
 * nothing breaks, and until the others have elected another leader (4 to 9 s after they last heard of it) nobody answers.
 */
export interface Patience {
  /** A sign of life is believed for longer than an election takes, in which none can be stored: otherwise one would end all work. */
  readonly leaseTtlMs: number;
  /** A commit that is refused for want of a leader is sent again for so long before it counts as unknown. */
  readonly resendMs: number;
  /** How long a commit whose answer was lost is looked for. */
  readonly settleMs: number;
  /** A look at what is stored, of which another follows: one sent to a leader that is gone must not outlast the election. */
  readonly lookMs: number;
  /** Heartbeats are how a host notices that the leader of a consumer has taken its pull to the grave. */
  readonly pull: PullPace;
}

const ALONE: Patience = { leaseTtlMs: 3000, resendMs: 5000, settleMs: 5000, lookMs: 5000, pull: PULL };
const ELECTED: Patience = {
  leaseTtlMs: 15_000,
  resendMs: 20_000,
  settleMs: 20_000,
  lookMs: 1000,
  pull: { ...PULL, heartbeatMs: 1000 },
};

export function patienceWith(replicas: number): Patience {
  return replicas > 1 ? ELECTED : ALONE;
}

/** For those who know of no copies yet. */
export const DEFAULT_LEASE_TTL_MS = ALONE.leaseTtlMs;
export const REPLICATED_LEASE_TTL_MS = ELECTED.leaseTtlMs;
