import type { Clock } from "../ports/clock.ts";
import type { Leases } from "../ports/leases.ts";
import type { Mailbox } from "../ports/mailbox.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import type { Work } from "../ports/work.ts";
import type { Connection, Way } from "./connection.ts";
import { MemoryLeases } from "./leases.ts";
import type { InFlight } from "./link.ts";
import { MemoryMailbox } from "./mailbox.ts";
import { MemoryOutlet, type Outgoing } from "./outlet.ts";
import type { Server } from "./server.ts";
import { MemoryStore } from "./store.ts";
import { MemoryWork } from "./work.ts";

export interface AttachmentParts {
  /** The host's own: while its process is frozen, none of its waits ends. */
  readonly hostClock: Clock;
  readonly singlesOverlap: boolean;
  readonly left: (outgoing: Outgoing) => void;
}

/** A host's adapters over one connection, and what may happen to that. Made by a world. */
export class Attachment {
  readonly host: string;
  readonly store: Store;
  readonly mailbox: Mailbox;
  readonly leases: Leases;
  readonly outlet: Outlet;
  readonly work: Work;
  readonly #connection: Connection;
  readonly #mailbox: MemoryMailbox;
  readonly #work: MemoryWork;
  readonly #server: Server;

  constructor(server: Server, connection: Connection, parts: AttachmentParts) {
    this.host = connection.host;
    this.#connection = connection;
    this.#server = server;
    this.#mailbox = new MemoryMailbox(server, connection);
    this.#work = new MemoryWork(server, connection, parts.hostClock);
    this.store = new MemoryStore(server, connection, parts.singlesOverlap);
    this.mailbox = this.#mailbox;
    this.leases = new MemoryLeases(server, connection);
    this.outlet = new MemoryOutlet(connection, parts.left);
    this.work = this.#work;
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
    this.#detach();
  }

  /** The connection ends and the host lives: requests end with `no_answer`, commits are `unknown`, deliveries are lost. */
  disconnect(underWay: InFlight = "seeded"): void {
    if (this.#connection.phase !== "up") return;
    this.#connection.disconnect(underWay);
    this.#detach();
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
    this.#work.reconnected();
    this.#mailbox.reconnected();
  }

  #detach(): void {
    this.#server.detach(this.#connection);
    this.#work.disconnected();
  }
}
