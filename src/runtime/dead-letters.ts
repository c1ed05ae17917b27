import { formatAddress, type Address } from "../core/address.ts";
import { HEADERS } from "../core/envelope.ts";
import { toErrorRecord, withoutStacks, type ErrorRecord } from "../core/errors.ts";
import type { ActorRecord } from "../core/record.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { Committer } from "./committer.ts";
import { complaints } from "./complaints.ts";
import { deadLetter } from "./decode.ts";
import { givenBack, isPermit } from "./gate-talk.ts";
import type { Hold } from "./hold.ts";
import { NearDelivery } from "./near-delivery.ts";
import type { Outcomes } from "./outcomes.ts";
import { isReminder } from "./reminder.ts";
import type { Session } from "./session.ts";

export interface DeadLetterParts {
  readonly store: Store;
  readonly log: Log;
  readonly partitions: number;
  readonly committer: Pick<Committer, "loose">;
  readonly outcomes: () => Outcomes;
  /** The record of an actor in memory. */
  readonly recordOf: (key: string) => ActorRecord | undefined;
  /** A start has come to nothing: what waited for its actor may wait in vain. */
  readonly startFailed: (session: Session, address: Address) => void;
}

/**
 * Deliveries that no actor can take: kept with the reason, so that nothing waits on them (invariant 9).
 *
 * Owns: nothing. Calls in: whoever meets one: stage.ts, entrance.ts, early.ts, settlement.ts, the receptions, offer-turns.ts. Calls out:
 * the committer.
 * L1. Whoever waits for an answer is told once the dead letter is stored; only then is the delivery acknowledged.
 */
export class DeadLetters {
  readonly #parts: DeadLetterParts;

  constructor(parts: DeadLetterParts) {
    this.#parts = parts;
  }

  /** `stored` is told once it is. */
  keep(session: Session, hold: Hold, error: unknown, stored?: () => void): void {
    if (hold.delivery instanceof NearDelivery) {
      // It was never taken out of its sender's commit.
      hold.delivery.isRefused = true;
      return;
    }
    hold.take();
    // Its actor has ended, and is not remembered any more.
    if (isReminder(hold.delivery)) hold.release();
    else this.#store(session, hold, withoutStacks(toErrorRecord(error)), stored);
  }

  #store(session: Session, hold: Hold, error: ErrorRecord, stored: (() => void) | undefined): void {
    const { store, log, partitions, committer, recordOf, startFailed } = this.#parts;
    const { delivery } = hold;
    const key = formatAddress(delivery);
    if (isPermit(delivery)) return committer.loose(session, [givenBack(delivery)], () => hold.release());
    log.warn({ actor: key, lane: delivery.lane, code: error.code }, `dead letter: ${error.message}`);
    const writes = [deadLetter(delivery, error, store.maxWriteBytes), ...complaints(delivery, error, recordOf(key), partitions)];
    committer.loose(session, writes, () => {
      this.#tell(hold, error);
      hold.release();
      if (delivery.lane !== "event") startFailed(session, delivery);
      stored?.();
    });
  }

  #tell({ delivery }: Hold, error: ErrorRecord): void {
    const replyTo = delivery.source.startsWith("in.") ? delivery.header(HEADERS.replyTo) : "";
    if (replyTo === "") return;
    const { type, id, lane } = delivery;
    if (lane === "event") this.#parts.outcomes().refuse(replyTo, { error });
    else this.#parts.outcomes().answer(replyTo, { type, id, state: "failed", error, attempt: 0 });
  }
}
