/**
 * The server's time of day, as far as this process has heard it: the hour by which hosts agree, whatever their own clocks say. A due time
 * that one host writes down means the same to the one that takes over, and to the server, whose schedules fire by it.
 *
 * This machine's own clock is believed as long as it may be right by what was heard last, to the millisecond; otherwise it is corrected,
 * to within the round trip of what was heard. Whoever sets the clock moves it until something is heard again, a second or so later.
 */
export class ServerTime {
  readonly #own: () => number;
  #correctionMs = 0;

  /** @param own this machine's time of day, whole epoch ms */
  constructor(own: () => number = () => Date.now()) {
    this.#own = own;
  }

  /** Whole epoch ms. */
  now(): number {
    return this.#own() + this.#correctionMs;
  }

  /** What the server stored at that moment of its own was sent and answered at those moments of this machine's clock. All whole epoch ms. */
  heard(storedAt: number, sentAt: number, answeredAt: number): void {
    const least = storedAt - answeredAt - 1;
    const most = storedAt - sentAt + 1;
    // The clock was set meanwhile.
    if (least > most) return;
    if (this.#correctionMs < least || this.#correctionMs > most) this.#correctionMs = Math.round((least + most) / 2);
  }
}
