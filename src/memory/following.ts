import type { TicketFollower } from "../ports/store.ts";
import type { Connection } from "./connection.ts";
import type { StoredTicket, TicketBook } from "./ticket-book.ts";

/** Hears the tickets of one type over one connection, until that ends: what is told comes in order, and once. */
export class Following {
  readonly #stops: readonly (() => void)[];
  #isOver = false;

  constructor(book: TicketBook, connection: Connection, type: string, follower: TicketFollower) {
    const arrive = (change: StoredTicket): void =>
      connection.push(() => {
        if (!this.#isOver) follower.heard({ id: change.id, ticket: change.ticket, bytes: change.bytes?.slice() });
      });
    const changed = (change: StoredTicket): void => {
      if (change.type === type && !this.#isOver) arrive(change);
    };
    // The consumer is made on the server: what is stored until then is in its list.
    connection.tell(() => {
      if (this.#isOver) return;
      for (const stored of book.of(type)) arrive(stored);
      book.followers.add(changed);
    });
    const listener = {
      disconnected: (): void => {
        this.close();
        follower.broken();
      },
    };
    this.#stops = [() => book.followers.delete(changed), connection.listen(listener)];
    if (connection.phase === "down") queueMicrotask(() => listener.disconnected());
  }

  close(): void {
    this.#isOver = true;
    for (const stop of this.#stops) stop();
  }
}
