import type { Subscription } from "@nats-io/nats-core";
import type { Member, Ownership, Sign } from "../ports/leases.ts";
import type { Answers } from "./answers.ts";
import { HeaderBlock, line, ttlLine } from "./header-block.ts";
import type { Link } from "./link.ts";
import { isGoodbye, livingAmong, type StoredSign } from "./living.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { notStored, readJson, store } from "./pub-ack.ts";
import type { Reads } from "./reads.ts";
import type { ServerTime } from "./server-time.ts";
import type { Stored } from "./stored.ts";

/** How long a host may take to answer a ping before its sign of life is looked at instead. */
const PING_MS = 250;
const NOTHING = new Uint8Array(0);

interface SignParts {
  readonly link: Link;
  readonly answers: Answers;
  readonly reads: Reads;
  readonly names: Names;
  readonly time: ServerTime;
  readonly ttlMs: number;
}

/**
 * Signs of life as keys that expire, pings, and calls from host to host.
 *
 * Owns: the subscriptions by which hosts of this process hear. Calls in: leases.ts.
 * G1. A sign of life is published with its time to live. (The client's kv.update drops it, which makes a lease immortal.)
 * G2. `members` and `alive` are read from any replica, but are never older than our own last sign: a log's replicas apply it in order. Of two hosts
 *     that each give a sign and then look, the one whose first sign came later therefore sees the other.
 * G3. Whoever looks hears the server's time of day: when it stored our own last sign.
 */
export class Signs {
  readonly #parts: SignParts;
  readonly #ears = new Map<string, readonly Subscription[]>();
  /** Of hosts of this process, by id: the sequence of their first sign. */
  readonly #since = new Map<string, number>();
  #last: { readonly sequence: number; readonly sentAtMs: number; readonly own: readonly [sentAt: number, answeredAt: number] } | undefined;

  constructor(parts: SignParts) {
    this.#parts = parts;
  }

  async beat(sign: Sign): Promise<void> {
    const { answers, names, time, ttlMs } = this.#parts;
    const sentAtMs = performance.now();
    const sentAt = Date.now();
    const since = this.#since.get(sign.host);
    const stored = { ...sign, at: time.now(), answersPings: this.#ears.has(sign.host), ...(since === undefined ? {} : { since }) };
    const answer = await store(answers, names.hostKey(sign.host), Buffer.from(JSON.stringify(stored)), new HeaderBlock(ttlLine(ttlMs)));
    if (answer.kind !== "stored") throw notStored(answer, `A sign of life of ${sign.host}`);
    if (since === undefined) this.#since.set(sign.host, answer.sequence);
    this.#last = { sequence: answer.sequence, sentAtMs, own: [sentAt, Date.now()] };
  }

  async members(): Promise<readonly Member[]> {
    const { reads, names, ttlMs } = this.#parts;
    const found = await reads.every(names.hostsStream, names.hostKeys, this.#leastSequence);
    this.#hearTime(found);
    return livingAmong(found, names, ttlMs);
  }

  async leave(host: string): Promise<void> {
    const { answers, names, ttlMs } = this.#parts;
    const headers = new HeaderBlock(line(NATS_HEADERS.keyOperation, "PURGE") + line(NATS_HEADERS.rollup, "sub") + ttlLine(ttlMs));
    const answer = await store(answers, names.hostKey(host), NOTHING, headers);
    if (answer.kind !== "stored") throw notStored(answer, `The goodbye of ${host}`);
    this.#last = undefined;
  }

  #hearTime(found: readonly Stored[]): void {
    const last = this.#last;
    const own = found.find(({ sequence }) => sequence === last?.sequence);
    if (last === undefined || own === undefined) return;
    const storedAt = Date.parse(own.header(NATS_HEADERS.storedAt));
    if (Number.isFinite(storedAt)) this.#parts.time.heard(storedAt, ...last.own);
  }

  /** What a copy must have reached: our last sign, as long as it cannot have expired, with which the landmark of the stream would go. */
  get #leastSequence(): number {
    return this.#last !== undefined && performance.now() - this.#last.sentAtMs < this.#parts.ttlMs ? this.#last.sequence : 0;
  }

  async alive(host: string): Promise<boolean> {
    const { link, names, reads } = this.#parts;
    let gone = false;
    try {
      await link.connection.request(names.hostPing(host), NOTHING, { timeout: PING_MS });
      return true;
    } catch (error) {
      // Nobody listens for it. Right after a reconnect that says little: the server may be new, and the host on its way back.
      gone = isNobodyListening(error) && link.steadyForMs > this.#parts.ttlMs;
    }
    const key = names.hostKey(host);
    const stored = (await reads.newest(names.hostsStream, [key], this.#leastSequence)).get(key);
    if (stored === undefined || isGoodbye(stored)) return false;
    if (!gone || readJson<StoredSign>(stored.body)?.answersPings !== true) return true;
    await this.#bury(host, stored.sequence);
    return false;
  }

  listen(host: string, left: (free: Ownership) => void): void {
    const { link, names } = this.#parts;
    const { connection } = link;
    this.#ears.set(host, [
      connection.subscribe(names.hostPing(host), { callback: (error, message) => void (error === null && message.respond(NOTHING)) }),
      connection.subscribe(names.hostCall(host), {
        callback: (error, message) => {
          const free = error === null ? readJson<Ownership>(message.data) : undefined;
          if (free?.partition !== undefined && free.fence !== undefined)
            left({ partition: free.partition, fence: free.fence, host: undefined, next: host });
        },
      }),
    ]);
  }

  /** Tells a host that a partition was left to it. At most once. */
  call(host: string, free: Ownership): void {
    const { link, names } = this.#parts;
    if (link.connected) link.publish(names.hostCall(host), Buffer.from(JSON.stringify(free)));
  }

  close(): void {
    if (!this.#parts.link.connection.isClosed())
      for (const ears of this.#ears.values()) for (const subscription of ears) subscription.unsubscribe();
    this.#ears.clear();
  }

  /** So that everybody sees that it has gone, and nobody else must find it out; not if it has given another sign since. */
  async #bury(host: string, seen: number): Promise<void> {
    const { answers, names, ttlMs } = this.#parts;
    const headers = line(NATS_HEADERS.keyOperation, "PURGE") + line(NATS_HEADERS.expectedSequence, seen) + ttlLine(ttlMs);
    await store(answers, names.hostKey(host), NOTHING, new HeaderBlock(headers));
  }
}

function isNobodyListening(error: unknown): boolean {
  const { isNoResponders } = error as { isNoResponders?: () => boolean };
  return typeof isNoResponders === "function" && isNoResponders.call(error);
}
