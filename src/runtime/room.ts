import { pieceBytes } from "../core/cover.ts";
import type { Store } from "../ports/store.ts";

/** Of a message, what subject and headers take. */
const OVERHEAD_BYTES = 1_024;
/** Of a commit, what the parts of one record may take: the mail of its turns needs the rest. */
const SHARE_OF_PARTS = 1 / 8;

/** What fits where: one message, one part, one record. */
export class Room {
  /** The most bytes of a record or a body that go as one message. */
  readonly messageBytes: number;
  /** The most bytes a record may have, in parts. */
  readonly recordBytes: number;

  constructor({ maxWriteBytes, maxWrites, maxRecordBytes }: Pick<Store, "maxWriteBytes" | "maxWrites" | "maxRecordBytes">) {
    this.messageBytes = maxWriteBytes - OVERHEAD_BYTES;
    const mostParts = Math.max(1, Math.floor(maxWrites * SHARE_OF_PARTS));
    this.recordBytes = Math.min(maxRecordBytes, Math.max(this.messageBytes, mostParts * pieceBytes(this.messageBytes)));
  }

  /** 0 for a record that goes as one message. */
  partsOf(recordBytes: number): number {
    return recordBytes <= this.messageBytes ? 0 : Math.ceil(recordBytes / pieceBytes(this.messageBytes));
  }
}
