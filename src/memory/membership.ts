import type { Clock } from "../ports/clock.ts";
import type { Member, Ownership, Sign } from "../ports/leases.ts";

/** Who lives, as the simulated server knows it, and whom it can tell of a partition that was left to them. */
export class Membership {
  readonly #clock: Clock;
  readonly #ttlMs: number;
  readonly #members = new Map<string, { readonly member: Member; readonly beatAt: number }>();
  readonly #listeners = new Map<string, (free: Ownership) => void>();
  readonly #since = new Map<string, number>();

  constructor(clock: Clock, ttlMs: number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  beat(sign: Sign): void {
    let since = this.#since.get(sign.host);
    if (since === undefined) this.#since.set(sign.host, (since = this.#since.size + 1));
    this.#members.set(sign.host, { member: { ...sign, since, at: this.#clock.now() }, beatAt: this.#clock.monotonic() });
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
      .filter(({ beatAt }) => this.#isRecent(beatAt))
      .map(({ member }) => member)
      .toSorted((one, other) => one.since - other.since);
  }

  leave(host: string): void {
    this.#members.delete(host);
  }

  isAlive(host: string): boolean {
    const found = this.#members.get(host);
    return found !== undefined && this.#isRecent(found.beatAt);
  }

  listen(host: string, left: (free: Ownership) => void): void {
    this.#listeners.set(host, left);
  }

  call(host: string, free: Ownership): void {
    this.#listeners.get(host)?.(free);
  }

  #isRecent(beatAt: number): boolean {
    return this.#clock.monotonic() - beatAt < this.#ttlMs;
  }
}
