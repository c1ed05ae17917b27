import type { Lane } from "../core/address.ts";
import type { Delivery, Source } from "../ports/mailbox.ts";

/**
 * How far a source's mail is absorbed without a gap: everything up to the floor was acknowledged and may be forgotten by the store.
 */
export class MailFloor {
  readonly #open = new Set<number>();
  #highest = 0;

  delivered(sequence: number): void {
    this.#open.add(sequence);
    if (sequence > this.#highest) this.#highest = sequence;
  }

  acknowledged(sequence: number): void {
    this.#open.delete(sequence);
  }

  /** The highest sequence with nothing unacknowledged at or below it; 0 when there is none. */
  get floor(): number {
    // Sets keep insertion order and deliveries rise, so the first one open is the lowest.
    for (const lowest of this.#open) return lowest - 1;
    return this.#highest;
  }

  /** The source is read again from its first unacknowledged message. */
  rewind(): void {
    this.#highest = this.floor;
    this.#open.clear();
  }
}

/** A piece of mail whose acknowledgement moves the floor. */
export class FlooredDelivery implements Delivery {
  readonly #delivery: Delivery;
  readonly #floor: MailFloor;
  readonly partition: number;
  readonly source: Source;
  readonly lane: Lane;
  readonly type: string;
  readonly id: string;
  readonly sequence: number;

  constructor(delivery: Delivery, floor: MailFloor) {
    this.#delivery = delivery;
    this.#floor = floor;
    this.partition = delivery.partition;
    this.source = delivery.source;
    this.lane = delivery.lane;
    this.type = delivery.type;
    this.id = delivery.id;
    this.sequence = delivery.sequence;
    floor.delivered(delivery.sequence);
  }

  get sentAt(): number {
    return this.#delivery.sentAt;
  }

  get body(): Uint8Array {
    return this.#delivery.body;
  }

  header(name: string): string {
    return this.#delivery.header(name);
  }

  acknowledge(): void {
    this.#floor.acknowledged(this.sequence);
    this.#delivery.acknowledge();
  }
}
