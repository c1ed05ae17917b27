import type { Subscription } from "@nats-io/nats-core";
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { TroupeError } from "../core/errors.ts";
import type { Leases, Ownership } from "../ports/leases.ts";
import type { Answers } from "./answers.ts";
import { apiError, classifyWrite, isNobodyThere } from "./failures.ts";
import { HeaderBlock, line, ttlLine } from "./header-block.ts";
import type { Link } from "./link.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { store, type StoreAnswer } from "./pub-ack.ts";
import type { Reads } from "./reads.ts";

/** JetStream keeps no message for less. */
const LEAST_LEASE_TTL_MS = 1000;
/** How long a host may take to answer a ping before its sign of life is looked at instead. */
const PING_MS = 250;
const MOST_TRIES = 20;
const NOTHING = new Uint8Array(0);

export interface LeaseParts {
  readonly link: Link;
  readonly answers: Answers;
  readonly reads: Reads;
  readonly names: Names;
  readonly partitions: number;
  readonly ttlMs: number;
}

/** What lies on a partition's `own` subject. The claim's own mark tells, after an answer got lost, whose write is there. */
interface Lease {
  readonly host: string | null;
  readonly at: number;
  readonly mark: string;
}

/** What a sign of life says. A host that answers pings and is not there to answer one has gone, whatever its last sign says. */
interface SignOfLife {
  readonly at: number;
  readonly answersPings: boolean;
}

/**
 * Ownership as messages on `own.<partition>` in CORE, the same log as the commits that it fences; life as keys that expire.
 *
 * Owns: the subscriptions that answer pings. Calls in: the runtime's membership, the settler (`seal`).
 * O1. The sequence of the newest message on a partition's subject is its fence; every write to it is a compare-and-set.
 * O2. A sign of life is published with its time to live. (The client's kv.update drops it, which makes a lease immortal.)
 */
export class JetStreamLeases implements Leases {
  readonly ttlMs: number;
  readonly #parts: LeaseParts;
  readonly #pings = new Map<string, Subscription>();

  constructor(parts: LeaseParts) {
    this.#parts = parts;
    this.ttlMs = Math.max(LEAST_LEASE_TTL_MS, Math.ceil(parts.ttlMs / 1000) * 1000);
  }

  async owners(): Promise<readonly Ownership[]> {
    const { names, reads, partitions } = this.#parts;
    const subjects = Array.from({ length: partitions }, (_, partition) => names.own(partition));
    const newest = await reads.newest(names.streams.core, subjects);
    return subjects.map((subject, partition) => {
      const stored = newest.get(subject);
      return {
        partition,
        fence: stored?.sequence ?? 0,
        host: stored === undefined ? undefined : (readJson<Lease>(stored.body)?.host ?? undefined),
      };
    });
  }

  async claim(partition: number, host: string, seen: number): Promise<number | undefined> {
    return this.#write(partition, host, seen);
  }

  async release(partition: number, _host: string, fence: number): Promise<void> {
    await this.#write(partition, null, fence);
  }

  /** Moves a fence so that nothing under the old one can be stored any more. */
  async seal(partition: number, fence: number): Promise<void> {
    await this.#write(partition, null, fence);
  }

  async beat(host: string): Promise<void> {
    const { answers, names } = this.#parts;
    const sign: SignOfLife = { at: Date.now(), answersPings: this.#pings.has(host) };
    const answer = await store(answers, names.hostKey(host), Buffer.from(JSON.stringify(sign)), new HeaderBlock(ttlLine(this.ttlMs)));
    if (answer.kind !== "stored") throw notStored(answer, `A sign of life of ${host}`);
  }

  async leave(host: string): Promise<void> {
    const { answers, names } = this.#parts;
    const headers = new HeaderBlock(line(NATS_HEADERS.keyOperation, "PURGE") + line(NATS_HEADERS.rollup, "sub") + ttlLine(this.ttlMs));
    const answer = await store(answers, names.hostKey(host), NOTHING, headers);
    if (answer.kind !== "stored") throw notStored(answer, `The goodbye of ${host}`);
  }

  async alive(host: string): Promise<boolean> {
    const { link, names, reads } = this.#parts;
    let gone = false;
    try {
      await link.connection.request(names.hostPing(host), NOTHING, { timeout: PING_MS });
      return true;
    } catch (error) {
      // Nobody listens for it. Right after a reconnect that says little: the server may be new, and the host on its way back.
      gone = isNobodyListening(error) && link.steadyForMs > this.ttlMs;
    }
    const key = names.hostKey(host);
    const stored = (await reads.newest(names.hostsStream, [key])).get(key);
    if (stored === undefined || stored.header(NATS_HEADERS.keyOperation) !== "") return false;
    return !(gone && readJson<SignOfLife>(stored.body)?.answersPings === true);
  }

  /** The host's side of `alive`; to be called before its first sign of life, which says that it answers. */
  answerPings(host: string): void {
    const { link, names } = this.#parts;
    this.#pings.set(
      host,
      link.connection.subscribe(names.hostPing(host), { callback: (error, message) => void (error === null && message.respond(NOTHING)) }),
    );
  }

  close(): void {
    if (!this.#parts.link.connection.isClosed()) for (const subscription of this.#pings.values()) subscription.unsubscribe();
    this.#pings.clear();
  }

  /** The new fence, or `undefined` when the old one is not `seen` any more. @throws no_answer, no_connection */
  async #write(partition: number, host: string | null, seen: number): Promise<number | undefined> {
    const { answers, names } = this.#parts;
    const lease: Lease = { host, at: Date.now(), mark: randomUUID() };
    const headers = new HeaderBlock(line(NATS_HEADERS.expectedSequence, seen));
    for (let tries = 0; ; tries++) {
      const answer = await store(answers, names.own(partition), Buffer.from(JSON.stringify(lease)), headers);
      if (answer.kind === "stored") return answer.sequence;
      if (answer.kind === "silent") return this.#findOut(partition, lease, seen, answer);
      const refusal = answer.kind === "absent" ? "again" : classifyWrite(answer.failure);
      if (refusal === "fence") return this.#findOut(partition, lease, seen, answer);
      if (refusal === "final" || tries >= MOST_TRIES) throw notStored(answer, `A claim of partition ${partition}`);
      await pause(refusal === "busy" ? 1 + Math.random() * 4 : 50);
    }
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
    if (stored !== undefined && readJson<Lease>(stored.body)?.mark === lease.mark) return stored.sequence;
    if ((stored?.sequence ?? 0) !== seen) return undefined;
    throw notStored(answer, `A claim of partition ${partition}`);
  }
}

function readJson<Content>(body: Uint8Array): Partial<Content> | undefined {
  try {
    return JSON.parse(Buffer.from(body).toString()) as Partial<Content>;
  } catch {
    return undefined; // written by something else than troupe: as good as nothing
  }
}

function isNobodyListening(error: unknown): boolean {
  const { isNoResponders } = error as { isNoResponders?: () => boolean };
  return typeof isNoResponders === "function" && isNoResponders.call(error);
}

function notStored(answer: Exclude<StoreAnswer, { kind: "stored" }>, what: string): TroupeError {
  if (answer.kind === "silent") return answer.cause;
  if (answer.kind === "absent") return new TroupeError("not_provisioned", `${what} was refused: no stream takes it`);
  return isNobodyThere(answer.failure.code)
    ? new TroupeError("no_answer", `${what} was refused: ${answer.failure.description ?? ""}`)
    : apiError(answer.failure, what);
}
