import { TroupeError } from "../core/errors.ts";
import { isEnded } from "../core/record.ts";
import type { Store } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import type { Committer } from "./committer.ts";
import type { Parcel } from "./parcel.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Overflow } from "./overflow.ts";
import { merge, messagesIn } from "./pending.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";

export interface ReleaseParts {
  readonly store: Pick<Store, "maxWrites">;
  /** The session can no longer be trusted. */
  readonly lost: (session: Session, why: TroupeError) => void;
  readonly committer: Committer;
  readonly dispatch: Dispatch;
  readonly overflow: Overflow;
  readonly outcomes: Outcomes;
  readonly room: Room;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * What follows once an actor's turns are stored, or were not.
 *
 * Owns: how many tasks have ended here. Calls in: settlement.ts. Calls out: dispatch, overflow, outcomes.
 */
export class Release {
  readonly #parts: ReleaseParts;
  /** Tasks whose end was stored here. */
  finished = 0;

  constructor(parts: ReleaseParts) {
    this.#parts = parts;
  }

  /** The commit of this activation is stored: everything that waited for it happens now. */
  committed(activation: Activation): void {
    const { committer, dispatch, overflow, outcomes, room, retire } = this.#parts;
    const stored = activation.committing;
    activation.committing = undefined;
    if (stored === undefined || activation.phase === "dropped") return;
    activation.parts = room.partsOf(stored.bytes?.length ?? 0);
    for (const effect of stored.effects) dispatch.release(activation, effect, stored.holds);
    if (activation.actor?.record.outbox !== undefined) overflow.sendOn(activation, stored.holds.splice(0));
    overflow.goOn(activation);
    if (activation.pending !== undefined) {
      if (stored.tellsEnd) activation.pending.tellsEnd = true;
      committer.dirty(activation);
    } else if (stored.tellsEnd && activation.actor !== undefined && isEnded(activation.actor.record)) {
      this.finished++;
      outcomes.tell(activation, activation.actor.record);
    }
    for (const hold of stored.holds) hold.release();
    retire(activation);
  }

  /** A commit that was refused for a partition of somebody else's: the same once more. */
  resubmit(parcel: Parcel): void {
    const { committer } = this.#parts;
    if (parcel.kind === "loose") {
      committer.loose(parcel.session, parcel.writes, parcel.committed);
      return;
    }
    const { activation } = parcel;
    const refused = activation.committing;
    if (refused === undefined) return;
    activation.committing = undefined;
    const { pending } = activation;
    activation.pending = pending === undefined ? refused : merge(refused, pending);
    // What was turned since may not fit beside it: whoever reads both from the store again has room.
    if (pending !== undefined && messagesIn(activation.pending) > this.#parts.store.maxWrites)
      this.#parts.lost(activation.session, tooMuch(activation));
    else committer.dirty(activation);
  }
}

function tooMuch({ key }: Activation): TroupeError {
  return new TroupeError(
    "lost_partition",
    `Turns of ${key} that were refused with another partition's do not fit into one commit with those since`,
    {
      about: key,
    },
  );
}
