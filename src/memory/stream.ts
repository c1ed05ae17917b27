import { formatAddress, type Address, type Lane } from "../core/address.ts";

/** A message as the simulated server stores it. */
export interface Message {
  readonly sequence: number;
  /** Epoch ms. */
  readonly sentAt: number;
  readonly lane: Lane;
  readonly type: string;
  readonly id: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** The far side of a stream's one consumer. Its methods send; they call nothing back. */
export interface Subscriber {
  /** The connection: what tells a reader that is stale from one that reads again. */
  readonly connection: object;
  /** Its host has died, lost the connection or closed it: nobody will ever hear what is sent there. */
  readonly isGone: boolean;
  /** A reading begins: deliveries carry its number. `isRewind`: the server began it by itself. */
  begin(reading: number, isRewind: boolean): void;
  send(message: Message, reading: number): void;
}

/** Storage is compacted when that many messages at its front are gone. */
const COMPACT_AT = 1_024;

/**
 * One source on the server: its messages in order and the one consumer that reads them.
 *
 * An acknowledgement only marks a message; it stays until it is forgotten.
 * Q1. A reading delivers in rising sequence everything that is not forgotten, whatever was acknowledged before it began.
 * Q2. Only the newest reading delivers. An acknowledgement counts if the message is pending in it and does not come from an
 *     older reading of the same connection. (From another connection it counts, as on JetStream: the server knows sequences only.)
 * Q3. A reader that was superseded waits below the newer one, and reads again, from the first, when that is gone. (Two
 *     readers of one JetStream consumer reset it against each other until one of them closes; the outcome is the same.)
 * Q4. No more is sent in a reading than its reader allowed, in total.
 */
export class SourceStream {
  #log: (Message | undefined)[] = [];
  readonly #places = new Map<number, number>();
  /** How many are stored for each actor. */
  readonly #counts = new Map<string, number>();
  readonly #pending = new Set<number>();
  readonly #acknowledged = new Set<number>();
  /** How many places were cut off the front of the log. */
  #offset = 0;
  #next = 0;
  #reading = 0;
  /** Those who read, the newest last. */
  readonly #subscribers: Subscriber[] = [];
  #sent = 0;
  #allowed = 0;

  get size(): number {
    return this.#places.size;
  }

  /** What is stored, oldest first, acknowledged or not. */
  messages(): readonly Message[] {
    return this.#log.filter((message) => message !== undefined);
  }

  /** Whether anything is stored for this actor. */
  holds(to: Address): boolean {
    return this.#counts.has(formatAddress(to));
  }

  /** What has not been acknowledged in the newest reading, oldest first. */
  unacknowledged(): readonly Message[] {
    return this.messages().filter(({ sequence }) => !this.#acknowledged.has(sequence));
  }

  /** Whether something was acknowledged in the newest reading and is stored all the same. */
  get hasAcknowledged(): boolean {
    return this.#acknowledged.size > 0;
  }

  append(message: Message): void {
    this.#places.set(message.sequence, this.#offset + this.#log.length);
    this.#log.push(message);
    this.#count(message, 1);
    this.#pump();
  }

  remove(sequence: number): void {
    const place = this.#places.get(sequence);
    if (place === undefined) return;
    this.#count(this.#log[place - this.#offset] as Message, -1);
    this.#log[place - this.#offset] = undefined;
    this.#places.delete(sequence);
    this.#pending.delete(sequence);
    this.#acknowledged.delete(sequence);
  }

  /** Up to and including a sequence: everything, or what came to one actor by one lane. */
  forget(throughSequence: number, of?: Pick<Message, "lane" | "type" | "id">): void {
    for (const message of this.#log) {
      if (message !== undefined && message.sequence > throughSequence) return;
      const isMeant = of === undefined || (message?.lane === of.lane && message.type === of.type && message.id === of.id);
      if (message !== undefined && isMeant) this.remove(message.sequence);
    }
  }

  /** Takes the consumer over. Asked for by somebody who has gone meanwhile, it only makes the present reader begin again. */
  open(subscriber: Subscriber): void {
    if (subscriber.isGone) return this.rewind();
    this.detach(subscriber.connection);
    this.#subscribers.push(subscriber);
    this.#begin(false);
  }

  /** Reads again after a connection was lost, below anybody who has opened the source meanwhile. */
  resume(subscriber: Subscriber): void {
    if (subscriber.isGone) return;
    if (!this.#subscribers.includes(subscriber)) this.#subscribers.unshift(subscriber);
    if (this.#subscriber === subscriber) this.#begin(false);
  }

  close(subscriber: Subscriber): void {
    this.#dismiss((other) => other === subscriber);
  }

  /** A connection has ended: nobody reads over it. */
  detach(connection: object): void {
    this.#dismiss((other) => other.connection === connection);
  }

  /** Everything comes again, to the same reader. */
  rewind(): void {
    if (this.#subscriber !== undefined) this.#begin(true);
  }

  allow(reading: number, total: number): void {
    if (reading !== this.#reading) return;
    this.#allowed = total;
    this.#pump();
  }

  /** `false`: it had no effect. */
  acknowledge(connection: object, reading: number, sequence: number): boolean {
    if (!this.#pending.has(sequence)) return false;
    if (connection === this.#subscriber?.connection && reading !== this.#reading) return false;
    this.#pending.delete(sequence);
    this.#acknowledged.add(sequence);
    return true;
  }

  #count(message: Message, by: 1 | -1): void {
    const key = formatAddress(message);
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
  }

  get #subscriber(): Subscriber | undefined {
    return this.#subscribers.at(-1);
  }

  #dismiss(isGone: (subscriber: Subscriber) => boolean): void {
    const current = this.#subscriber;
    const staying = this.#subscribers.filter((subscriber) => !isGone(subscriber));
    this.#subscribers.splice(0, this.#subscribers.length, ...staying);
    if (this.#subscriber === current) return;
    this.#allowed = 0;
    if (this.#subscriber !== undefined) this.#begin(true);
  }

  #begin(isRewind: boolean): void {
    this.#compact();
    this.#acknowledged.clear();
    this.#reading++;
    this.#pending.clear();
    this.#next = this.#offset;
    this.#sent = 0;
    this.#allowed = 0;
    this.#subscriber?.begin(this.#reading, isRewind);
  }

  #pump(): void {
    while (this.#subscriber !== undefined && this.#sent < this.#allowed && this.#next < this.#offset + this.#log.length) {
      const message = this.#log[this.#next - this.#offset];
      this.#next++;
      if (message === undefined) continue;
      this.#sent++;
      this.#pending.add(message.sequence);
      this.#subscriber.send(message, this.#reading);
    }
    if (this.#next - this.#offset > COMPACT_AT * 4) this.#compact();
  }

  #compact(): void {
    let gone = 0;
    while (gone < this.#log.length && this.#log[gone] === undefined) gone++;
    if (gone < COMPACT_AT) return;
    this.#log = this.#log.slice(gone);
    this.#offset += gone;
    this.#next = Math.max(this.#next, this.#offset);
  }
}
