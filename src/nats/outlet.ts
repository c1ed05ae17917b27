import type { Address } from "../core/address.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Link } from "./link.ts";
import type { Names } from "./names.ts";

/**
 * nats-server ends a connection that sends a longer line than its `max_control_line`, 4,096 bytes: a stranger's reply subject would end
 * that of every host which it comes to, one after the other.
 */
const MOST_SUBJECT_BYTES = 3_500;
const MOST_BYTES_PER_CHAR = 3;

function isTooLong(subject: string): boolean {
  return subject.length * MOST_BYTES_PER_CHAR > MOST_SUBJECT_BYTES && Buffer.byteLength(subject) > MOST_SUBJECT_BYTES;
}

/** Answers and emitted events on core NATS: at most once, and nobody waits for them. */
export class CoreOutlet implements Outlet {
  readonly #link: Link;
  readonly #names: Names;
  #flushing: Promise<boolean> | undefined;

  constructor(link: Link, names: Names) {
    this.#link = link;
    this.#names = names;
  }

  reply(to: string, body: Uint8Array): void {
    this.#publish(to, body);
  }

  async deliver(to: string, body: Uint8Array): Promise<boolean> {
    if (!this.#link.connected) return false;
    this.#publish(to, body);
    return this.#arrived();
  }

  event(from: Address, name: string, body: Uint8Array): void {
    this.#publish(this.#names.event(from, name), body);
  }

  /** One question to the server for everything that is published in this round. */
  #arrived(): Promise<boolean> {
    this.#flushing ??= Promise.resolve()
      .then(() => {
        this.#flushing = undefined;
        return this.#link.connection.flush();
      })
      .then(
        () => true,
        () => false,
      );
    return this.#flushing;
  }

  #publish(subject: string, body: Uint8Array): void {
    try {
      if (this.#link.connected && !isTooLong(subject)) this.#link.publish(subject, body);
    } catch {
      // A reply subject comes from a stranger and may be no subject at all; what is too large for the server is lost too. Whoever
      // waits in vain reads the record.
    }
  }
}
