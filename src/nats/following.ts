import { createInbox, nuid, type Msg } from "@nats-io/nats-core";
import type { TicketFollower } from "../ports/store.ts";
import type { Listening } from "../ports/work.ts";
import { readPosition } from "./delivery.ts";
import type { Link, LinkListener } from "./link.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { FOLLOWER_BEAT_MS, followerRequest } from "./streams.ts";

export interface FollowingParts {
  readonly link: Link;
  readonly names: Names;
  readonly inboxPrefix: string | undefined;
}

const CONTROL = 100;
const NOTHING = new Uint8Array(0);

/**
 * The tickets of one type: a consumer of the moment that the server pushes, the last message of every subject first.
 *
 * Owns: its consumer and its subscription. Calls in: gatekeeper.ts, by the store.
 * F1. What is heard is what the consumer counted, one after the other: with the first gap, silence or lost connection it is over.
 */
export class Following implements Listening, LinkListener {
  readonly #parts: FollowingParts;
  readonly #follower: TicketFollower;
  readonly #consumer: ReturnType<Names["tickets"]>;
  readonly #subscription;
  readonly #watch: NodeJS.Timeout;
  #heard = 0;
  #heardAt = performance.now();
  #isOver = false;

  constructor(parts: FollowingParts, type: string, follower: TicketFollower) {
    const { link, names, inboxPrefix } = parts;
    this.#parts = parts;
    this.#follower = follower;
    this.#consumer = names.tickets(`limit-${nuid.next()}`, type);
    const inbox = createInbox(inboxPrefix);
    this.#subscription = link.connection.subscribe(inbox, {
      callback: (error: Error | null, message: Msg) => (error === null ? this.#receive(message) : this.#break()),
    });
    link.listen(this);
    this.#watch = setInterval(() => this.#listen(), FOLLOWER_BEAT_MS).unref();
    link.demand(this.#consumer.create, followerRequest(this.#consumer, inbox)).catch(() => this.#break());
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#watch);
    const { link } = this.#parts;
    link.unlisten(this);
    if (!link.connection.isClosed()) this.#subscription.unsubscribe();
    // Where that fails it goes away by itself.
    link.call(this.#consumer.remove).catch(() => {});
  }

  disconnected(): void {
    this.#break();
  }

  closed(): void {
    this.close();
  }

  #receive(message: Msg): void {
    if (this.#isOver) return;
    this.#heardAt = performance.now();
    if (message.headers?.code === CONTROL) return this.#control(message);
    const position = readPosition(this.#consumer, message.reply ?? "");
    if (position === undefined) return;
    if (position.consumerSequence !== ++this.#heard) return this.#break();
    const bytes = message.data.length === 0 ? undefined : message.data;
    this.#follower.heard({ ...this.#parts.names.ticketIn(message.subject), bytes });
  }

  /** The server wants to know how far we are, or says how far it is. */
  #control({ reply = "", headers }: Msg): void {
    const { link } = this.#parts;
    const stalled = headers?.get(NATS_HEADERS.consumerStalled) ?? "";
    for (const subject of [reply, stalled]) if (subject !== "" && link.connected) link.publish(subject, NOTHING);
    const last = headers?.get(NATS_HEADERS.lastConsumer) ?? "";
    if (last !== "" && Number(last) !== this.#heard) this.#break();
  }

  #listen(): void {
    if (performance.now() - this.#heardAt > MOST_SILENT_MS) this.#break();
  }

  #break(): void {
    if (this.#isOver) return;
    this.close();
    this.#follower.broken();
  }
}

/** Two beats were due, and a third. */
const MOST_SILENT_MS = 3 * FOLLOWER_BEAT_MS;
