import { setTimeout as pause } from "node:timers/promises";
import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import type { Inlet, Reader } from "../ports/mailbox.ts";
import { JetStreamDelivery, readPosition, readTarget, type Issuer } from "./delivery.ts";
import { classifyPullStatus } from "./failures.ts";
import type { Link } from "./link.ts";
import { NATS_HEADERS, type SourceNames } from "./names.ts";
import { FIRST_PULL, longestSilenceMs, pullRequest, StartOverPace, type PullPace } from "./pull.ts";

/** How an inlet makes its consumer start over: everything that is stored comes again, numbered from 1. */
export type Reset = (names: SourceNames) => Promise<void>;

const NOTHING = new Uint8Array(0);
/** Messages of one pull; more are asked for before they have all come. */
const MOST_PER_PULL = 1024;

/**
 * One source being read. Deliveries are accepted only in the order of the consumer's own numbering, without gaps; anything else
 * means that one went elsewhere, and the inlet starts over.
 *
 * Owns: its inbox, the numbering, what was asked for. Calls in: the mailbox (`open`, `check`, `rewind`), the reader (`want`,
 * `close`). Calls out: the reader; never from within `want`, `close` or `open`, except to hand over what was held back.
 * I1. `#expected` is the consumer sequence of the next delivery; a reset sets it to 1, and only then is anything pulled. In the stream
 *     each lies behind the last: a leader that has heard of less than the one before may count on and yet go back.
 * I2. The old inbox is unsubscribed before the reset on the same connection, so no delivery from before it can arrive after it.
 * I3. `epoch` rises with every rewind and at the end; a delivery of an older epoch is never acknowledged: the server would take it
 *     for the new one's acknowledgement.
 * I4. `#pulled` never falls below what the server may still send: pulls that end say how much they left.
 * I5. What arrives while nothing is wanted is held back, in order, and is handed over first.
 */
export class JetStreamInlet implements Inlet, Issuer {
  readonly names: SourceNames;
  readonly #link: Link;
  readonly #reader: Reader;
  readonly #reset: Reset;
  readonly #pullBytes: number;
  readonly #inboxPrefix: string | undefined;
  readonly #pullPace: PullPace;
  readonly #ended: (inlet: JetStreamInlet) => void;
  epoch = 0;
  #subscription: Subscription | undefined;
  #inbox = "";
  #reading = false;
  #closed = false;
  #expected = 1;
  #last = 0;
  #wanted = 0;
  #pulled = 0;
  #pulls = 0;
  #silentSince = 0;
  #silenceMs = 0;
  #suspectedAt = -1;
  #held: JetStreamDelivery[] = [];
  #handing = false;
  readonly #pace = new StartOverPace();

  constructor(
    names: SourceNames,
    reader: Reader,
    parts: {
      link: Link;
      reset: Reset;
      pullBytes: number;
      inboxPrefix: string | undefined;
      pace: PullPace;
      ended: (inlet: JetStreamInlet) => void;
    },
  ) {
    this.names = names;
    this.#reader = reader;
    this.#link = parts.link;
    this.#reset = parts.reset;
    this.#pullBytes = parts.pullBytes;
    this.#inboxPrefix = parts.inboxPrefix;
    this.#pullPace = parts.pace;
    this.#ended = parts.ended;
  }

