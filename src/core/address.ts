import { TroupeError } from "./errors.ts";

/**
 * The name of an actor: the registered type and an id that is unique within it. Written `type/id` for people;
 * each part is one token of a NATS subject, so both are limited to what a token may hold.
 */
export interface Address {
  readonly type: string;
  readonly id: string;
}

/** The ways into a mailbox: three lanes for starts, by priority, and one for everything else. */
export const LANES = ["high", "normal", "low", "event"] as const;
export type Lane = (typeof LANES)[number];
export type StartLane = Exclude<Lane, "event">;
export const START_LANES: readonly StartLane[] = ["high", "normal", "low"];

export const MAX_TYPE_BYTES = 64;
export const MAX_ID_BYTES = 192;

const TYPE_PATTERN = /^[A-Za-z0-9_-]+$/;
// A subject token may not hold white space, control characters, dots or wildcards.
const ID_FORBIDDEN = /[\s.*>\u0000-\u001f\u007f]/;
/** Half of a surrogate pair: UTF-8 cannot say it, so that two such ids would be one on the wire. */
const HALF_CHARACTER = /\p{Surrogate}/u;

export function isLane(word: string): word is Lane {
  return (LANES as readonly string[]).includes(word);
}

export function isType(word: string): boolean {
  return word.length <= MAX_TYPE_BYTES && TYPE_PATTERN.test(word);
}

export function isId(word: string): boolean {
  return (
    word.length > 0 &&
    word.length <= MAX_ID_BYTES &&
    !ID_FORBIDDEN.test(word) &&
    !HALF_CHARACTER.test(word) &&
    Buffer.byteLength(word) <= MAX_ID_BYTES
  );
}

/** Whether no actor can have the address, since it is too long. What else is wrong with one no subject brings. */
export function isTooLong({ type, id }: Address): boolean {
  if (type.length > MAX_TYPE_BYTES || id.length > MAX_ID_BYTES) return true;
  return id.length * MOST_BYTES_PER_CHAR > MAX_ID_BYTES && Buffer.byteLength(id) > MAX_ID_BYTES;
}

const MOST_BYTES_PER_CHAR = 3;

/** As much of an address as an actor's may have, never half a character. */
export function beginningOf({ type, id }: Address): Address {
  if (!isTooLong({ type, id })) return { type, id };
  const head = Buffer.from(id).subarray(0, MAX_ID_BYTES).toString();
  return { type: type.slice(0, MAX_TYPE_BYTES), id: Buffer.byteLength(id) > MAX_ID_BYTES ? head.replace(/\ufffd+$/, "") : id };
}

/** @throws bad_address when either part cannot be a subject token or is too long. */
export function addressOf(type: string, id: string): Address {
  if (!isType(type))
    throw new TroupeError("bad_address", `"${type}" cannot be a type (letters, digits, _ and -, at most ${MAX_TYPE_BYTES})`);
  if (!isId(id)) {
    throw new TroupeError(
      "bad_address",
      `"${id}" cannot be an id: it may not be empty, hold white space, ".", "*" or ">", or exceed ${MAX_ID_BYTES} bytes`,
      {
        about: `${type}/${id}`,
      },
    );
  }
  return { type, id };
}

/** `type/id` → address. @throws bad_address */
export function parseAddress(text: string): Address {
  const slash = text.indexOf("/");
  if (slash < 0) throw new TroupeError("bad_address", `"${text}" is not an address: write type/id`);
  return addressOf(text.slice(0, slash), text.slice(slash + 1));
}

export function formatAddress(address: Address): string {
  return `${address.type}/${address.id}`;
}
