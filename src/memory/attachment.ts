import type { Leases } from "../ports/leases.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import type { Connection, Way } from "./connection.ts";
import { MemoryLeases } from "./leases.ts";
import type { InFlight } from "./link.ts";
import { MemoryMailbox } from "./mailbox.ts";
import { MemoryOutlet, type Outgoing } from "./outlet.ts";
import type { Server } from "./server.ts";
import { MemoryStore } from "./store.ts";

/** A host's adapters over one connection, and what may happen to that. Made by a world. */
export class Attachment {
  readonly host: string;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly outlet: Outlet;
  readonly #connection: Connection;
  readonly #mailbox: MemoryMailbox;
  readonly #server: Server;

  constructor(server: Server, connection: Connection, singlesOverlap: boolean, left: (outgoing: Outgoing) => void) {
    this.host = connection.host;
    this.#connection = connection;
    this.#server = server;
    this.#mailbox = new MemoryMailbox(server, connection);
    this.store = new MemoryStore(server, connection, singlesOverlap);
    this.mailbox = this.#mailbox;
    this.leases = new MemoryLeases(server, connection);
    this.outlet = new MemoryOutlet(connection, left);
  }

  get phase(): "up" | "down" | "dead" {
    return this.#connection.phase;
  }

  /**
   * The host's process ends: nothing reaches it any more, no promise of its adapters settles, and of what it sent a first part may
   * still arrive. Its other code is the caller's to stop (ProcessClock).
   */
  crash(underWay: InFlight = "seeded"): void {
    this.#connection.kill(underWay);
    this.#server.detach(this.#connection);
  }

  /** The connection ends and the host lives: requests end with `no_answer`, commits are `unknown`, deliveries are lost. */
  disconnect(underWay: InFlight = "seeded"): void {
    if (this.#connection.phase !== "up") return;
    this.#connection.disconnect(underWay);
    this.#server.detach(this.#connection);
  }

  /** One way of the connection carries nothing until `flow`, and neither side is told: a partition of the network. */
  stall(way: Way): void {
    this.#connection.stall(way);
  }

  /** What was sent meanwhile arrives now, late. */
  flow(way: Way): void {
    this.#connection.flow(way);
  }

  /** The connection is back; every inlet is rewound. */
  reconnect(): void {
    if (this.#connection.phase !== "down") return;
    this.#connection.reconnect();
    this.#mailbox.reconnected();
  }
}
