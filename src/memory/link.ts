import type { Clock } from "../ports/clock.ts";
import type { Random } from "./random.ts";

/**
 * One direction of one connection: what is sent arrives in order, each thing after a latency that the seed chooses. With no latency
 * the seed still chooses what happens in between: how many turns of the clock's queue pass.
 */
export class Link {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #maxLatencyMs: number;
  readonly #queue: Parcel[] = [];
  #newestAt = 0;
  #isPumping = false;
  #isCut = false;
  #isStalled = false;

  constructor(clock: Clock, random: Random, maxLatencyMs: number) {
    this.#clock = clock;
    this.#random = random;
    this.#maxLatencyMs = maxLatencyMs;
  }

  /** On a link that was cut: nothing ever happens. */
  send(arrive: () => void): void {
    if (this.#isCut) return;
    const latencyMs = this.#maxLatencyMs === 0 ? 0 : this.#random.next() * this.#maxLatencyMs;
    this.#newestAt = Math.max(this.#newestAt, this.#clock.monotonic() + latencyMs);
    this.#queue.push({ at: this.#newestAt, arrive });
    if (!this.#isPumping) this.#await();
  }

  /** Nothing arrives until `flow`: what is sent waits, in order, as bytes that are sent again until they are received. */
  stall(): void {
    this.#isStalled = true;
  }

  flow(): void {
    if (!this.#isStalled) return;
    this.#isStalled = false;
    if (!this.#isPumping) this.#await();
  }

  /** Ends the link. Of what is under way the first part may still arrive, as of a socket that dies; the rest is lost. */
  cut(underWay: InFlight): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const count = this.#queue.length;
    this.#queue.length = underWay === "arrives" ? count : underWay === "lost" ? 0 : this.#random.below(count + 1);
    this.flow();
  }

  #await(): void {
    const [next] = this.#queue;
    this.#isPumping = next !== undefined;
    if (next === undefined) return;
    const waitMs = next.at - this.#clock.monotonic();
    if (waitMs > 0) this.#clock.after(waitMs, () => this.#deliver());
    else this.#hop(this.#random.below(3));
  }

  #hop(count: number): void {
    this.#clock.soon(() => (count > 0 ? this.#hop(count - 1) : this.#deliver()));
  }

  #deliver(): void {
    if (this.#isStalled) {
      this.#isPumping = false;
      return;
    }
    do this.#queue.shift()?.arrive();
    while (!this.#isStalled && this.#isDue() && this.#random.chance(0.7));
    this.#await();
  }

  #isDue(): boolean {
    const [next] = this.#queue;
    return next !== undefined && next.at <= this.#clock.monotonic();
  }
}

/** What becomes of things under way when a connection ends; `seeded`: a first part of them, as long as the seed says, arrives. */
export type InFlight = "lost" | "arrives" | "seeded";

interface Parcel {
  readonly at: number;
  readonly arrive: () => void;
}
