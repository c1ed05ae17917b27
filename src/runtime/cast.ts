import type { Activation } from "./activation.ts";
import type { Session } from "./session.ts";

/** What an idle actor costs in memory beside its record: snapshot, maps, keys (measured: research, 1.8 KB a hot entry). */
const ENTRY_BYTES = 2_048;

/**
 * The actors in this host's memory. Those that are idle stay for the next event, the least recently used leaving first once they
 * exceed a bound in bytes; those that have ended leave at once.
 */
export class Cast {
  readonly #all = new Map<string, Activation>();
  readonly #idle = new Map<string, Activation>();
  readonly #maxIdleBytes: number;
  #idleBytes = 0;

  constructor(maxIdleBytes: number) {
    this.#maxIdleBytes = maxIdleBytes;
  }

  find(key: string): Activation | undefined {
    const activation = this.#all.get(key);
    if (activation !== undefined) this.#wake(activation);
    return activation;
  }

  /** Leaves it where it is among the idle. */
  peek(key: string): Activation | undefined {
    return this.#all.get(key);
  }

  add(activation: Activation): void {
    this.#all.set(activation.key, activation);
  }

  /** Something has finished: an actor that has ended or was never born leaves, an idle one may stay. */
  settle(activation: Activation): void {
    if (!activation.isIdle) return;
    if (activation.actor === undefined || activation.actor.record.status !== "active") {
      this.drop(activation);
      return;
    }
    this.#wake(activation);
    this.#idle.set(activation.key, activation);
    this.#idleBytes += costOf(activation);
    for (const oldest of this.#idle.values()) {
      if (this.#idleBytes <= this.#maxIdleBytes) break;
      this.drop(oldest);
    }
  }

  drop(activation: Activation): void {
    this.#wake(activation);
    activation.phase = "dropped";
    if (this.#all.get(activation.key) === activation) this.#all.delete(activation.key);
  }

  get all(): Iterable<Activation> {
    return this.#all.values();
  }

  of(session: Session): Activation[] {
    return [...this.#all.values()].filter((activation) => activation.session === session);
  }

  #wake(activation: Activation): void {
    if (this.#idle.delete(activation.key)) this.#idleBytes -= costOf(activation);
  }
}

function costOf(activation: Activation): number {
  return ENTRY_BYTES + activation.recordBytes;
}
