import type { Address } from "../core/address.ts";
import type { StateChange } from "../ports/gateway.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./server.ts";

interface Filter {
  readonly type?: string;
  readonly id?: string;
}

/**
 * One ordered consumer of the records: those that are stored, then every change. The server keeps what it has to tell; what was under
 * way when the connection was lost is told again.
 * W1. What is told arrives in the order of the stream, each once.
 */
export class Watch implements AsyncIterable<StateChange> {
  readonly #connection: Connection;
  /** Everything there is to tell, on the server. */
  readonly #changes: StateChange[] = [];
  #toldUpTo = 0;
  #receivedUpTo = 0;
  readonly #received: StateChange[] = [];
  readonly #stop: () => void;
  #wake: (() => void) | undefined;
  #isOver = false;

  constructor(server: Server, connection: Connection, filter: Filter) {
    this.#connection = connection;
    const note = ({ address, bytes }: StateChange): void => {
      if (fits(address, filter)) this.#changes.push({ address, bytes: bytes?.slice() });
    };
    for (const { address } of server.ledger.recordsAfter(0, Infinity)) note({ address, bytes: server.ledger.whole(address) });
    const changed = (change: StateChange): void => {
      note(change);
      this.#tell();
    };
    server.watchers.add(changed);
    this.#stop = () => server.watchers.delete(changed);
    this.#tell();
  }

  /** The connection is back. */
  resume(): void {
    this.#toldUpTo = this.#receivedUpTo;
    this.#tell();
  }

  end(): void {
    this.#isOver = true;
    this.#stop();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StateChange> {
    for (;;) {
      const next = this.#received.shift();
      if (next !== undefined) yield next;
      else if (this.#isOver) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #tell(): void {
    if (this.#connection.phase !== "up") return;
    while (this.#toldUpTo < this.#changes.length) {
      const index = this.#toldUpTo++;
      this.#connection.push(() => this.#receive(index));
    }
  }

  #receive(index: number): void {
    if (index !== this.#receivedUpTo || this.#isOver) return;
    this.#receivedUpTo++;
    this.#received.push(this.#changes[index] as StateChange);
    this.#wake?.();
  }
}

/** Whether an address is among those that a filter asks for. */
export function fits(address: Address, { type, id }: Filter): boolean {
  return (type === undefined || type === address.type) && (id === undefined || id === address.id);
}
