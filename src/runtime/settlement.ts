import { TroupeError } from "../core/errors.ts";
import type { Log } from "../ports/log.ts";
import type { CommitOutcome } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import { sessionOf, type Parcel } from "./parcel.ts";
import { Hold } from "./hold.ts";
import { partnersOf } from "./joint.ts";
import { NEVER_STORED } from "./near-delivery.ts";
import type { Release } from "./release.ts";
import type { Session } from "./session.ts";

export interface SettlementParts {
  readonly log: Log;
  readonly release: Pick<Release, "committed" | "resubmit">;
  readonly abort: (activation: Activation, why: TroupeError) => void;
  /** The session can no longer be trusted. */
  readonly lost: (session: Session, why: TroupeError) => void;
  /** The actor leaves memory. */
  readonly drop: (activation: Activation) => void;
  /** `stored` is told once the dead letter is. */
  readonly dead: (session: Session, hold: Hold, error: unknown, stored?: () => void) => void;
}

/**
 * What becomes of a commit's parcels, by its outcome. An unknown one costs its sessions: their actors are loaded anew, and so see what
 * was stored (invariant 11).
 */
export function settle(parts: SettlementParts, parcels: readonly Parcel[], outcome: CommitOutcome): void {
  for (const parcel of parcels) {
    const session = sessionOf(parcel);
    const permit = parcel.kind === "actor" ? parcel.activation.committing?.permit : undefined;
    switch (outcome.kind) {
      case "committed":
        permit?.stored();
        if (parcel.kind === "loose") parcel.committed();
        else if (session.open) parts.release.committed(parcel.activation);
        break;
      case "conflict":
        // A lost fence drops its partition's turns; the rest of the batch was refused with it and is committed again.
        if (outcome.lost.includes(session.partition))
          parts.lost(session, new TroupeError("lost_partition", `Another host has taken partition ${session.partition}`));
        // Nor is what was to be stored with such turns or not at all: it is begun anew from what is stored.
        else if (isJointWith(parcel, outcome.lost)) parts.lost(session, lostWith(session, outcome.lost));
        else if (session.open) parts.release.resubmit(parcel);
        if (permit !== undefined && outcome.lost.includes(permit.session.partition))
          parts.lost(permit.session, lostWith(permit.session, outcome.lost));
        if (!session.open) permit?.back();
        break;
      case "unknown": {
        const { cause } = outcome;
        const why = new TroupeError("commit_unknown", `A commit was not answered: ${cause.message}`, { cause });
        parts.lost(session, why);
        // Perhaps it is stored later: under the next fence of its gate it cannot be.
        if (permit !== undefined) parts.lost(permit.session, why);
        permit?.stored();
        break;
      }
      case "refused":
        refuse(parts, parcel, outcome.error);
        break;
    }
  }
}

/** Trying again cannot help: whoever caused it is set aside, so that nothing waits on it. */
function refuse(parts: SettlementParts, parcel: Parcel, error: TroupeError): void {
  const { log, abort, drop, dead } = parts;
  log.error({ err: error, code: error.code }, "a commit was refused");
  if (parcel.kind === "loose") return;
  const { activation } = parcel;
  const partners = partnersOf(activation);
  const holds = activation.committing?.holds ?? [];
  const deliveries = new Set(holds.map((hold) => hold.delivery).filter(({ sequence }) => sequence !== NEVER_STORED));
  abort(activation, error);
  activation.committing?.permit?.back();
  activation.pending?.permit?.back();
  drop(activation);
  // What others have heard of it since can never be stored. They begin anew, but not before the dead letters are stored with its session.
  const endPartners = (isOwn: boolean): void => {
    for (const { session } of partners)
      if ((session === activation.session) === isOwn) parts.lost(session, lostWith(session, [activation.session.partition]));
  };
  let left = deliveries.size;
  if (left === 0) endPartners(true);
  for (const delivery of deliveries) dead(activation.session, new Hold(delivery), error, () => --left === 0 && endPartners(true));
  endPartners(false);
}

/** The turns of others, or the fence of a gate, without which it is not to be stored. */
function isJointWith(parcel: Parcel, lost: readonly number[]): boolean {
  if (parcel.kind === "loose") return false;
  const { committing } = parcel.activation;
  const isGone = (session: Session | undefined): boolean => session !== undefined && (!session.open || lost.includes(session.partition));
  if (isGone(committing?.permit?.session)) return true;
  const members = committing?.joint?.members ?? [];
  // Of a session that has ended meanwhile nothing is committed again.
  return [...members].some((member) => isGone(member.session) || isGone(member.committing?.permit?.session));
}

/** Why a session ends whose turns can only be stored with those of another. */
export function lostWith({ partition }: Session, lost: readonly number[]): TroupeError {
  return new TroupeError("lost_partition", `Turns of partition ${partition} could not be stored without those of ${lost.join(", ")}`);
}
