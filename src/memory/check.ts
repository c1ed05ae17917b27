import { formatAddress, type Address } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Ticket } from "../core/permit.ts";
import { partitionOf } from "../core/placement.ts";
import type { Commit, Letter, Write } from "../ports/store.ts";

export interface Limits {
  readonly partitions: number;
  readonly maxWrites: number;
  readonly maxWriteBytes: number;
  readonly maxRecordBytes: number;
}

/**
 * What is wrong with a commit whatever the server holds: the error it is refused with. Stricter than a server, so that a runtime
 * that breaks the port's rules is found here: writes outside their partition or without its fence, two writes to one place.
 */
export function findFault(commit: Commit, limits: Limits): TroupeError | undefined {
  const { writes, fences } = commit;
  if (writes.length === 0) return defect("A commit holds no writes");
  if (fences.size === 0 || fences.size > writes.length)
    return defect(`A commit of ${writes.length} writes came with ${fences.size} fences`);
  if (writes.length > limits.maxWrites)
    return new TroupeError("too_large", `A commit holds ${writes.length} writes; ${limits.maxWrites} is the most`);
  const places = new Set<string>();
  for (const write of writes) {
    const fault = findWriteFault(write, commit, limits);
    if (fault !== undefined) return fault;
    const place = placeOf(write);
    if (places.has(place)) return defect(`A commit writes ${place} twice`);
    places.add(place);
  }
  return undefined;
}

/** Where a write goes: what on JetStream is its subject. The last one in a place is the one that counts. */
export function placeOf(write: Write): string {
  switch (write.kind) {
    case "record":
      return `state ${formatAddress(write.address)}`;
    case "part":
    case "cancelPart":
      return partPlace(write.address, write.index);
    case "mail":
      return mailPlace(write.lane, write.to, write.message);
    case "timer":
    case "cancelTimer":
      return `timer ${formatAddress(write.owner)} ${write.timer}`;
    case "dead":
      return deadPlace(write.address, write.name);
    case "work":
      return `work ${write.lane} ${formatAddress(write.address)}`;
    case "ticket":
    case "cancelTicket":
      return ticketPlace(write.address, write.ticket);
    case "turn":
      return `turn ${formatAddress(write.address)} ${write.revision}`;
  }
}

export function partPlace(address: Address, index: number): string {
  return `part ${formatAddress(address)} ${index}`;
}

export function ticketPlace({ type, id }: Address, { stand, name }: Ticket): string {
  return `limit ${type} ${stand} ${id} ${name}`;
}

export function deadPlace(address: Address, name: string): string {
  return `dead ${formatAddress(address)} ${name}`;
}

export function mailPlace(lane: string, to: Address, message: string): string {
  return `mail ${lane} ${formatAddress(to)} ${message}`;
}

function addressOfWrite(write: Write): Address {
  return write.kind === "mail" ? write.to : write.kind === "timer" || write.kind === "cancelTimer" ? write.owner : write.address;
}

function findWriteFault(write: Write, commit: Commit, limits: Limits): TroupeError | undefined {
  const address = addressOfWrite(write);
  const about = formatAddress(address);
  // A ticket is written by its task's owner, or by the owner of the gate.
  const isTicket = write.kind === "ticket" || write.kind === "cancelTicket";
  const home = isTicket ? write.partition : partitionOf(address.type, address.id, limits.partitions);
  if (write.partition !== home)
    return defect(`A ${write.kind} of ${about} names partition ${write.partition}; it belongs to ${home}`, about);
  // Mail may go anywhere; everything else is written by the partition's owner alone.
  if (write.kind !== "mail" && !commit.fences.has(home))
    return defect(`A ${write.kind} of ${about} came without the fence of partition ${home}`, about);
  if (write.kind === "timer" && !Number.isFinite(write.dueAt)) return defect(`A timer of ${about} is due at ${write.dueAt}`, about);
  const sizeBytes = sizeOf(write);
  if (sizeBytes <= limits.maxWriteBytes) return undefined;
  return new TroupeError("too_large", `A ${write.kind} of ${about} has ${sizeBytes} bytes, more than ${limits.maxWriteBytes}`, { about });
}

function sizeOf(write: Write): number {
  if (write.kind === "cancelTimer" || write.kind === "cancelPart" || write.kind === "cancelTicket") return placeOf(write).length;
  return placeOf(write).length + ("bytes" in write ? write.bytes.length : letterBytes(write.letter));
}

function letterBytes(letter: Letter): number {
  let sizeBytes = letter.body.length;
  for (const [name, value] of Object.entries(letter.headers ?? {})) sizeBytes += name.length + value.length + 4;
  return sizeBytes;
}

function defect(message: string, about?: string): TroupeError {
  return new TroupeError("defect", message, about === undefined ? {} : { about });
}
