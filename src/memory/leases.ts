import type { Leases, Member, Ownership, Sign } from "../ports/leases.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./server.ts";

/** The leases as one host sees them; whoever asks names the host, so that a test may speak for others. */
export class MemoryLeases implements Leases {
  readonly ttlMs: number;
  readonly #server: Server;
  readonly #connection: Connection;

  constructor(server: Server, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
    this.ttlMs = server.leaseTtlMs;
  }

  owners(): Promise<readonly Ownership[]> {
    const { ledger, limits } = this.#server;
    return this.#connection.request("owners", () => Array.from({ length: limits.partitions }, (_, partition) => ledger.owner(partition)));
  }

  claim(partition: number, host: string, seen: number): Promise<number | undefined> {
    return this.#connection.request("claim", () => {
      const fence = this.#server.ledger.own(partition, host, seen);
      if (fence !== undefined) this.#server.steps.tell({ kind: "claimed", host, partition, fence });
      return fence;
    });
  }

  release(partition: number, host: string, fence: number, next?: string): Promise<void> {
    return this.#connection.request("release", () => {
      const freed = this.#server.ledger.own(partition, undefined, fence, next);
      if (freed === undefined) return;
      this.#server.steps.tell({ kind: "released", host, partition, fence: freed });
      if (next !== undefined) this.#server.membership.call(next, { partition, fence: freed, host: undefined, next });
    });
  }

  beat(sign: Sign): Promise<void> {
    return this.#connection.request("beat", () => this.#server.membership.beat(sign));
  }

  members(): Promise<readonly Member[]> {
    return this.#connection.request("members", () => this.#server.membership.members());
  }

  listen(host: string, left: (free: Ownership) => void): void {
    this.#server.membership.listen(host, (free) => this.#connection.push(() => left(free)));
  }

  leave(host: string): Promise<void> {
    return this.#connection.request("leave", () => this.#server.membership.leave(host));
  }

  alive(host: string): Promise<boolean> {
    return this.#connection.request("alive", () => this.#server.membership.isAlive(host));
  }
}
