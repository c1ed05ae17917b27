import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { TroupeError } from "../core/errors.ts";
import type { Leases, Member, Ownership, Sign } from "../ports/leases.ts";
import type { Answers } from "./answers.ts";
import { classifyWrite } from "./failures.ts";
import { HeaderBlock, line } from "./header-block.ts";
import type { Horizon } from "./horizon.ts";
import { readStream } from "./layout.ts";
import type { Link } from "./link.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { notStored, readJson, store, type StoreAnswer } from "./pub-ack.ts";
import type { Reads } from "./reads.ts";
import type { ServerTime } from "./server-time.ts";
import { Signs } from "./signs.ts";

/** JetStream keeps no message for less. */
const LEAST_LEASE_TTL_MS = 1000;
const MOST_TRIES = 20;

export interface LeaseParts {
  readonly link: Link;
  readonly answers: Answers;
  readonly reads: Reads;
  readonly horizon: Horizon;
  readonly names: Names;
  readonly partitions: number;
  readonly time: ServerTime;
  readonly ttlMs: number;
}

/** What lies on a partition's `own` subject. The claim's own mark tells, after an answer got lost, whose write is there. */
interface Lease {
  readonly host: string | null;
  readonly next?: string;
  readonly at: number;
  readonly mark: string;
}

/**
 * Ownership as messages on `own.<partition>` in CORE, the same log as the commits that it fences. Life: signs.ts.
 *
 * Calls in: the runtime's host, the settler (`seal`). Calls out: signs.
 * O1. The sequence of the newest message on a partition's subject is its fence; every write to it is a compare-and-set.
 */
export class JetStreamLeases implements Leases {
  readonly ttlMs: number;
  readonly #parts: LeaseParts;
  readonly #signs: Signs;
  /** What this process last wrote of each partition, where the stream has copies. */
  readonly #written = new Map<number, number>();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.ttlMs = Math.max(LEAST_LEASE_TTL_MS, Math.ceil(parts.ttlMs / 1000) * 1000);
    this.#signs = new Signs({ ...parts, ttlMs: this.ttlMs });
  }

  /** From the leader: that nobody leads is to be known as well. One that is cut off shows by what it does not have. */
  async owners(): Promise<readonly Ownership[]> {
    const { names, reads, partitions } = this.#parts;
    const { core } = names.streams;
    const subjects = Array.from({ length: partitions }, (_, partition) => names.own(partition));
    const newest = await reads.fromLeader(core, subjects).catch((error: unknown) => this.#explain(error));
    return subjects.map((subject, partition) => {
      const stored = newest.get(subject);
      if ((stored?.sequence ?? 0) < (this.#written.get(partition) ?? 0))
        throw new TroupeError("no_answer", `The server that answers for ${core} is cut off: partition ${partition} was claimed since`, {
          about: core,
        });
      const { host, next } = (stored && readJson<Lease>(stored.body)) ?? {};
      return { partition, fence: stored?.sequence ?? 0, host: host ?? undefined, ...(next === undefined ? {} : { next }) };
    });
  }

  /** Reads of a stream that is not there are answered as those of one without a leader. @throws not_provisioned, and what it was */
  async #explain(error: unknown): Promise<never> {
    const { core } = this.#parts.names.streams;
    const isSilent = error instanceof TroupeError && error.code === "no_answer";
    if (isSilent && (await readStream(this.#parts.link, core)) === undefined)
      throw new TroupeError("not_provisioned", `The stream ${core} is gone`, { about: core, cause: error });
    throw error;
  }

  async claim(partition: number, host: string, seen: number): Promise<number | undefined> {
    return this.#write(partition, host, seen);
  }

  async release(partition: number, _host: string, fence: number, next?: string): Promise<void> {
    const freed = await this.#write(partition, null, fence, next);
    // Lost where nobody listens: who looks for what is free finds it a moment later.
    if (freed !== undefined && next !== undefined) this.#signs.call(next, { partition, fence: freed, host: undefined, next });
  }

  /** Moves a fence so that nothing under the old one can be stored any more. */
  async seal(partition: number, fence: number): Promise<void> {
    await this.#write(partition, null, fence);
  }

  beat(sign: Sign): Promise<void> {
    return this.#signs.beat(sign);
  }

  members(): Promise<readonly Member[]> {
    return this.#signs.members();
  }

  leave(host: string): Promise<void> {
    return this.#signs.leave(host);
  }

  alive(host: string): Promise<boolean> {
    return this.#signs.alive(host);
  }

  listen(host: string, left: (free: Ownership) => void): void {
    this.#signs.listen(host, left);
  }

  close(): void {
    this.#signs.close();
  }

  /** The new fence, or `undefined` when the old one is not `seen` any more. @throws no_answer, no_connection */
  async #write(partition: number, host: string | null, seen: number, next?: string): Promise<number | undefined> {
    const { answers, names, time } = this.#parts;
    const lease: Lease = { host, ...(next === undefined ? {} : { next }), at: time.now(), mark: randomUUID() };
    const headers = new HeaderBlock(line(NATS_HEADERS.expectedSequence, seen));
    for (let tries = 0; ; tries++) {
      const answer = await store(answers, names.own(partition), Buffer.from(JSON.stringify(lease)), headers);
      if (answer.kind === "stored") return this.#heard(partition, answer.sequence);
      if (answer.kind === "silent") return this.#findOut(partition, lease, seen, answer);
      const refusal = answer.kind === "absent" ? "again" : classifyWrite(answer.failure);
      if (refusal === "fence") return this.#findOut(partition, lease, seen, answer);
      if (refusal === "final" || tries >= MOST_TRIES) throw notStored(answer, `A claim of partition ${partition}`);
      await pause(refusal === "busy" ? 1 + Math.random() * 4 : 50);
    }
  }

  #heard(partition: number, sequence: number): number {
    const { horizon, names } = this.#parts;
    horizon.heard(names.streams.core, sequence);
    if (horizon.tracks(names.streams.core)) this.#written.set(partition, Math.max(sequence, this.#written.get(partition) ?? 0));
    return sequence;
  }

  /** An earlier try may have been stored although its answer was lost: the lease's mark tells. */
  async #findOut(
    partition: number,
    lease: Lease,
    seen: number,
    answer: Exclude<StoreAnswer, { kind: "stored" }>,
  ): Promise<number | undefined> {
    const { names, reads } = this.#parts;
    const subject = names.own(partition);
    const stored = (await reads.newest(names.streams.core, [subject])).get(subject);
    if (stored !== undefined && readJson<Lease>(stored.body)?.mark === lease.mark) return this.#heard(partition, stored.sequence);
    if ((stored?.sequence ?? 0) !== seen) return undefined;
    throw notStored(answer, `A claim of partition ${partition}`);
  }
}
