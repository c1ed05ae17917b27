import type { Msg } from "@nats-io/nats-core";
import type { Address } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { StateChange } from "../ports/gateway.ts";
import type { Link, LinkListener } from "./link.ts";
import type { Names } from "./names.ts";

/** A republished record may be lost; what is stored is looked at this long after the last news, then ever more seldom. */
const LOOK_AFTER_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 30_000;

export interface ActorWatchParts {
  readonly link: Link;
  readonly names: Names;
  /** The stored record, or undefined. */
  readonly read: (address: Address) => Promise<Uint8Array | undefined>;
}

/**
 * One actor as it is stored, then after every change, until its record is removed or `signal` aborts. The news come by what the
 * server republishes, which needs no consumer and no right but to subscribe; what is lost of it is made up for by reading.
 * @throws no_answer, no_connection where the first look fails; later looks are tried again
 */
export async function* watchActor(parts: ActorWatchParts, address: Address, signal: AbortSignal | undefined): AsyncIterable<StateChange> {
  const isOver = (): boolean => signal?.aborted === true;
  if (isOver()) return;
  const news = new News(parts.link, parts.names.liveState(address), signal);
  let lookInMs = LOOK_AFTER_MS;
  let seen = false;
  try {
    for (let bytes = await parts.read(address); ; bytes = await patiently(parts.link, () => parts.read(address))) {
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
  } finally {
    news.close();
  }
}

/** A read that waits for the connection rather than ends what it belongs to. */
export async function patiently<T>(link: Link, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof TroupeError && error.retryable) || link.connection.isClosed()) throw error;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AFTER_MS));
    }
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

  close(): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#link.unlisten(this);
    if (!this.#link.connection.isClosed()) this.#subscription.unsubscribe();
    this.#wake();
  }

  readonly #abort = (): void => this.#wake();
}
