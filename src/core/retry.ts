import type { Fault } from "./errors.ts";

/**
 * When to try again. Delays grow by `factor` from `minDelayMs` up to `maxDelayMs`; `jitter` spreads each by that share
 * to either side, so that tasks which failed together do not return together.
 */
export interface RetryPolicy {
  /** How often the work is tried in all; 1 means never again. */
  readonly attempts: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly factor: number;
  /** 0 (none) to 1. */
  readonly jitter: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 3, minDelayMs: 1_000, maxDelayMs: 60_000, factor: 2, jitter: 0.25 };

/**
 * How long to wait after a failed attempt. `chance` is 0 to 1 and decides the jitter.
 * Always within [0, maxDelayMs], and at least minDelayMs × (1 - jitter).
 */
export function retryDelayMs(policy: RetryPolicy, failedAttempt: number, chance: number): number {
  const grown = policy.minDelayMs === 0 ? 0 : Math.min(policy.maxDelayMs, policy.minDelayMs * policy.factor ** (failedAttempt - 1));
  const spread = 1 + policy.jitter * (2 * chance - 1);
  return Math.min(policy.maxDelayMs, Math.max(0, Math.round(grown * spread)));
}

/** What a task counts when an attempt has failed. `event`: its end, with the reruns that it had (hear.ts). */
export function counted({ attempt, earlierReruns = 0 }: Tries, event: object): Tries {
  const reruns = earlierReruns + ((event as { readonly reruns?: number }).reruns ?? 0);
  return reruns === 0 ? { attempt: attempt + 1 } : { attempt: attempt + 1, earlierReruns: reruns };
}

interface Tries {
  readonly attempt: number;
  readonly earlierReruns?: number;
}

/** User code marks an error as hopeless with `retryable: false`; everything else deserves another try. */
export function isRetryable(thrown: unknown): boolean {
  return !(typeof thrown === "object" && thrown !== null && "retryable" in thrown && thrown.retryable === false);
}

/** A number in [0, 1) that is the same for the same text: jitter without a source of randomness in a pure core. */
export function chanceOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 12;
  return (hash >>> 0) / 2 ** 32;
}

/** What is wrong with a policy, field by field below `path`. */
export function faultsOfRetry(retry: RetryPolicy, path: string): readonly Fault[] {
  const faults: Fault[] = [];
  const demand = (field: string, holds: boolean, message: string) => holds || faults.push({ path: `${path}.${field}`, message });
  demand("attempts", Number.isInteger(retry.attempts) && retry.attempts >= 1, "must be a whole number, at least 1");
  demand("minDelayMs", Number.isFinite(retry.minDelayMs) && retry.minDelayMs >= 0, "must be a number, not negative");
  demand(
    "maxDelayMs",
    Number.isFinite(retry.maxDelayMs) && retry.maxDelayMs >= retry.minDelayMs,
    "must be a number, not less than minDelayMs",
  );
  demand("factor", Number.isFinite(retry.factor) && retry.factor >= 1, "must be a number, at least 1");
  demand("jitter", retry.jitter >= 0 && retry.jitter <= 1, "must be between 0 and 1");
  return faults;
}
