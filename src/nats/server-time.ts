/**
 * The server's time of day, as far as this process has heard it: the hour by which hosts agree, whatever their own clocks say. A due time
 * that one host writes down means the same to the one that takes over, and to the server, whose schedules fire by it.
 *
 * Its own time of day is believed until a message that was stored at a known moment says otherwise; from then on only what such messages
 * say counts, and somebody who sets this machine's clock moves nothing. Off by the last round trip at most.
 */
export class ServerTime {
  #offsetMs: number;

  /** @param ownTime this machine's, epoch ms */
  constructor(ownTime: number, monotonicMs: number) {
    this.#offsetMs = ownTime - monotonicMs;
  }

  /** Whole epoch ms. */
  at(monotonicMs: number): number {
    return Math.floor(monotonicMs + this.#offsetMs);
  }

  /** @param storedAt whole epoch ms by the server, of what was sent and answered then by the monotonic clock, ms */
  heard(storedAt: number, sentAtMs: number, answeredAtMs: number): void {
    const least = storedAt - answeredAtMs;
    const most = storedAt + 1 - sentAtMs;
    if (this.#offsetMs < least || this.#offsetMs > most) this.#offsetMs = (least + most) / 2;
  }
}
