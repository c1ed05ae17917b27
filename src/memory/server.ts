import { formatAddress, START_LANES, type Address, type Lane } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import { partitionOf } from "../core/placement.ts";
import type { Clock } from "../ports/clock.ts";
import type { Source } from "../ports/mailbox.ts";
import type { Letter } from "../ports/store.ts";
import { mailPlace, type Limits } from "./check.ts";
import { FaultPlan } from "./faults.ts";
import { Ledger, type StoredChange } from "./ledger.ts";
import { Membership } from "./membership.ts";
import { Steps } from "./steps.ts";
import { SourceStream } from "./stream.ts";
import { WorkFloor } from "./work-floor.ts";

/** Within that time a second message with the same id is the first one, sent again. */
const DUPLICATE_WINDOW_MS = 120_000;
export const MESSAGE_ID = "Nats-Msg-Id";

export interface ServerParts {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly inMaxMessages: number;
  readonly leaseTtlMs: number;
}

/**
 * The state of the simulated server; what happens to it, happens at once. Latency and lost connections are between it and its
 * hosts (connection.ts), not here.
 *
 * Owns: the ledger, every source, the membership. Calls in: the adapters, from requests that have arrived; the world.
 */
export class Server {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly leaseTtlMs: number;
  readonly faults = new FaultPlan();
  readonly steps = new Steps();
  readonly ledger: Ledger;
  readonly work: WorkFloor;
  readonly membership: Membership;
  readonly watchers = new Set<(change: StoredChange) => void>();
  readonly #inMaxMessages: number;
  readonly #sources = new Map<string, SourceStream>();
  readonly #mailPlaces = new Map<string, number>();
  readonly #published = new Map<string, { readonly sequence: number; readonly at: number }>();
  #inSequence = 0;

  constructor(parts: ServerParts) {
    this.clock = parts.clock;
    this.limits = parts.limits;
    this.leaseTtlMs = parts.leaseTtlMs;
    this.#inMaxMessages = parts.inMaxMessages;
    this.work = new WorkFloor(parts.clock);
    this.membership = new Membership(parts.clock, parts.leaseTtlMs);
    this.ledger = new Ledger({
      clock: parts.clock,
      limits: parts.limits,
      mail: ({ partition, lane, to, message, letter }, sequence) => this.#mail(partition, lane, to, message, letter, sequence),
      work: ({ lane, address, letter }) => this.work.add(lane, address, letter),
      fired: ({ partition, owner, timer }) => this.steps.tell({ kind: "timerFired", partition, owner, timer }),
      changed: (change) => {
        for (const watcher of this.watchers) watcher(change);
      },
    });
  }

  source(partition: number, source: Source): SourceStream {
    if (!Number.isInteger(partition) || partition < 0 || partition >= this.limits.partitions)
      throw new RangeError(`There is no partition ${partition}`);
    const key = `${partition} ${source}`;
    let stream = this.#sources.get(key);
    if (stream === undefined) {
      stream = new SourceStream();
      this.#sources.set(key, stream);
    }
    return stream;
  }

  /** The position in the source. @throws in_full */
  publish(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>): number {
    const { clock } = this;
    const messageId = headers[MESSAGE_ID] ?? "";
    const earlier = this.#published.get(messageId);
    if (earlier !== undefined && clock.now() - earlier.at < DUPLICATE_WINDOW_MS) return earlier.sequence;
    if (this.inCount >= this.#inMaxMessages)
      throw new TroupeError("in_full", `The way in holds ${this.inCount} messages already`, { about: formatAddress(to) });
    const partition = partitionOf(to.type, to.id, this.limits.partitions);
    const sequence = ++this.#inSequence;
    if (messageId !== "") this.#published.set(messageId, { sequence, at: clock.now() });
    const source = `in.${lane}` as const;
    this.source(partition, source).append({ sequence, sentAt: clock.now(), lane, ...to, body: body.slice(), headers: { ...headers } });
    this.steps.tell({ kind: "published", partition, source, sequence, to });
    return sequence;
  }

  /** Messages of the way in that are not forgotten. */
  get inCount(): number {
    let count = 0;
    for (const [key, stream] of this.#sources) if (key.includes(" in.")) count += stream.size;
    return count;
  }

  /** Whether everything that was acknowledged is forgotten. */
  get isTidy(): boolean {
    for (const stream of this.#sources.values()) if (stream.hasAcknowledged) return false;
    return true;
  }

  awaits(address: Address): boolean {
    const partition = partitionOf(address.type, address.id, this.limits.partitions);
    const sources: readonly Source[] = [...START_LANES.map((lane) => `in.${lane}` as const), "mail.start"];
    return sources.some((source) => this.source(partition, source).holds(address));
  }

  /** A connection has ended. */
  detach(connection: object): void {
    for (const stream of this.#sources.values()) stream.detach(connection);
  }

  /** A second message in the same place replaces the first, as in a stream with one message per subject. */
  #mail(partition: number, lane: Lane, to: Address, message: string, letter: Letter, sequence: number): void {
    const source = lane === "event" ? "mail.event" : "mail.start";
    const stream = this.source(partition, source);
    const place = mailPlace(lane, to, message);
    stream.remove(this.#mailPlaces.get(place) ?? 0);
    this.#mailPlaces.set(place, sequence);
    stream.append({
      sequence,
      sentAt: this.clock.now(),
      lane,
      type: to.type,
      id: to.id,
      body: letter.body.slice(),
      headers: { ...letter.headers },
    });
    this.steps.tell({ kind: "published", partition, source, sequence, to });
  }
}
