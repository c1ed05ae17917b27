import { beginningOf, formatAddress, type Lane } from "../core/address.ts";
import { asked } from "../core/asking.ts";
import { decodeBody, EMPTY_BODY, MSGPACK } from "../core/codec.ts";
import type { Definition, EventSchemas } from "../core/definition.ts";
import { checkEvent, HEADERS, readStartOptions, type ActorEvent, type Envelope } from "../core/envelope.ts";
import { TroupeError, type ErrorRecord } from "../core/errors.ts";
import type { ParentRecord } from "../core/record.ts";
import { revived, type Relay } from "../core/ref.ts";
import { validate, validateEvent } from "../core/schema.ts";
import { readResult, type WorkEnd } from "../core/worker-talk.ts";
import type { Delivery } from "../ports/mailbox.ts";
import type { Letter } from "../ports/store.ts";
import type { Write } from "../ports/store.ts";
import type { MailBody } from "./mail-letter.ts";
import { NearDelivery } from "./near-delivery.ts";

/** Room for what a record holds beside its input. */
const RECORD_OVERHEAD_BYTES = 4_096;

export type StartEnvelope = Extract<Envelope, { kind: "start" }>;

/** A delivery from a start lane. @throws bad_payload, invalid_input, bad_delay, bad_deadline, too_large */
export function decodeStart(delivery: Delivery, definition: Definition, now: number, maxRecordBytes: number): StartEnvelope {
  const about = formatAddress(delivery);
  const isNear = delivery instanceof NearDelivery;
  if (!isNear && delivery.body.length > maxRecordBytes - RECORD_OVERHEAD_BYTES) {
    throw new TroupeError(
      "too_large",
      `The input of ${about} has ${delivery.body.length} bytes; at most ${maxRecordBytes - RECORD_OVERHEAD_BYTES} can be stored`,
      { about },
    );
  }
  const body = isNear ? delivery.read() : decodeBody(delivery.body, delivery.header(HEADERS.contentType));
  const child = asChild(delivery, body);
  const input = validate(definition.inputSchema, child === undefined ? body : child.input, "invalid_input", about);
  if (child !== undefined) {
    const { parent, version } = child;
    return version === undefined ? { kind: "start", input, parent, delayMs: 0 } : { kind: "start", input, parent, version, delayMs: 0 };
  }
  const options = readStartOptions(delivery, about);
  return { kind: "start", input, ...options, delayMs: options.delayMs === 0 ? 0 : Math.max(0, delivery.sentAt + options.delayMs - now) };
}

type ChildBody = Extract<MailBody, { kind: "child" }>;

/** The start of a child: only mail, which hosts alone can write, says whose it is. */
function asChild(delivery: Delivery, body: unknown): ChildBody | undefined {
  return delivery.source === "mail.start" && delivery.header(HEADERS.kind) === "child" ? (body as ChildBody) : undefined;
}

/** Whose child the actor is that a delivery would have started; undefined where it is nobody's, or cannot be read. */
export function parentOf(delivery: Delivery): ParentRecord | undefined {
  if (delivery.source !== "mail.start") return undefined;
  if (delivery instanceof NearDelivery) return (delivery.read() as ChildBody).parent;
  try {
    return asChild(delivery, decodeBody(delivery.body, delivery.header(HEADERS.contentType)))?.parent;
  } catch {
    return undefined;
  }
}

export type EventEnvelope = Exclude<Envelope, StartEnvelope | { kind: "settled" }>;

/**
 * Anything else, in order: a bundle brings several, each from a sender of its own. What actors and timers send comes only over mail,
 * which hosts alone can write; what comes from outside is checked against its schema. @throws bad_payload, reserved_event, invalid_event
 */
export function decodeEvents(delivery: Delivery, schemas: EventSchemas | undefined, relay: Relay): readonly EventEnvelope[] {
  if (delivery.source !== "mail.event" || delivery.header(HEADERS.kind) !== "bundle") return [decodeEvent(delivery, schemas, relay)];
  const bodies = decodeBody(delivery.body, MSGPACK) as readonly Uint8Array[];
  return bodies.map((body) => mailEnvelope(decodeBody(body, MSGPACK) as EventMail, relay));
}

