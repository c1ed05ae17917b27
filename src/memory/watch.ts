import type { Address } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { StateChange } from "../ports/gateway.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./server.ts";

export interface WatchParts {
  readonly server: Server;
  readonly connection: Connection;
  readonly clock: Clock;
  /** How long it outlasts that there is no connection. */
  readonly outageMs: number;
}

/**
 * One actor's record as it is stored, then every change of it. The server keeps what it has to tell; what was under way when the
 * connection was lost is told again.
 * W1. What is told arrives in the order of the stream, each once.
 * W2. It fails once there has been no connection for too long.
 */
export class Watch implements AsyncIterable<StateChange> {
  readonly #parts: WatchParts;
  /** Everything there is to tell, on the server. */
  readonly #changes: StateChange[] = [];
  #toldUpTo = 0;
  #receivedUpTo = 0;
  readonly #received: StateChange[] = [];
  readonly #stops: readonly (() => void)[];
  #outage: Alarm | undefined;
  #wake: (() => void) | undefined;
  #end: "none" | "over" | Error = "none";

  constructor(parts: WatchParts, address: Address) {
    this.#parts = parts;
    const { server, connection } = parts;
    const note = (bytes: Uint8Array | undefined): void => void this.#changes.push({ address, bytes: bytes?.slice() });
    const stored = server.ledger.whole(address);
    if (stored !== undefined) note(stored);
    const changed = (change: StateChange): void => {
      if (change.address.type !== address.type || change.address.id !== address.id) return;
      note(change.bytes);
      this.#tell();
    };
    server.watchers.add(changed);
    const listener = { disconnected: () => this.#bear(), reconnected: () => this.#resume() };
    this.#stops = [() => server.watchers.delete(changed), connection.listen(listener), () => this.#outage?.cancel()];
    if (connection.phase === "up") this.#tell();
    else this.#bear();
  }

  /** Without a word, or with the error that whoever waits for more is told. */
  end(why: "over" | Error = "over"): void {
    if (this.#end !== "none") return;
    this.#end = why;
    for (const stop of this.#stops) stop();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StateChange> {
    for (;;) {
      const next = this.#received.shift();
      if (next !== undefined) yield next;
      else if (this.#end === "over") return;
      else if (this.#end === "none") await new Promise<void>((resolve) => (this.#wake = resolve));
      else throw this.#end;
    }
  }

  #bear(): void {
    const { clock, connection, outageMs } = this.#parts;
    const why = new TroupeError("no_connection", `${connection.host} has had no connection to the server for ${outageMs} ms`);
    this.#outage = clock.after(outageMs, () => this.end(why));
  }

  #resume(): void {
    this.#outage?.cancel();
    this.#toldUpTo = this.#receivedUpTo;
    this.#tell();
  }

  #tell(): void {
    const { connection } = this.#parts;
    if (connection.phase !== "up") return;
    while (this.#toldUpTo < this.#changes.length) {
      const index = this.#toldUpTo++;
      connection.push(() => this.#receive(index));
    }
  }

  #receive(index: number): void {
    if (index !== this.#receivedUpTo || this.#end !== "none") return;
    this.#receivedUpTo++;
    this.#received.push(this.#changes[index] as StateChange);
    this.#wake?.();
  }
}
