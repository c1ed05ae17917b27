import { decodeBody, encodeMsgpack, MSGPACK } from "./codec.ts";
import { TroupeError } from "./errors.ts";

/**
 * A record that one message cannot hold. Its bytes lie in parts, messages beside the record that are stored with it in one commit; in
 * its place stands a cover, behind a codec byte of its own, that says how many they are. Cover and parts carry a mark which no other
 * commit of the actor has: whoever reads while the next commit is stored may find its parts under the cover of the last one, and
 * notices. On the wire: `02` and then msgpack; a part is the mark's length in one byte, the mark, and a piece of the record.
 */
export interface Cover {
  readonly bytes: number;
  readonly parts: number;
  readonly mark: string;
}

const RECORD_CODEC_COVER = 2;
/** What of a part is kept free for its mark: a few numbers. */
const MARK_ROOM_BYTES = 256;

/** How much of a record goes into a part of so many bytes, its mark included. */
export function pieceBytes(partBytes: number): number {
  return partBytes - MARK_ROOM_BYTES;
}

export function cut(record: Uint8Array, mark: string, partBytes: number): { readonly cover: Uint8Array; readonly parts: Uint8Array[] } {
  const head = headOf(mark);
  const each = pieceBytes(partBytes);
  const parts: Uint8Array[] = [];
  for (let from = 0; from < record.length; from += each) parts.push(Buffer.concat([head, record.subarray(from, from + each)]));
  const cover: Cover = { bytes: record.length, parts: parts.length, mark };
  return { cover: Buffer.concat([Buffer.of(RECORD_CODEC_COVER), encodeMsgpack(cover)]), parts };
}

/** Nothing is decoded. */
export function isCover(stored: Uint8Array): boolean {
  return stored[0] === RECORD_CODEC_COVER;
}

/** Undefined for a record that lies there itself. @throws bad_payload for a cover that is damaged */
export function coverOf(stored: Uint8Array): Cover | undefined {
  if (!isCover(stored)) return undefined;
  const cover = decodeBody(stored.subarray(1), MSGPACK) as Partial<Cover> | undefined;
  if (Number.isInteger(cover?.bytes) && Number.isInteger(cover?.parts) && typeof cover?.mark === "string") return cover as Cover;
  throw new TroupeError("bad_payload", "The cover of a record that lies in parts is damaged");
}

/** The record; undefined where a part is missing or belongs to another commit. */
export function joined({ bytes, parts: count, mark }: Cover, parts: readonly (Uint8Array | undefined)[]): Uint8Array | undefined {
  const head = headOf(mark);
  const pieces: Uint8Array[] = [];
  for (const part of parts) {
    if (part === undefined || Buffer.compare(part.subarray(0, head.length), head) !== 0) return undefined;
    pieces.push(part.subarray(head.length));
  }
  const record = Buffer.concat(pieces);
  return pieces.length === count && record.length === bytes ? record : undefined;
}

function headOf(mark: string): Buffer {
  const text = Buffer.from(mark);
  return Buffer.concat([Buffer.of(text.length), text]);
}
