import type { Msg } from "@nats-io/nats-core";
import type { Lane } from "../core/address.ts";
import { isLane } from "../core/address.ts";
import type { Delivery, Source } from "../ports/mailbox.ts";
import type { SourceNames } from "./names.ts";

/** Who gave a delivery out, and whether it still stands behind it. */
export interface Issuer {
  /** Rises whenever earlier deliveries become void. */
  readonly epoch: number;
  acknowledge(replySubject: string): void;
}

/** Where a delivery stands: read from its reply subject. */
export interface Position {
  readonly streamSequence: number;
  readonly consumerSequence: number;
}

const DOT = 46;
const ZERO = 48;

/**
 * `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`; in the longer form a domain and an
 * account hash stand before the stream and a random token may stand at the end. `undefined`: not a delivery of this source.
 */
export function readPosition(names: Pick<SourceNames, "ackPrefix" | "ackInfix">, reply: string): Position | undefined {
  let at = names.ackPrefix.length;
  if (!reply.startsWith(names.ackPrefix)) {
    const infixAt = reply.indexOf(names.ackInfix);
    if (infixAt < 0) return undefined;
    at = infixAt + names.ackInfix.length;
  }
  at = reply.indexOf(".", at) + 1;
  const streamSequence = readNumber(reply, at);
  at = reply.indexOf(".", at) + 1;
  const consumerSequence = readNumber(reply, at);
  return { streamSequence, consumerSequence };
}

/** When the server stored the message, epoch ms: its time in nanoseconds has 19 digits until the year 2286. */
export function readSentAt(names: SourceNames, reply: string): number {
  let at = reply.indexOf(names.ackInfix) + names.ackInfix.length;
  for (let skipped = 0; skipped < 3; skipped++) at = reply.indexOf(".", at) + 1;
  return Number(reply.slice(at, at + MILLISECOND_DIGITS));
}

const MILLISECOND_DIGITS = 13;

function readNumber(text: string, from: number): number {
  let value = 0;
  for (let i = from; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === DOT) break;
    value = value * 10 + char - ZERO;
  }
  return value;
}

/** Who the message is for: the tokens after the source's prefix. `undefined`: the subject has another shape. */
export function readTarget(
  names: SourceNames,
  subject: string,
): { readonly lane: Lane; readonly type: string; readonly id: string } | undefined {
  if (!subject.startsWith(names.subjectPrefix)) return undefined;
  let from = names.subjectPrefix.length;
  let lane = names.lane;
  if (lane === undefined) {
    const end = subject.indexOf(".", from);
    const word = subject.slice(from, end);
    if (!isLane(word)) return undefined;
    lane = word;
    from = end + 1;
  }
  const typeEnd = subject.indexOf(".", from);
  if (typeEnd < 0) return undefined;
  const idEnd = subject.indexOf(".", typeEnd + 1);
  return { lane, type: subject.slice(from, typeEnd), id: idEnd < 0 ? subject.slice(typeEnd + 1) : subject.slice(typeEnd + 1, idEnd) };
}

/** A header of a message, "" where it has none: from the map behind MsgHdrs, whose own `get` walks all keys for each call. */
export function headerOf({ headers }: Msg, name: string): string {
  const decoded = headers as unknown as { readonly headers: ReadonlyMap<string, readonly string[]> } | undefined;
  return decoded?.headers.get(name)?.[0] ?? "";
}

/** A message as the runtime sees it. Headers are decoded only when one is asked for. */
export class JetStreamDelivery implements Delivery {
  readonly partition: number;
  readonly source: Source;
  readonly lane: Lane;
  readonly type: string;
  readonly id: string;
  readonly sequence: number;
  readonly #names: SourceNames;
  readonly #message: Msg;
  readonly #reply: string;
  readonly #issuer: Issuer;
  readonly #epoch: number;

  constructor(
    names: SourceNames,
    target: { readonly lane: Lane; readonly type: string; readonly id: string },
    position: Position,
    message: Msg,
    issuer: Issuer,
  ) {
    this.partition = names.partition;
    this.source = names.source;
    this.lane = target.lane;
    this.type = target.type;
    this.id = target.id;
    this.sequence = position.streamSequence;
    this.#names = names;
    this.#message = message;
    this.#reply = message.reply ?? "";
    this.#issuer = issuer;
    this.#epoch = issuer.epoch;
  }

  get sentAt(): number {
    return readSentAt(this.#names, this.#reply);
  }

  get body(): Uint8Array {
    return this.#message.data;
  }

  header(name: string): string {
    return headerOf(this.#message, name);
  }

  acknowledge(): void {
    if (this.#issuer.epoch === this.#epoch) this.#issuer.acknowledge(this.#reply);
  }
}
