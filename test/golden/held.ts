import type { Address } from "../../src/core/address.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import { partitionOf } from "../../src/core/placement.ts";
import type { Ticket } from "../../src/core/permit.ts";
import { asRecord, isEnded, type ActorRecord } from "../../src/core/record.ts";
import type { StoredTicket } from "../../src/memory/ticket-book.ts";
import type { World } from "../../src/memory/world.ts";
import type { Attachment } from "../../src/memory/attachment.ts";
import { SOURCES, type Source } from "../../src/ports/mailbox.ts";
import type { Letter, Write } from "../../src/ports/store.ts";
import { drive } from "../memory/fixture.ts";
import type { Stand } from "../runtime/stage.ts";

/** What a server holds after a host has died: all that the next one has. Bytes are in base64. */
export interface Held {
  /** When it died, epoch ms. */
  readonly at: number;
  /** The fence of each partition. */
  readonly fences: readonly number[];
  /** Of those that live, by `type/id`. */
  readonly records: Readonly<Record<string, string>>;
  readonly timers: readonly HeldTimer[];
  /** Of limited types, in the order in which they were stored. Absent where there are none. */
  readonly tickets?: readonly HeldTicket[];
  /** What is not acknowledged, in the order in which it was stored. */
  readonly mail: readonly HeldMail[];
}

interface HeldLetter {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}
interface HeldTimer extends HeldLetter {
  readonly owner: Address;
  readonly timer: string;
  readonly dueAt: number;
  readonly message: string;
}
interface HeldTicket {
  readonly to: Address;
  readonly stand: Ticket["stand"];
  readonly name: string;
  readonly bytes: string;
}
interface HeldMail extends HeldLetter {
  readonly source: Source;
  readonly sequence: number;
  readonly lane: "high" | "normal" | "low" | "event";
  readonly to: Address;
}

export function heldBy({ world, clock }: Stand): Held {
  const partitions = Array.from({ length: world.partitions }, (_, partition) => partition);
  const mail = partitions.flatMap((partition) =>
    SOURCES.flatMap((source) =>
      world.unacknowledged(partition, source).map(({ sequence, lane, type, id, body, headers }): HeldMail => {
        return { source, sequence, lane, to: { type, id }, body: base64(body), headers };
      }),
    ),
  );
  return {
    at: clock.now(),
    fences: partitions.map((partition) => world.owner(partition).fence),
    records: Object.fromEntries(
      [...world.records].flatMap(([key, bytes]) => (isEnded(asRecord(decodeRecord(bytes))) ? [] : [[key, base64(bytes)]])),
    ),
    ...(world.storedTickets.length === 0 ? {} : { tickets: world.storedTickets.map(heldTicket) }),
    timers: world.timers.map(({ owner, timer, dueAt, message, letter }) => ({ owner, timer, dueAt, message, ...held(letter) })),
    mail: mail.toSorted((one, other) => one.sequence - other.sequence),
  };
}

export function recordsOf({ records }: Held): ReadonlyMap<string, ActorRecord> {
  return new Map(Object.entries(records).map(([key, text]) => [key, asRecord(decodeRecord(bytesOf(text)))]));
}

