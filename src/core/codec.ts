import { Packr } from "msgpackr";
import { TroupeError } from "./errors.ts";
import type { ActorRecord } from "./record.ts";
import { unstorable } from "./storable.ts";
import { withStoredMaps } from "./stored-map.ts";

/**
 * Bytes ⇄ values. Two formats on the wire, told apart by the content type: JSON (the default, anyone can write it) and msgpack.
 * Stored records are msgpack behind one byte that names the codec, so that a later codec can live beside this one.
 */
class Codec extends Packr {
  /** How often it came upon an instance or a function so far. */
  oddities = 0;

  /** Read by msgpackr when it comes upon a Map, and only then: what holds none pays nothing for those that do. */
  get mapAsEmptyObject(): never {
    throw MAP_FOUND;
  }

  /** Read by msgpackr when it comes upon something that it has no word for, and only then. */
  get useToJSON(): true {
    this.oddities++;
    return true;
  }
}

const MAP_FOUND = new TypeError("a Map in an instance of a class cannot be stored");

const packr = new Codec({ useRecords: false, moreTypes: true, bundleStrings: false }) as Codec & {
  /** With its second argument, which msgpackr's types leave out. */
  pack(value: unknown, options?: number): Uint8Array;
};

/** The second try, after the first came upon a Map. */
function packedWithMaps(error: unknown, value: unknown, options: number): Uint8Array {
  if (error !== MAP_FOUND) throw error;
  return packr.pack(withStoredMaps(value), options);
}

export const MSGPACK = "application/msgpack";
const RECORD_CODEC_MSGPACK = 1;
const RESERVE_START_SPACE = 2048;

const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/** A record for storage. Keeps Date, Map, Set, BigInt and typed arrays. @throws for what cannot be said at all */
export function encodeRecord(record: unknown): Uint8Array {
  // msgpackr leaves one byte free in front of what it packs; copying the record to prepend it would cost more than packing it.
  let bytes: Uint8Array;
  try {
    bytes = packr.pack(record, RESERVE_START_SPACE | 1);
  } catch (error) {
    bytes = packedWithMaps(error, record, RESERVE_START_SPACE | 1);
  }
  bytes[0] = RECORD_CODEC_MSGPACK;
  return bytes;
}

/**
 * The same for what is stored of an actor: its context and output come back as they are, or not at all. A task's have come a way on
 * which an instance loses its class. @throws bad_payload naming the first part that would come back as another
 */
export function encodeActor(record: Pick<ActorRecord, "kind" | "context" | "output">): Uint8Array {
  const before = packr.oddities;
  try {
    const bytes = encodeRecord(record);
    if (packr.oddities !== before) demandStorable(record);
    return bytes;
  } catch (error) {
    demandStorable(record);
    throw error;
  }
}

function demandStorable({ kind, context, output }: Pick<ActorRecord, "kind" | "context" | "output">): void {
  if (kind !== "actor") return;
  const fault = unstorable(context, "context") ?? unstorable(output, "output");
  if (fault !== undefined) throw new TroupeError("bad_payload", `${fault.path} ${fault.message}`, { faults: [fault] });
}

/** @throws bad_payload when the bytes were written by a codec this version does not know. */
export function decodeRecord(bytes: Uint8Array): unknown {
  if (bytes[0] !== RECORD_CODEC_MSGPACK)
    throw new TroupeError("bad_payload", `A stored record begins with codec byte ${bytes[0]}, which this version does not know`);
  try {
    return packr.unpack(bytes.subarray(1));
  } catch (cause) {
    throw new TroupeError("bad_payload", `A stored record is damaged: ${(cause as Error).message}`, { cause });
  }
}

/** A message body as a value; an empty body is `undefined`. @throws bad_payload */
export function decodeBody(body: Uint8Array, contentType: string): unknown {
  if (body.length === 0) return undefined;
  try {
    if (contentType === "" || contentType === "application/json") return JSON.parse(decodeText(body));
    if (contentType === MSGPACK) return packr.unpack(body);
  } catch (cause) {
    throw new TroupeError("bad_payload", `The body is not ${contentType === MSGPACK ? "msgpack" : "JSON"}: ${(cause as Error).message}`, {
      cause,
    });
  }
  throw new TroupeError("bad_payload", `The content type "${contentType}" is not known`);
}

/** UTF-8 as text. Node's own conversion is fast but forgiving; text that may have been forgiven is looked at strictly. */
function decodeText(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
  return text.includes("\ufffd") ? strictDecoder.decode(body) : text;
}

/** A value as JSON; `undefined` is an empty body. @throws bad_payload for what JSON cannot say (cycles, BigInt) */
export function encodeJson(value: unknown): Uint8Array {
  if (value === undefined) return EMPTY_BODY;
  try {
    // Buffer.from takes a fifth of the time that a TextEncoder takes for a string that was just put together.
    return Buffer.from(JSON.stringify(value) ?? "null");
  } catch (cause) {
    throw new TroupeError("bad_payload", `The value cannot be written as JSON: ${(cause as Error).message}`, { cause });
  }
}

/** What was stored, for whoever asked, with words for what JSON has none for: a BigInt in digits, a Set as a list, a Map as an object or pairs. */
export function encodeAnswer(value: unknown): Uint8Array {
  try {
    const json = encodeJson(value) as Buffer;
    // What JSON makes of a Map or a Set, and of few other things.
    if (!json.includes("{}")) return json;
  } catch {
    // a BigInt
  }
  return encodeJson(JSON.parse(JSON.stringify(value, (_key, part: unknown) => inJson(part)) ?? "null"));
}

function inJson(part: unknown): unknown {
  if (typeof part === "bigint") return part.toString();
  if (part instanceof Set) return [...part];
  if (!(part instanceof Map)) return part;
  return [...part.keys()].every((key) => typeof key === "string") ? Object.fromEntries(part) : [...part];
}

/** A value as msgpack, for senders that want Date, Map, Set or binary data to arrive as such. */
export function encodeMsgpack(value: unknown): Uint8Array {
  try {
    return packr.pack(value);
  } catch (error) {
    return packedWithMaps(error, value, 0);
  }
}

/** A value for whoever may not know msgpack: JSON where that says all of it. @throws bad_payload */
export function encodeValue(value: unknown): { readonly body: Uint8Array; readonly contentType: string } {
  return isJson(value)
    ? { body: encodeJson(value), contentType: "application/json" }
    : { body: encodeMsgpack(value), contentType: MSGPACK };
}

function isJson(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === undefined || isJsonLeaf(value);
  if (Array.isArray(value)) return value.every((part) => part !== undefined && isJson(part));
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}

function isJsonLeaf(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value);
}

export const EMPTY_BODY = new Uint8Array(0);