  /** @throws no_answer, no_connection, not_provisioned */
  async open(): Promise<void> {
    const { epoch } = this;
    await this.#reset(this.names);
    if (this.epoch === epoch && !this.#closed) this.#start();
  }

  want(count: number): void {
    this.#wanted = count <= 0 ? 0 : Math.max(this.#wanted, count);
    this.#handOver();
    this.#pull();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stop();
    this.#ended(this);
  }

  /** Starts over, until it works or the inlet is closed. The reader hears of it at once. */
  rewind(): void {
    if (this.#closed) return;
    this.#stop();
    this.#reader.rewound();
    void this.#startOver(this.epoch);
  }

  /** Called every second or so: a pull that the server has forgotten is noticed by its missing heartbeats. */
  check(nowMs: number): void {
    if (!this.#reading || this.#pulled === 0 || nowMs - this.#silentSince <= this.#silenceMs) return;
    // After a stall of this process the timer runs before the socket is read: the beats may be waiting there.
    if (this.#suspectedAt === this.#silentSince) this.rewind();
    else this.#suspectedAt = this.#silentSince;
  }

  acknowledge(replySubject: string): void {
    if (this.#link.connected) this.#link.publish(replySubject, NOTHING);
  }

  async #startOver(epoch: number): Promise<void> {
    for (;;) {
      const waitMs = this.#pace.nextWaitMs(performance.now());
      if (waitMs > 0) await pause(waitMs, undefined, { ref: false });
      if (this.#closed || this.epoch !== epoch) return;
      try {
        return await this.open();
      } catch {
        // No server, no leader, or the consumer is being made again: the reader was told that deliveries stopped; try on.
      }
    }
  }

  #start(): void {
    this.#expected = 1;
    this.#last = 0;
    this.#pulls = 0;
    this.#pulled = 0;
    this.#reading = true;
    this.#inbox = `${createInbox(this.#inboxPrefix)}.`;
    const { epoch } = this;
    this.#subscription = this.#link.connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null && this.epoch === epoch) this.#arrived(message);
      },
    });
    this.#pull();
  }

  #stop(): void {
    this.epoch++;
    this.#reading = false;
    this.#pulled = 0;
    this.#held = [];
    if (this.#subscription !== undefined && !this.#link.connection.isClosed()) this.#subscription.unsubscribe();
    this.#subscription = undefined;
  }

  #pull(): void {
    const missing = Math.min(MOST_PER_PULL, this.#wanted - this.#held.length - this.#pulled);
    if (!this.#reading || missing <= 0 || this.#pulled * 2 > this.#wanted || !this.#link.connected) return;
    const pace = this.#pulls === 0 ? FIRST_PULL : this.#pullPace;
    this.#link.publish(this.names.pull, pullRequest(missing, this.#pullBytes, pace), undefined, this.#inbox + this.#pulls++);
    this.#pulled += missing;
    this.#silentSince = performance.now();
    this.#silenceMs = longestSilenceMs(pace);
  }

  #arrived(message: Msg): void {
    const { reply } = message;
    if (reply === undefined || reply === "") return this.#heardStatus(message);
    const position = readPosition(this.names, reply);
    if (position === undefined) return;
    if (position.consumerSequence !== this.#expected || position.streamSequence <= this.#last) return this.rewind();
    this.#expected++;
    this.#last = position.streamSequence;
    this.#pulled--;
    this.#silentSince = performance.now();
    const target = readTarget(this.names, message.subject);
    // Not a subject of ours: nobody could have sent it but a host that is not troupe's. It stays where it is.
    if (target !== undefined) this.#give(new JetStreamDelivery(this.names, target, position, message, this));
    this.#pull();
  }

  #give(delivery: JetStreamDelivery): void {
    if (this.#wanted <= 0 || this.#held.length > 0) {
      this.#held.push(delivery);
      return;
    }
    this.#wanted--;
    this.#reader.receive(delivery);
  }

  /** The reader may want more, stop or close from within `receive`: the state is looked at anew for each. */
  #handOver(): void {
    if (this.#handing) return;
    this.#handing = true;
    while (this.#wanted > 0 && this.#held.length > 0) {
      const delivery = this.#held.shift() as JetStreamDelivery;
      this.#wanted--;
      this.#reader.receive(delivery);
    }
    this.#handing = false;
  }

  #heardStatus(message: Msg): void {
    const { headers } = message;
    const status = classifyPullStatus(headers?.code ?? 0, headers?.description ?? "");
    this.#silentSince = performance.now();
    if (status === "lost") return this.rewind();
    if (status === "heartbeat") {
      // The consumer has given out more than came here: somebody else's pull took it.
      if (Number(headers?.get(NATS_HEADERS.lastConsumer)) >= this.#expected) this.rewind();
      return;
    }
    this.#pulled = Math.max(0, this.#pulled - Number(headers?.get(NATS_HEADERS.pendingMessages) ?? 0));
    this.#pull();
  }
}
