import type { Address } from "../core/address.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Connection } from "./connection.ts";

/** Something that left and reached the server. */
export type Outgoing =
  | { readonly kind: "reply"; readonly host: string; readonly to: string; readonly body: Uint8Array }
  | { readonly kind: "event"; readonly host: string; readonly from: Address; readonly name: string; readonly body: Uint8Array };

/** At most once: what is under way when the connection ends is lost. */
export class MemoryOutlet implements Outlet {
  readonly #connection: Connection;
  readonly #left: (outgoing: Outgoing) => void;

  constructor(connection: Connection, left: (outgoing: Outgoing) => void) {
    this.#connection = connection;
    this.#left = left;
  }

  reply(to: string, body: Uint8Array): void {
    const { host } = this.#connection;
    this.#send({ kind: "reply", host, to, body: body.slice() });
  }

  async deliver(to: string, body: Uint8Array): Promise<boolean> {
    const { host } = this.#connection;
    const outgoing: Outgoing = { kind: "reply", host, to, body: body.slice() };
    try {
      return await this.#connection.call<boolean>((reply) => {
        this.#left(outgoing);
        reply(true);
      });
    } catch {
      return false;
    }
  }

  event(from: Address, name: string, body: Uint8Array): void {
    const { host } = this.#connection;
    this.#send({ kind: "event", host, from, name, body: body.slice() });
  }

  #send(outgoing: Outgoing): void {
    this.#connection.tell(() => this.#left(outgoing));
  }
}
