import type { Address } from "../core/address.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Link } from "./link.ts";
import type { Names } from "./names.ts";

/** Answers and emitted events on core NATS: at most once, and nobody waits for them. */
export class CoreOutlet implements Outlet {
  readonly #link: Link;
  readonly #names: Names;

  constructor(link: Link, names: Names) {
    this.#link = link;
    this.#names = names;
  }

  reply(to: string, body: Uint8Array): void {
    this.#publish(to, body);
  }

  event(from: Address, name: string, body: Uint8Array): void {
    this.#publish(this.#names.event(from, name), body);
  }

  #publish(subject: string, body: Uint8Array): void {
    try {
      if (this.#link.connected) this.#link.publish(subject, body);
    } catch {
      // A reply subject comes from a stranger and may be no subject at all; what is too large for the server is lost too. Whoever
      // waits in vain reads the record.
    }
  }
}
