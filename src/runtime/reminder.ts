import { EMPTY_BODY } from "../core/codec.ts";
import { HEADERS } from "../core/envelope.ts";
import { isEnded } from "../core/record.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Write } from "../ports/store.ts";
import type { Activation, Pending } from "./activation.ts";
import type { Hold } from "./hold.ts";
import { NEVER_STORED } from "./near-delivery.ts";
import { isPlanOf } from "./outcomes.ts";
import { addWrite, removeWrite } from "./pending.ts";

/*
 * What is open of an actor stands or falls with a delivery that stays unacknowledged (invariant 5). Where a turn had none, because its
 * cause was never stored, the commit carries a reminder: mail that says nothing, and is acknowledged once everything is settled. Whoever
 * has the partition after a crash is reminded by it, loads the actor and takes up what was open.
 */

const PLACE = "reminder";

/** Right before the commit is written down: adds the reminder that it needs, and none where all that was opened has been settled. */
export function remind(activation: Activation): void {
  const { reminder, pending } = activation;
  if (reminder !== "due" || pending === undefined) return;
  if (!isForgettable(activation, pending)) {
    removeWrite(pending, PLACE);
    if (!activation.hasOpen) activation.reminder = "none";
    return;
  }
  addWrite(pending, PLACE, reminderOf(activation, `${activation.actor?.record.revision}`));
}

/** `why` tells it from all other reminders of the actor. */
export function reminderOf({ key, address, session }: Activation, why: string): Write {
  const letter = { body: EMPTY_BODY, headers: { [HEADERS.kind]: PLACE } };
  return { kind: "mail", partition: session.partition, lane: "event", to: address, message: `${key}:${why}:${PLACE}`, letter };
}

/** What is open is given up here, and turns that are not stored yet will be: whoever has the partition then is to take it up. */
export function pledge(activation: Activation): void {
  remind(activation);
  if (activation.pending?.writes?.has(PLACE) === true) activation.reminder = "pledged";
}

/** The commit is being sent: the reminder in it stands for whatever is opened until it comes. */
export function reminded(activation: Activation, { writes }: Pending): void {
  if (writes?.has(PLACE) === true) activation.reminder = "stored";
}

export function isReminder(delivery: Delivery): boolean {
  return delivery.source === "mail.event" && delivery.header(HEADERS.kind) === PLACE;
}

/** Something is open, or still to be told, that no stored delivery stands for. */
function isForgettable(activation: Activation, { holds }: Pending): boolean {
  const { attempts, alarms, acts, owing, queued, actor } = activation;
  const isToBeTold = actor !== undefined && isEnded(actor.record) && isPlanOf(activation);
  return (
    attempts.some((attempt) => isUnheld(attempt.holds)) ||
    alarms.some((alarm) => isUnheld(alarm.holds)) ||
    acts.some((act) => isUnheld(act.holds)) ||
    owing.some(({ causes }) => isUnheld(causes)) ||
    (queued !== undefined && isUnheld(queued)) ||
    ((isToBeTold || actor?.record.outbox !== undefined) && isUnheld(holds))
  );
}

function isUnheld(holds: readonly Hold[]): boolean {
  return holds.every(({ delivery }) => delivery.sequence === NEVER_STORED);
}
