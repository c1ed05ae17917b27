import { formatAddress, type Address, type Lane } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Gateway, StateChange, StoredDeadLetter, StoredTurn } from "../ports/gateway.ts";
import type { Connection } from "./connection.ts";
import type { Outgoing } from "./outlet.ts";
import type { Random } from "./random.ts";
import { MESSAGE_ID, type Server } from "./server.ts";
import { fits, Watch } from "./watch.ts";

/** Answers a verb of `troupe.api.*`, as a host does. */
export type Answerer = (verb: string, body: Uint8Array) => Promise<Uint8Array>;

export interface GatewayParts {
  readonly server: Server;
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: Random;
  readonly answerers: ReadonlySet<Answerer>;
  /** Answers that leave hosts. Returns the way to stop. */
  readonly onOutgoing: (left: (outgoing: Outgoing) => void) => () => void;
  /** Default: the wait itself. */
  readonly attend?: Gateway["attend"];
  readonly sendDeadlineMs: number;
}

const RESEND_AFTER_MS = 100;
const ID_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 12;

/**
 * The way in to the simulated server, and the view from outside, over a connection of its own.
 *
 * Owns: its watches, and what waits for answers. Calls in: the client.
 * G1. A message is acknowledged or sent again with the same id until its deadline: a lost acknowledgement makes no second one.
 */
