import type { Address } from "../core/address.ts";
import type { Inlet, Mailbox, Reader, Source } from "../ports/mailbox.ts";
import type { Connection } from "./connection.ts";
import { MemoryInlet } from "./inlet.ts";
import type { Server } from "./server.ts";

/**
 * The mailbox of one host: at most one inlet per source.
 *
 * M1. A source that this host opens again voids its earlier inlet at once; one that another host opens voids it on the server.
 * M2. After a reconnect every inlet is rewound before anything else is delivered.
 */
export class MemoryMailbox implements Mailbox {
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #inlets = new Map<string, MemoryInlet>();

  constructor(server: Server, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
  }

  async open(partition: number, source: Source, reader: Reader): Promise<Inlet> {
    const inlet = new MemoryInlet(this.#server, this.#connection, partition, source, reader);
    const key = `${partition} ${source}`;
    this.#inlets.get(key)?.end();
    this.#inlets.set(key, inlet);
    try {
      await this.#connection.request("open", () => this.#server.source(partition, source).open(inlet));
    } catch (error) {
      inlet.end();
      throw error;
    }
    return inlet;
  }

  awaits(address: Address): Promise<boolean> {
    return this.#connection.request("awaits", () => this.#server.awaits(address));
  }

  reconnected(): void {
    for (const inlet of this.#inlets.values()) inlet.resume();
  }
}
