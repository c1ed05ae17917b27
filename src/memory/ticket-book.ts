import type { TicketChange, Write } from "../ports/store.ts";
import { ticketPlace } from "./check.ts";

export type TicketWrite = Extract<Write, { kind: "ticket" | "cancelTicket" }>;

/** One change, as it lies in the stream. */
export interface StoredTicket extends TicketChange {
  readonly type: string;
}

/** The tickets of the simulated server, in the order in which they were stored, and who hears of their changes. */
export class TicketBook {
  readonly #stored = new Map<string, StoredTicket>();
  readonly followers = new Set<(change: StoredTicket) => void>();

  apply(write: TicketWrite): void {
    const { type, id } = write.address;
    const place = ticketPlace(write.address, write.ticket);
    // What is stored anew is the newest.
    this.#stored.delete(place);
    const change = { type, id, ticket: write.ticket, bytes: write.kind === "ticket" ? write.bytes.slice() : undefined };
    if (change.bytes !== undefined) this.#stored.set(place, change);
    for (const follower of this.followers) follower(change);
  }

  /** Everything that is stored, of a type or of all. */
  of(type?: string): readonly StoredTicket[] {
    return [...this.#stored.values()].filter((stored) => type === undefined || stored.type === type);
  }
}
