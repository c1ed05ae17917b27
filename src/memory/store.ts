import type { Address } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Source } from "../ports/mailbox.ts";
import { isSingle, type Commit, type CommitOutcome, type Place, type Store, type TicketFollower } from "../ports/store.ts";
import type { Listening } from "../ports/work.ts";
import { never, type Connection } from "./connection.ts";
import { Following } from "./following.ts";
import type { Server } from "./server.ts";

/**
 * The store of one host.
 *
 * Owns: the count of its commits in flight. Calls in: the runtime's committer and loader.
 * S1. A commit is judged when the server applies it, not when it was sent.
 * S2. A second commit where the port allows only one in flight is refused as a defect: the runtime broke its promise.
 */
export class MemoryStore implements Store {
  readonly maxWrites: number;
  readonly maxWriteBytes: number;
  readonly maxRecordBytes: number;
  readonly singlesOverlap: boolean;
  readonly #server: Server;
  readonly #connection: Connection;
  #exclusiveInFlight = 0;

  constructor(server: Server, connection: Connection, singlesOverlap: boolean) {
    this.#server = server;
    this.#connection = connection;
    this.singlesOverlap = singlesOverlap;
    this.maxWrites = server.limits.maxWrites;
    this.maxRecordBytes = server.limits.maxRecordBytes;
    this.maxWriteBytes = server.limits.maxWriteBytes;
  }

  load(addresses: readonly Address[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#connection.request("load", () => addresses.map((address) => this.#server.ledger.read(address)?.slice()));
  }

  loadParts(address: Address, count: number): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#connection.request("loadParts", () => this.#server.ledger.readParts(address, count).map((part) => part?.slice()));
  }

  get interruptions(): number {
    return this.#connection.interruptions;
  }

  /** In pages, the first ones small, so that much may happen between two. */
  async census(tell: (address: Address) => boolean): Promise<void> {
    const { ledger } = this.#server;
    const through = await this.#connection.request("census", () => ledger.sequence);
    let after = 0;
    for (let count = 1; after < through; count *= 2) {
      const from = after;
      const page = await this.#connection.request("census", () => ledger.recordsAfter(from, count));
      for (const { address, sequence } of page) {
        if (!tell(address)) return;
        after = sequence;
      }
      if (page.length < count) return;
    }
  }

  /** As a consumer of the stream that ends with the connection. */
  follow(type: string, follower: TicketFollower): Listening {
    const following = new Following(this.#server.ledger.tickets, this.#connection, type, follower);
    return { close: () => following.close() };
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    const isExclusive = !this.singlesOverlap || !isSingle(commit.writes);
    if (isExclusive && this.#exclusiveInFlight > 0) {
      return { kind: "refused", error: new TroupeError("defect", "A commit was sent before the one in flight was answered") };
    }
    if (isExclusive) this.#exclusiveInFlight++;
    try {
      return await this.#send(commit);
    } finally {
      if (isExclusive) this.#exclusiveInFlight--;
    }
  }

  /** The simulated server keeps nothing that is not asked for. */
  async tidy(): Promise<void> {}

  forget(partition: number, source: Source, throughSequence: number, of?: Place): Promise<void> {
    const { host } = this.#connection;
    return this.#connection.request("forget", () => {
      this.#server.source(partition, source).forget(throughSequence, of);
      if (of !== undefined) return;
      this.#server.steps.tell({ kind: "forgotten", host, partition, source, throughSequence });
    });
  }

  forgetOne(partition: number, source: Source, sequence: number): Promise<void> {
    return this.#connection.request("forget", () => this.#server.source(partition, source).remove(sequence));
  }

  async #send(commit: Commit): Promise<CommitOutcome> {
    const { host } = this.#connection;
    // A copy: the caller may go on using its map and list.
    const sent: Commit = { fences: new Map(commit.fences), writes: [...commit.writes] };
    if (!this.#connection.passes({ kind: "commitSent", host, commit: sent })) return never();
    const outcome = await this.#connection
      .call<CommitOutcome>((reply) => this.#received(sent, reply))
      .catch((cause: unknown): CommitOutcome => ({ kind: "unknown", cause: cause as Error }));
    if (!this.#connection.passes({ kind: "commitAnswered", host, commit: sent, outcome })) return never();
    return outcome;
  }

  /** On the server: the usual, or the fault that this commit meets. */
  #received(commit: Commit, reply: (outcome: CommitOutcome) => void): void {
    const { steps, faults, clock } = this.#server;
    const { host } = this.#connection;
    steps.tell({ kind: "commitReceived", host, commit });
    const fault = faults.forCommit({ host, ...commit });
    switch (fault?.kind) {
      case undefined:
        return reply(this.#apply(commit));
      case "delayed":
        clock.after(fault.byMs, () => reply(this.#apply(commit)));
        return;
      case "late":
        clock.after(fault.afterMs, () => void this.#apply(commit));
        return reply(UNANSWERED);
      case "unknown":
        if (fault.stored) this.#apply(commit);
        return reply(UNANSWERED);
      case "conflict":
        return reply({ kind: "conflict", lost: fault.lost ?? [...commit.fences.keys()] });
      case "refused":
        return reply({
          kind: "refused",
          error: fault.error ?? new TroupeError("not_provisioned", "A fault was asked for: the stream is gone"),
        });
    }
  }

  #apply(commit: Commit): CommitOutcome {
    const outcome = this.#server.ledger.apply(commit);
    this.#server.steps.tell({ kind: "commitApplied", host: this.#connection.host, commit, outcome });
    return outcome;
  }
}

const UNANSWERED: CommitOutcome = {
  kind: "unknown",
  cause: new TroupeError("no_answer", "A fault was asked for: the commit was not answered"),
};
