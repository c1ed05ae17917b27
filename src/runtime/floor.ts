import type { Lane } from "../core/address.ts";
import type { Delivery, Source } from "../ports/mailbox.ts";
import type { Place } from "../ports/store.ts";

/** What came to one actor by one lane and may be forgotten, through a sequence. */
interface Absorbed extends Place {
  readonly through: number;
}

/** How what lies above the floor is forgotten. */
export interface Scattered {
  readonly places: readonly Absorbed[];
  /** Sequences of what lies behind something of the same actor and lane that is unacknowledged. */
  readonly single: readonly number[];
}

export type Noted = Pick<Delivery, "lane" | "type" | "id" | "sequence">;

/** What has not moved since the look before. */
export interface Look {
  /** Acknowledged before that, and above the floor. */
  readonly lingering: readonly Noted[];
  /** Delivered before that, and unacknowledged. */
  readonly stuck: readonly Noted[];
}

/** Acknowledged above the floor, before it is worth a look whether it still is. */
const FEW = 1_024;

/**
 * How far a source is absorbed without a gap: everything up to the floor was acknowledged and may be forgotten by the store.
 *
 * What was acknowledged above a gap comes again with the next owner, and would make an actor anew whose record has expired meanwhile
 * (invariant 12); work of hours, or of days, keeps the gap open for as long. So either what keeps it open is relieved by something further
 * up (relief.ts), or what stays above it is forgotten actor by actor; and one by one behind what the actor itself has open: that may be
 * as many as come while an activity lasts, and some have left no mark in the record.
 */
export class Floor {
  readonly #open = new Map<number, Noted>();
  #highest = 0;
  #highestAtLook = 0;
  /** What was acknowledged above the floor: since the last look, and in the time before. */
  #scattered: Noted[] = [];
  #lingering: readonly Noted[] = [];
  #mostScattered = FEW;

  delivered(noted: Noted): void {
    this.#open.set(noted.sequence, noted);
    if (noted.sequence > this.#highest) this.#highest = noted.sequence;
  }

  acknowledged(noted: Noted): void {
    const { lane, type, id, sequence } = noted;
    // Not one from before a rewind: what has come again since is open.
    if (this.#open.get(sequence) !== noted) return;
    this.#open.delete(sequence);
    if (this.floor >= sequence) return;
    // Without its body.
    this.#scattered.push({ lane, type, id, sequence });
    if (this.#scattered.length < this.#mostScattered) return;
    // Most of it is below the floor a moment later.
    this.#scattered = this.#above(this.#scattered);
    this.#mostScattered = Math.max(FEW, 2 * this.#scattered.length);
  }

  /** The highest sequence with nothing unacknowledged at or below it; 0 when there is none. */
  get floor(): number {
    // Maps keep insertion order and deliveries rise, so the first one open is the lowest.
    for (const lowest of this.#open.keys()) return lowest - 1;
    return this.#highest;
  }

  look(): Look {
    const lingering = this.#above(this.#lingering);
    const stuck: Noted[] = [];
    for (const [sequence, noted] of this.#open) {
      if (sequence > this.#highestAtLook) break;
      stuck.push(noted);
    }
    this.#lingering = this.#above(this.#scattered);
    this.#scattered = [];
    this.#highestAtLook = this.#highest;
    return { lingering, stuck };
  }

  /** The next look finds it again, if it is above the floor then. */
  keep(lingering: readonly Noted[]): void {
    this.#lingering = [...lingering, ...this.#lingering];
  }

  scatter(lingering: readonly Noted[]): Scattered {
    const lowest = lingering.length === 0 ? new Map<string, number>() : this.#lowestOpen();
    const places = new Map<string, Absorbed>();
    const single: number[] = [];
    for (const { lane, type, id, sequence } of lingering) {
      const place = placeOf({ lane, type, id });
      if (sequence > (lowest.get(place) ?? Infinity)) single.push(sequence);
      else places.set(place, { lane, type, id, through: Math.max(sequence, places.get(place)?.through ?? 0) });
    }
    return { places: [...places.values()], single };
  }

  #above(noted: readonly Noted[]): Noted[] {
    const { floor } = this;
    return noted.filter(({ sequence }) => sequence > floor);
  }

  #lowestOpen(): ReadonlyMap<string, number> {
    const lowest = new Map<string, number>();
    for (const [sequence, open] of this.#open) if (!lowest.has(placeOf(open))) lowest.set(placeOf(open), sequence);
    return lowest;
  }

  /** The source is read again from its first message. */
  rewind(): void {
    this.#highest = this.floor;
    this.#highestAtLook = 0;
    this.#open.clear();
    // What is open is not known before it has come again: nothing of it may be forgotten.
    this.#scattered = [];
    this.#lingering = [];
  }
}

function placeOf({ lane, type, id }: Place): string {
  return `${lane} ${type}/${id}`;
}

/** A delivery whose acknowledgement moves the floor. */
export class FlooredDelivery implements Delivery {
  readonly #delivery: Delivery;
  readonly #floor: Floor;
  readonly partition: number;
  readonly source: Source;
  readonly lane: Lane;
  readonly type: string;
  readonly id: string;
  readonly sequence: number;

  constructor(delivery: Delivery, floor: Floor) {
    this.#delivery = delivery;
    this.#floor = floor;
    this.partition = delivery.partition;
    this.source = delivery.source;
    this.lane = delivery.lane;
    this.type = delivery.type;
    this.id = delivery.id;
    this.sequence = delivery.sequence;
    floor.delivered(this);
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
    this.#floor.acknowledged(this);
    this.#delivery.acknowledge();
  }
}
