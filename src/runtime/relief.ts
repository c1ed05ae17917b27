import { formatAddress } from "../core/address.ts";
import type { Source } from "../ports/mailbox.ts";
import type { Write } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import type { Committer } from "./committer.ts";
import type { Noted } from "./floor.ts";
import { reminderOf } from "./reminder.ts";
import type { Session } from "./session.ts";

export interface ReliefParts {
  readonly committer: Pick<Committer, "loose">;
  /** The most messages that are stored together. */
  readonly maxWrites: number;
  readonly find: (key: string) => Activation | undefined;
}

/**
 * Work that lasts keeps its delivery unacknowledged, and all that came to its source after it from being forgotten at once. So where that
 * is much, the delivery is relieved: a reminder is stored further up, and once it has come stands for all that is open of the actor
 * (reminder.ts); the delivery is acknowledged. Whenever a host dies meanwhile, one of the two is unacknowledged, or both are.
 *
 * Stores nothing, and returns `false`, where one of them does not wait for something that is open of an actor: a start that waits for a slot
 * has no record, somebody who waits for the outcome no other trace.
 */
export function relieve({ committer, maxWrites, find }: ReliefParts, session: Session, source: Source, stuck: readonly Noted[]): boolean {
  const reminders = new Map<string, Write>();
  for (const noted of stuck) {
    const activation = find(formatAddress(noted));
    if (activation?.session !== session || activation.phase !== "ready" || !isHeld(activation, source, noted)) return false;
    reminders.set(activation.key, reminderOf(activation, `${source}-${noted.sequence}`));
  }
  const writes = [...reminders.values()];
  for (let from = 0; from < writes.length; from += maxWrites) committer.loose(session, writes.slice(from, from + maxWrites), NOTHING);
  return true;
}

function isHeld(activation: Activation, source: Source, { sequence }: Noted): boolean {
  return activation.openHolds.some((holds) => holds.some(({ delivery }) => delivery.source === source && delivery.sequence === sequence));
}

const NOTHING = (): void => {};
