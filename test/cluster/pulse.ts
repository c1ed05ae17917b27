import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../src/client.ts";
import { TroupeError } from "../../src/core/errors.ts";

/** One task as its sender saw it: from the call to the result, by whatever retries. */
interface Beat {
  readonly sentAt: number;
  readonly tookMs: number;
}

const EVERY_MS = 20;

/**
 * Tasks that do nothing, one after the other at a steady pace, whatever becomes of those before: how long the slowest took is how
 * long users had to wait. Every one must come to its result: a failure that a retry under the same id does not mend is kept.
 */
export class Pulse implements AsyncDisposable {
  readonly beats: Beat[] = [];
  readonly failures: unknown[] = [];
  readonly #client: Client;
  readonly #open = new Set<Promise<void>>();
  readonly #prefix: string;
  #count = 0;
  #isOver = false;
  readonly #beating: Promise<void>;

  constructor(client: Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
    this.#beating = this.#beat();
  }

  get count(): number {
    return this.#count;
  }

  /** The longest wait among those that were sent since. */
  longestMs(since: number): number {
    return Math.round(this.beats.reduce((most, { sentAt, tookMs }) => (sentAt >= since ? Math.max(most, tookMs) : most), 0));
  }

  /** Resolves once what was sent until now has its result. */
  async caughtUp(): Promise<void> {
    await Promise.all(this.#open);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#beating;
    await this.caughtUp();
  }

  async #beat(): Promise<void> {
    while (!this.#isOver) {
      const sent = this.#send(`${this.#prefix}${this.#count++}`).finally(() => this.#open.delete(sent));
      this.#open.add(sent);
      await pause(EVERY_MS);
    }
  }

  async #send(id: string): Promise<void> {
    const sentAt = performance.now();
    for (let tries = 0; ; tries++) {
      try {
        await this.#client.run("rerun", { ms: 0 }, { id, timeout: "30s" });
        this.beats.push({ sentAt, tookMs: performance.now() - sentAt });
        return;
      } catch (error) {
        if (!(error instanceof TroupeError && error.retryable) || tries > 10) return void this.failures.push(error);
      }
    }
  }
}
