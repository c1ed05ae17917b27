import type { Msg } from "@nats-io/nats-core";
import type { Address } from "../core/address.ts";
import type { StateChange } from "../ports/gateway.ts";
import type { Link, LinkListener } from "./link.ts";
import type { Names } from "./names.ts";

/** A republished record may be lost; what is stored is looked at this long after the last news, then ever more seldom. */
const LOOK_AFTER_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 30_000;

export interface ActorWatchParts {
  readonly link: Link;
  readonly names: Names;
  /** The stored record, or undefined; waits for a connection that is away, and ends with the signal. */
  readonly read: (address: Address) => Promise<Uint8Array | undefined>;
}

/**
 * One actor as it is stored, then after every change, until its record is removed or `signal` aborts. The news come by what the
 * server republishes, which needs no consumer and no right but to subscribe; what is lost of it is made up for by reading.
 * @throws what reading throws once it gives up; stopped
 */
export async function* watchActor(parts: ActorWatchParts, address: Address, signal: AbortSignal | undefined): AsyncIterable<StateChange> {
  const isOver = (): boolean => signal?.aborted === true;
  if (isOver()) return;
  const news = new News(parts.link, parts.names.liveState(address), signal);
  let lookInMs = LOOK_AFTER_MS;
  let seen = false;
  try {
    for (;;) {
      const bytes = await parts.read(address);
      if (bytes !== undefined) yield { address, bytes };
      else if (seen) return yield { address, bytes: undefined };
      seen ||= bytes !== undefined;
      for (;;) {
        const heard = await news.next(lookInMs);
        if (isOver()) return;
        if (heard === undefined) break;
        seen = true;
        lookInMs = LOOK_AFTER_MS;
        yield { address, bytes: heard };
      }
      lookInMs = Math.min(lookInMs * 2, LOOK_AT_MOST_EVERY_MS);
    }
  } catch (error) {
    if (!isOver()) throw error;
  } finally {
    news.close();
  }
}

/** What is republished of one actor, in order, until it is closed. */
class News implements LinkListener {
  readonly #link: Link;
  readonly #signal: AbortSignal | undefined;
  readonly #subscription;
  readonly #heard: Uint8Array[] = [];
  #wake: () => void = () => {};

  constructor(link: Link, subject: string, signal: AbortSignal | undefined) {
    this.#link = link;
    this.#signal = signal;
    this.#subscription = link.connection.subscribe(subject, {
      callback: (error: Error | null, message: Msg) => {
        if (error === null && message.data.length > 0) this.#heard.push(message.data);
        this.#wake();
      },
    });
    link.listen(this);
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** The next record; undefined after so long without one, where something else has happened to it, or at the end. */
  async next(withinMs: number): Promise<Uint8Array | undefined> {
    if (this.#heard.length === 0 && this.#signal?.aborted !== true) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, withinMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = () => {};
    }
    return this.#heard.shift();
  }

  /** What happened meanwhile was not heard. */
  reconnected(): void {
    this.#wake();
  }

  /** The next read says so. */
  closed(): void {
    this.#wake();
  }

  close(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#link.unlisten(this);
    if (!this.#link.connection.isClosed()) this.#subscription.unsubscribe();
    this.#wake();
  }

  readonly #abort = (): void => this.#wake();
}
