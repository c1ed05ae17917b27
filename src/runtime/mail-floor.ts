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
    this.#open.clear();
  }
}
