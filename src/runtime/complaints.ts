import { formatAddress } from "../core/address.ts";
import type { ErrorRecord } from "../core/errors.ts";
import { errorEvent } from "../core/family.ts";
import { complaint } from "../core/parking.ts";
import type { ActorRecord } from "../core/record.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Write } from "../ports/store.ts";
import { parentOf } from "./decode.ts";
import { mailWrite } from "./post.ts";

/**
 * What a parent is told, in the commit of the dead letter, of mail that its child could not take: a child that could not begin has
 * failed; one that lives and was sent what it cannot read fails too, where it is supervised. `record` is that of the child, if it has one.
 */
export function complaints(delivery: Delivery, error: ErrorRecord, record: ActorRecord | undefined, partitions: number): readonly Write[] {
  const key = formatAddress(delivery);
  if (delivery.lane !== "event") {
    const parent = parentOf(delivery);
    if (parent === undefined) return [];
    return [mailWrite({ kind: "report", to: parent, event: errorEvent(parent.child, error) }, `dead:${key}`, partitions)];
  }
  if (record?.status !== "active" || record.parent?.supervises !== true) return [];
  // It was read, and refused: the mistake is its sender's.
  if (error.code === "invalid_event") return [];
  return [mailWrite(complaint(record.parent, error), `dead:${key}:${delivery.source}:${delivery.sequence}`, partitions)];
}
