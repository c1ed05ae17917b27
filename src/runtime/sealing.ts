import { formatAddress } from "../core/address.ts";
import { encodeActor } from "../core/codec.ts";
import type { Definition } from "../core/definition.ts";
import { isEnded, type ActorRecord } from "../core/record.ts";
import type { Write } from "../ports/store.ts";
import type { Activation, Pending } from "./activation.ts";
import { inParts, type RecordWrite } from "./in-parts.ts";
import type { Joint } from "./joint.ts";
import { sessionOf, type Parcel } from "./parcel.ts";
import { reminded } from "./reminder.ts";
import type { Room } from "./room.ts";

/* How pending turns become the writes of a commit. */

/** What goes into the one batch that may be in flight. */
export class Batch {
  readonly fences = new Map<number, number>();
  readonly writes: Write[] = [];
  readonly parcels: Parcel[] = [];
  /** Those that are in it, or must wait. */
  readonly looked = new Set<Joint>();
  bytes = 0;
  /** Where letters lie that belong to no loaded actor. */
  readonly #letters = new Set<string>();

  /** What a delivery leads to that came twice before any of it was stored is the same both times, and stored once. */
  anew(writes: readonly Write[]): readonly Write[] {
    return writes.filter((write) => {
      const place = placeOf(write);
      if (place === undefined) return true;
      const isNew = !this.#letters.has(place);
      this.#letters.add(place);
      return isNew;
    });
  }

  add(parcels: readonly Parcel[], writes: readonly Write[]): void {
    this.writes.push(...writes);
    for (const parcel of parcels) {
      const { partition, fence } = sessionOf(parcel);
      this.fences.set(partition, fence);
      this.parcels.push(parcel);
      if (parcel.kind !== "actor") continue;
      this.bytes += parcel.activation.recordBytes;
      const gate = parcel.activation.committing?.permit?.session;
      if (gate !== undefined) this.fences.set(gate.partition, gate.fence);
    }
  }
}

/** Where a letter lies; other writes have a place of their own in any case. */
function placeOf(write: Write): string | undefined {
  if (write.kind === "cancelTicket") return `limit ${formatAddress(write.address)} ${write.ticket.stand} ${write.ticket.name}`;
  if (write.kind === "dead") return `dead ${formatAddress(write.address)} ${write.name}`;
  return write.kind === "mail" ? `mail ${formatAddress(write.to)} ${write.message}` : undefined;
}

/** The messages that a parcel comes to; it is written down for that, once. */
export function countWrites(parcel: Parcel, room: Room): number {
  if (parcel.kind === "loose") return parcel.writes.length;
  const { activation } = parcel;
  const pending = activation.pending as Pending;
  const others = 1 + (pending.writes?.size ?? 0);
  try {
    return others + Math.max(activation.parts, room.partsOf(bytesOf(activation, pending).length));
  } catch {
    // Whoever seals it meets the same, and says so.
    return others;
  }
}

/** How many writes a parcel that needs no batch comes to, unless its record lies in parts; undefined where it needs one. */
export function singleSize(parcel: Parcel): 1 | 2 | undefined {
  if (parcel.kind === "loose") return parcel.writes.length === 1 ? 1 : undefined;
  const writes = parcel.activation.pending?.writes;
  if (writes === undefined || writes.size === 0) return 1;
  const [only] = writes.values();
  return writes.size === 1 && only?.kind === "cancelTimer" ? 2 : undefined;
}

/** The pending turns are those of the commit that is being sent. */
export function takePending(activation: Activation): void {
  const pending = activation.pending as Pending;
  activation.committing = pending;
  activation.pending = undefined;
  reminded(activation, pending);
}

/** What was taken of an activation for its commit; the record goes last, where JetStream wants it. */
export function written(parcel: Parcel, room: Room): readonly Write[] {
  if (parcel.kind === "loose") return parcel.writes;
  const { activation } = parcel;
  const pending = activation.committing as Pending;
  // Mail is written down here at the latest, where it can still be refused.
  for (const write of pending.writes?.values() ?? []) if (write.kind === "mail") void write.letter.body;
  const record = recordWrite(activation, pending);
  const isOneMessage = activation.parts === 0 && room.partsOf(record.bytes.length) === 0;
  if (isOneMessage) return pending.writes === undefined ? [record] : [...pending.writes.values(), record];
  return [...(pending.writes?.values() ?? []), ...inParts(activation, record, room)];
}

/** A task that failed has come to a final state as well. */
function isDone({ kind }: Definition, { status, value }: ActorRecord): boolean {
  return status === "done" && (kind === "actor" || value === "done");
}

function bytesOf(activation: Activation, pending: Pending): Uint8Array {
  return (pending.bytes ??= encodeActor((activation.actor as { readonly record: ActorRecord }).record));
}

function recordWrite(activation: Activation, pending: Pending): RecordWrite {
  const record = (activation.actor as { readonly record: ActorRecord }).record;
  const bytes = bytesOf(activation, pending);
  activation.recordBytes = bytes.length;
  activation.measured = record;
  const { retention } = activation.definition;
  const ttlMs = !isEnded(record) ? undefined : isDone(activation.definition, record) ? retention.doneMs : retention.failedMs;
  return {
    kind: "record",
    partition: activation.session.partition,
    address: activation.address,
    bytes,
    ...(ttlMs === undefined ? {} : { ttlMs }),
  };
}
