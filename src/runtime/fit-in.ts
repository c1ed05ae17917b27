import type { TroupeError } from "../core/errors.ts";
import { misfitWith } from "../core/joining.ts";
import type { Clock } from "../ports/clock.ts";
import type { Leases, Member, Sign } from "../ports/leases.ts";

export interface FitParts {
  readonly leases: Leases;
  readonly clock: Clock;
  /** What this host has said of itself already. */
  readonly sign: Sign;
  /** Says it again. */
  readonly beat: () => Promise<void>;
}

/** How often a host that may not join looks whether the other is gone. */
const LOOKS_PER_TTL = 10;

/**
 * Of two hosts that cannot work side by side, the one that came later leaves: it sees the other's sign, having given its own first.
 * Only for one that lives, and so gives another sign: what was killed a moment ago may have one left.
 * @throws incompatible_release, clashing_definition, no_answer, no_connection
 */
export async function demandFit({ leases, clock, sign, beat }: FitParts): Promise<void> {
  const signs = new Map<string, number>();
  for (;;) {
    const misfit = misfitIn(await leases.members(), sign);
    if (misfit === undefined) return;
    const { host, at } = misfit.other;
    const isHeard = signs.has(host) && signs.get(host) !== at;
    if (isHeard && (await leases.alive(host))) throw misfit.error;
    signs.set(host, at);
    await new Promise<void>((resolve) => void clock.after(leases.ttlMs / LOOKS_PER_TTL, resolve));
    await beat();
  }
}

function misfitIn(members: readonly Member[], sign: Sign): { readonly other: Member; readonly error: TroupeError } | undefined {
  const since = members.find(({ host }) => host === sign.host)?.since ?? Infinity;
  for (const other of members) {
    const error = other.since < since ? misfitWith(sign, other) : undefined;
    if (error !== undefined) return { other, error };
  }
  return undefined;
}