/** A stand whose server holds just that, at that time, with no host yet. Mail has the sequences that the records' marks speak of. */
export async function restore(stand: Stand, held: Held): Promise<void> {
  const { world } = stand;
  await stand.advance(held.at - stand.clock.now());
  const earlier = world.attach("an earlier host");
  await take(stand, earlier, held.fences);
  const inward = new Map(held.mail.filter(({ source }) => source.startsWith("in.")).map((mail) => [mail.sequence, mail]));
  for (let sequence = 1; sequence <= highest(held, "in."); sequence++) arrive(world, sequence, inward.get(sequence));
  const between = new Map(held.mail.filter(({ source }) => source.startsWith("mail.")).map((mail) => [mail.sequence, mail]));
  const commit = async (partition: number, ...writes: Write[]): Promise<void> => {
    const outcome = await drive(
      stand.clock,
      earlier.store.commit({ fences: new Map([[partition, held.fences[partition] as number]]), writes }),
    );
    if (outcome.kind !== "committed") throw new Error(`what was held cannot be stored: ${JSON.stringify(outcome)}`);
  };
  for (let sequence = Math.max(...held.fences) + 1; sequence <= highest(held, "mail."); sequence++) {
    const write = writeOf(world, sequence, between.get(sequence));
    await commit(write.partition, write);
  }
  for (const [key, text] of Object.entries(held.records)) {
    const [type = "", id = ""] = key.split("/");
    const partition = partitionOf(type, id, world.partitions);
    await commit(partition, { kind: "record", partition, address: { type, id }, bytes: bytesOf(text) });
  }
  for (const { to, stand: what, name, bytes } of held.tickets ?? []) {
    const partition = partitionOf(to.type, to.id, world.partitions);
    await commit(partition, { kind: "ticket", partition, address: to, ticket: { stand: what, name }, bytes: bytesOf(bytes) });
  }
  for (const { owner, timer, dueAt, message, ...letter } of held.timers) {
    const partition = partitionOf(owner.type, owner.id, world.partitions);
    await commit(partition, { kind: "timer", partition, owner, timer, dueAt, message, letter: letterOf(letter) });
  }
  earlier.crash("lost");
}

/** Claims, so that each partition has the fence under which its records were written. */
async function take(stand: Stand, { leases, host }: Attachment, fences: readonly number[]): Promise<void> {
  for (const fence of fences.toSorted((one, other) => one - other)) {
    const partition = fences.indexOf(fence);
    let claimed: number | undefined = 0;
    // A partition that was taken over has a higher one than its first.
    while (claimed !== undefined && claimed < fence) claimed = await drive(stand.clock, leases.claim(partition, host, claimed));
    if (claimed !== fence) throw new Error(`partition ${partition} has fence ${claimed}, not ${fence}`);
  }
}

/** Something on the way in with this sequence; where nothing is held any more, a task that has nothing to do. */
function arrive(world: World, sequence: number, mail: HeldMail | undefined): void {
  const arrived =
    mail === undefined
      ? world.publish("normal", "rerun", `filler-${sequence}`, Buffer.from("{}"))
      : world.publish(mail.lane, mail.to.type, mail.to.id, bytesOf(mail.body), mail.headers);
  if (arrived !== sequence) throw new Error(`message ${arrived} was to be ${sequence}`);
}

/** The write that takes this sequence; where nothing is held any more, one that changes nothing. */
function writeOf(world: World, sequence: number, mail: HeldMail | undefined): Write {
  const to = mail?.to ?? { type: "nobody", id: "1" };
  const partition = partitionOf(to.type, to.id, world.partitions);
  if (mail === undefined) return { kind: "cancelTimer", partition, owner: to, timer: "none" };
  const { lane, body, headers } = mail;
  return { kind: "mail", partition, lane, to, message: `held-${sequence}`, letter: letterOf({ body, headers }) };
}

/** The highest sequence of the way in, or of mail, that anything held speaks of. */
function highest(held: Held, prefix: "in." | "mail."): number {
  const marks = [...recordsOf(held).values()].flatMap((record) =>
    Object.entries(record.marks).flatMap(([source, mark]) => (source.startsWith(prefix) ? [mark] : [])),
  );
  const mail = held.mail.filter(({ source }) => source.startsWith(prefix)).map(({ sequence }) => sequence);
  return Math.max(0, ...marks, ...mail);
}

function heldTicket({ type, id, ticket, bytes = new Uint8Array(0) }: StoredTicket): HeldTicket {
  return { to: { type, id }, ...ticket, bytes: base64(bytes) };
}
function held({ body, headers = {} }: Letter): HeldLetter {
  return { body: base64(body), headers };
}
function letterOf({ body, headers }: HeldLetter): Letter {
  return { body: bytesOf(body), headers };
}
function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, "base64");
}
