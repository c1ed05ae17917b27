import { cut } from "../core/cover.ts";
import type { ActorRecord } from "../core/record.ts";
import type { Write } from "../ports/store.ts";
import type { Activation } from "./activation.ts";
import type { Room } from "./room.ts";

export type RecordWrite = Extract<Write, { kind: "record" }>;

/**
 * The writes of a record that one message cannot hold, or whose predecessor could not be held by one: its parts, what is left over of
 * the last record's, and the cover in its place. They are one commit, so that the parts which are stored are always those of the
 * record that is stored: no part is ever without its record, and none has to be looked for when a host dies.
 */
export function inParts(activation: Activation, record: RecordWrite, room: Room): readonly Write[] {
  const { address, partition, bytes, ttlMs } = record;
  const isLarge = room.partsOf(bytes.length) > 0;
  const { cover, parts } = isLarge ? cut(bytes, markOf(activation), room.messageBytes) : { cover: bytes, parts: [] };
  const writes: Write[] = parts.map((part, index) => {
    return { kind: "part", partition, address, index, bytes: part, ...(ttlMs === undefined ? {} : { ttlMs }) };
  });
  for (let index = parts.length; index < activation.parts; index++) writes.push({ kind: "cancelPart", partition, address, index });
  return [...writes, { ...record, bytes: cover }];
}

/** No two commits of an actor have the same: revisions rise, and an id that is used again has another beginning. */
function markOf(activation: Activation): string {
  const { createdAt, epoch, revision } = (activation.actor as { readonly record: ActorRecord }).record;
  return `${createdAt}.${epoch}.${revision}`;
}
