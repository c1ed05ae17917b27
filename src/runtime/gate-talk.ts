import { isLane, type Address, type StartLane } from "../core/address.ts";
import { decodeBody, encodeMsgpack, MSGPACK } from "../core/codec.ts";
import { HEADERS, type Envelope } from "../core/envelope.ts";
import type { Wish } from "../core/permit.ts";
import { partitionOf } from "../core/placement.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Write } from "../ports/store.ts";
import { MailLetter } from "./mail-letter.ts";

/** What a ticket says of a task that waits, or has its permit. */
export interface Place {
  readonly lane: StartLane;
  readonly key: string;
  /** Epoch ms. */
  readonly deadlineAt?: number;
}

export function encodeWait({ lane, key, deadlineAt }: Wish): Uint8Array {
  return encodePlace({ lane, key, ...(deadlineAt === undefined ? {} : { deadlineAt }) });
}

export function encodePlace(place: Place): Uint8Array {
  return encodeMsgpack(place);
}

/** Undefined for what no host of ours has written. */
export function decodePlace(bytes: Uint8Array): Place | undefined {
  try {
    const place = decodeBody(bytes, MSGPACK) as Partial<Place> | null;
    if (typeof place?.key !== "string" || typeof place.lane !== "string" || !isLane(place.lane)) return undefined;
    return place as Place;
  } catch {
    return undefined;
  }
}

/** Tells a task that it has its permit, or that it waited too long for one. */
export function permitMail(to: Address, name: string, says: "permit" | "late", partitions: number): Write {
  const letter = new MailLetter(says === "late" ? { kind: "permit", name, late: true } : { kind: "permit", name });
  return { kind: "mail", partition: partitionOf(to.type, to.id, partitions), lane: "event", to, message: `${says}-${name}`, letter };
}

/** Whether a delivery brings a permit, from the gate of its task's type. */
export function isPermit(delivery: Delivery): boolean {
  return delivery.source === "mail.event" && delivery.header(HEADERS.kind) === "permit";
}

/** A permit that nobody wants any more. Every permit has a name of its own: however often it comes back, no other is taken for it. */
export function givenBack(delivery: Delivery): Write {
  const { name } = decodeBody(delivery.body, MSGPACK) as Extract<Envelope, { kind: "permit" }>;
  const { partition, type, id } = delivery;
  return { kind: "cancelTicket", partition, address: { type, id }, ticket: { stand: "permit", name } };
}