export class MemoryGateway implements Gateway {
  readonly maxBodyBytes: number;
  readonly #parts: GatewayParts;
  readonly #expected = new Map<string, (body: Uint8Array) => void>();
  readonly #watches = new Set<Watch>();
  readonly #inbox: string;
  readonly #deaf: () => void;
  #nextAnswer = 1;
  #isClosed = false;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.maxBodyBytes = parts.server.limits.maxWriteBytes;
    this.#inbox = `_INBOX.${this.newId()}.`;
    this.#deaf = parts.onOutgoing((outgoing) => {
      if (outgoing.kind === "reply" && this.#expected.has(outgoing.to)) parts.connection.push(() => this.#hear(outgoing.to, outgoing.body));
    });
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  newId(): string {
    return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[this.#parts.random.below(ID_CHARACTERS.length)]).join("");
  }

  attend<T>(about: Address, wait: Promise<T>): Promise<T> {
    return this.#parts.attend === undefined ? wait : this.#parts.attend(about, wait);
  }

  async send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
    const about = formatAddress(to);
    if (body.length > this.maxBodyBytes)
      throw new TroupeError("too_large", `The message to ${about} has ${body.length} bytes; the server takes ${this.maxBodyBytes}`, {
        about,
      });
    // A start is one however often it arrives, by its actor's id; an event needs an id of its own.
    const sent = lane === "event" ? { [MESSAGE_ID]: this.newId(), ...headers } : headers;
    const { server, clock, sendDeadlineMs } = this.#parts;
    const deadlineAt = clock.monotonic() + sendDeadlineMs;
    for (;;) {
      try {
        await this.#request("publish", () => server.publish(lane, to, body, sent));
        return;
      } catch (error) {
        if (!isPassing(error) || this.#isClosed) throw error;
        if (clock.monotonic() >= deadlineAt)
          throw new TroupeError("no_answer", `The message to ${about} was not acknowledged within ${sendDeadlineMs} ms`, {
            about,
            cause: error,
          });
      }
      await new Promise<void>((resolve) => clock.after(RESEND_AFTER_MS, resolve));
    }
  }

  read(address: Address): Promise<Uint8Array | undefined> {
    return this.#request("read", () => this.#parts.server.ledger.whole(address)?.slice());
  }

  awaits(address: Address): Promise<boolean> {
    return this.#request("awaits", () => this.#parts.server.awaits(address));
  }

  async *watch(
    filter: { readonly type?: string; readonly id?: string },
    options: { readonly current?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<StateChange> {
    if (options.signal?.aborted === true) return;
    if (options.current === true) return yield* this.records(filter, options.signal);
    const { server, connection } = this.#parts;
    if (this.#isClosed || connection.phase !== "up") throw this.#unconnected();
    const watch = new Watch(server, connection, filter);
    this.#watches.add(watch);
    const stop = (): void => watch.end();
    options.signal?.addEventListener("abort", stop, { once: true });
    try {
      for await (const change of watch) {
        yield change;
        if (change.bytes === undefined && filter.type !== undefined && filter.id !== undefined) return;
      }
    } finally {
      options.signal?.removeEventListener("abort", stop);
      watch.end();
      this.#watches.delete(watch);
    }
  }

  async *records(filter: { readonly type?: string; readonly id?: string }, signal?: AbortSignal): AsyncIterable<StateChange> {
    const { ledger } = this.#parts.server;
    const stored = await this.#request("read", () =>
      ledger
        .recordsAfter(0, Infinity)
        .filter(({ address }) => fits(address, filter))
        .map(({ address }) => ({ address, bytes: ledger.whole(address)?.slice() })),
    );
    for (const change of stored) {
      if (signal?.aborted === true) return;
      if (change.bytes !== undefined) yield change;
    }
  }

  async *turns(address: Address, after: number): AsyncIterable<StoredTurn> {
    const { ledger } = this.#parts.server;
    yield* await this.#request("read", () =>
      ledger
        .turns(address)
        .filter(({ sequence }) => sequence > after)
        .map(({ sequence, bytes }) => ({ sequence, bytes })),
    );
  }

  expect(heard: (body: Uint8Array) => void): { readonly subject: string; forget(): void } {
    const subject = this.#inbox + this.#nextAnswer++;
    this.#expected.set(subject, heard);
    return { subject, forget: () => void this.#expected.delete(subject) };
  }

  /** Of several hosts that answer, the seed chooses one. */
  async ask(verb: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const { answerers, random, connection, clock } = this.#parts;
    if (this.#isClosed) throw this.#unconnected();
    if (answerers.size === 0)
      throw new TroupeError("no_host", `Nobody answers ${verb}: no host is running in this namespace`, { about: verb });
    const answerer = random.pick([...answerers]);
    const answer = connection.call<Promise<Uint8Array>>((reply) => {
      const made = answerer(verb, body.slice());
      const answered = (): void => reply(made);
      made.then(answered, answered);
    });
    answer.catch(() => {});
    return new Promise((resolve, reject) => {
      const deadline = clock.after(timeoutMs, () =>
        reject(new TroupeError("no_answer", `${verb} was not answered within ${timeoutMs} ms`, { about: verb })),
      );
      answer.then(resolve, reject).finally(() => deadline.cancel());
    });
  }

  async *deadLetters(filter: { readonly type?: string; readonly id?: string }): AsyncIterable<StoredDeadLetter> {
    const { ledger } = this.#parts.server;
    for (const { address, name, letter, at } of await this.#request("read", () => ledger.deadLetters))
      if (fits(address, filter)) yield { address, name, body: letter.body.slice(), at, header: (header) => letter.headers?.[header] ?? "" };
  }

  discard(address: Address, name: string): Promise<boolean> {
    return this.#request("discard", () => this.#parts.server.ledger.discard(address, name));
  }

  /** After a connection that was lost. */
  reconnected(): void {
    for (const watch of this.#watches) watch.resume();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#deaf();
    for (const watch of this.#watches) watch.end();
  }

  #hear(subject: string, body: Uint8Array): void {
    const heard = this.#expected.get(subject);
    this.#expected.delete(subject);
    heard?.(body.slice());
  }

  #request<T>(request: "publish" | "read" | "awaits" | "discard", serve: () => T): Promise<T> {
    return this.#isClosed ? Promise.reject(this.#unconnected()) : this.#parts.connection.request(request, serve);
  }

  #unconnected(): TroupeError {
    return new TroupeError("no_connection", `${this.#parts.connection.host} has no connection to the server`);
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof TroupeError && (error.code === "no_answer" || error.code === "no_connection");
}
