import { isLane, type StartLane } from "../core/address.ts";
import { decodeBody, encodeMsgpack, MSGPACK } from "../core/codec.ts";
import type { Effect } from "../core/effect.ts";
import { HEADERS, type Envelope } from "../core/envelope.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Write } from "../ports/store.ts";

/** What a ticket says of a task that waits, or has its permit. */
export interface Wish {
  readonly lane: StartLane;
  readonly key: string;
  /** Epoch ms. */
  readonly deadlineAt?: number;
}

export function encodeWait({ lane, key, deadlineAt }: Extract<Effect, { kind: "queue" }>): Uint8Array {
  return encodeWish({ lane, key, ...(deadlineAt === undefined ? {} : { deadlineAt }) });
}

export function encodeWish(wish: Wish): Uint8Array {
  return encodeMsgpack(wish);
}

/** Undefined for what no host of ours has written. */
export function decodeWish(bytes: Uint8Array): Wish | undefined {
  try {
    const wish = decodeBody(bytes, MSGPACK) as Partial<Wish> | null;
    if (typeof wish?.key !== "string" || typeof wish.lane !== "string" || !isLane(wish.lane)) return undefined;
    return wish as Wish;
  } catch {
    return undefined;
  }
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