function decodeEvent(delivery: Delivery, schemas: EventSchemas | undefined, relay: Relay): EventEnvelope {
  if (delivery instanceof NearDelivery) return mailEnvelope(delivery.read() as EventMail, relay);
  const about = formatAddress(delivery);
  const value = decodeBody(delivery.body, delivery.header(HEADERS.contentType));
  if (delivery.source === "mail.event" && delivery.header(HEADERS.kind) === "timer") {
    const { timer, generation } = value as { readonly timer: string; readonly generation: number };
    return { kind: "timer", timer, generation };
  }
  if (delivery.source === "mail.event" && delivery.header(HEADERS.kind) !== "") return mailEnvelope(value as EventMail, relay);
  const event = validateEvent(schemas, checkEvent(value, about), about);
  const asker = askerOf(delivery);
  return asker === "" ? { kind: "event", event } : { kind: "event", event: asked(event, asker, relay), asker };
}

/** The subject that the sender of an event waits on for an answer; "" where nobody does. */
export function askerOf(delivery: Delivery): string {
  return delivery.source === "in.event" ? delivery.header(HEADERS.replyTo) : "";
}

/** Whether a delivery brings how work ended that somebody took. */
export function isResult(delivery: Delivery): boolean {
  return delivery.source === "in.event" && delivery.header(HEADERS.kind) === "result";
}

/** @throws bad_payload */
export function decodeResult(delivery: Delivery): { readonly token: string; readonly end: WorkEnd } {
  const result = readResult(decodeBody(delivery.body, delivery.header(HEADERS.contentType)));
  if (result !== undefined) return result;
  const about = formatAddress(delivery);
  throw new TroupeError("bad_payload", `A result for ${about} has no token`, { about });
}

/** Whether a delivery is a person's word to a parked actor. */
export function isRetry(delivery: Delivery): boolean {
  if (delivery.lane !== "event" || delivery.header(HEADERS.kind) !== "") return false;
  try {
    const value = decodeBody(delivery.body, delivery.header(HEADERS.contentType));
    return typeof value === "object" && value !== null && "type" in value && value.type === "retry";
  } catch {
    return false;
  }
}

type EventMail = Exclude<MailBody, ChildBody>;

function mailEnvelope(mail: EventMail, relay: Relay): EventEnvelope {
  return "event" in mail ? { ...mail, event: revived(mail.event, relay) as ActorEvent } : mail;
}

/** The mail that a server-side timer sends when it fires. */
export function timerLetter(timer: string, generation: number): Letter {
  return { body: new TextEncoder().encode(JSON.stringify({ timer, generation })), headers: { [HEADERS.kind]: "timer" } };
}

/** What follows from it would need subjects that are longer still. */
export function tooLong(delivery: Delivery): TroupeError {
  const { type, id } = beginningOf(delivery);
  return new TroupeError("bad_address", `The address that begins with ${type}/${id} is too long`, { about: formatAddress(delivery) });
}

/** A delivery that no actor can take, with the reason: its body and content type as they came, so that it can be replayed. */
export function deadLetter(delivery: Delivery, error: ErrorRecord, maxWriteBytes: number): Write {
  const contentType = delivery.header(HEADERS.contentType);
  const kept = [HEADERS.delay, HEADERS.deadline, HEADERS.replyTo].flatMap((name) =>
    delivery.header(name) === "" ? [] : [[name, delivery.header(name)] as const],
  );
  return {
    kind: "dead",
    partition: delivery.partition,
    address: beginningOf(delivery),
    name: `${delivery.source.replace(".", "-")}-${delivery.sequence}`,
    letter: {
      // The way in takes a little more than a letter can hold; the reason is worth more than the body.
      body: delivery.body.length > maxWriteBytes - RECORD_OVERHEAD_BYTES ? EMPTY_BODY : delivery.body,
      headers: {
        ...Object.fromEntries(kept),
        ...(contentType === "" ? {} : { [HEADERS.contentType]: contentType }),
        ...deadHeaders(error, delivery.lane),
      },
    },
  };
}

/** Why it is dead, and on which lane it came. */
export function deadHeaders(error: ErrorRecord, lane: Lane): Readonly<Record<string, string>> {
  const reason = JSON.stringify({ code: error.code, message: error.message, faults: error.faults });
  return { [HEADERS.reason]: reason.replace(NOT_HEADER_TEXT, escapeUnit), [HEADERS.origin]: lane };
}

/** Header values are one line of printable ASCII; JSON can say everything else with escapes. */
const NOT_HEADER_TEXT = /[^ -~]/g;
function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

export function unknownType(delivery: Delivery): TroupeError {
  return new TroupeError("unknown_type", `No actor type "${delivery.type}" is registered`, { about: formatAddress(delivery) });
}
