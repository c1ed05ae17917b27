import { formatAddress, type Address, type Lane } from "../core/address.ts";
import { isHarmless } from "../core/api-verbs.ts";
import { TroupeError } from "../core/errors.ts";
import type { Over } from "../core/over.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  ConnectionState,
  Gateway,
  GatewayListener,
  Limits,
  SendLimits,
  StateChange,
  StoredDeadLetter,
  StoredTurn,
} from "../ports/gateway.ts";
import { bounded, isSilence, isUnheard, pause, type Passing } from "./bounds.ts";
import type { Connection } from "./connection.ts";
import type { Outgoing } from "./outlet.ts";
import type { Random } from "./random.ts";
import { MESSAGE_ID, type Server } from "./server.ts";
import { Watch } from "./watch.ts";

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
  /** As those of the adapter for NATS. */
  readonly sendDeadlineMs: number;
  readonly callDeadlineMs: number;
  readonly outageMs: number;
}

interface Filter {
  readonly type?: string;
  readonly id?: string;
}

const SERVER = "memory";
const ID_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 12;

/**
 * The way in to the simulated server, and the view from outside, over a connection of its own.
 *
 * Owns: its watches, and what waits for answers. Calls in: the client. Calls out: listeners, in the order they came.
 * G1. A message is acknowledged or sent again with the same id until its deadline: a lost acknowledgement makes no second one.
 * G2. Everything is bounded: by its limits, and by the end of the client.
 */
export class MemoryGateway implements Gateway {
  readonly maxBodyBytes: number;
  readonly callMs: number;
  readonly outageMs: number;
  readonly #parts: GatewayParts;
  readonly #expected = new Map<string, (body: Uint8Array) => void>();
  readonly #listeners = new Set<GatewayListener>();
  readonly #inbox: string;
  readonly #deaf: readonly (() => void)[];
  #state: ConnectionState;
  #nextAnswer = 1;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
    this.maxBodyBytes = parts.server.limits.maxWriteBytes;
    this.callMs = parts.callDeadlineMs;
    this.outageMs = parts.outageMs;
    this.#inbox = `_INBOX.${this.newId()}.`;
    this.#state = { state: "connected", server: SERVER, since: parts.clock.now() };
    this.#deaf = [
      parts.onOutgoing((outgoing) => {
        if (outgoing.kind === "reply" && this.#expected.has(outgoing.to))
          parts.connection.push(() => this.#hear(outgoing.to, outgoing.body));
      }),
      parts.connection.listen({
        disconnected: () => this.#become({ state: "reconnecting", server: SERVER, since: parts.clock.now(), tries: 0 }),
        reconnected: () => {
          this.#become({ state: "connected", server: SERVER, since: parts.clock.now() });
          for (const listener of this.#listeners) listener.reconnected?.();
        },
      }),
    ];
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get connection(): ConnectionState {
    return this.#state;
  }

  newId(): string {
    return Array.from({ length: ID_LENGTH }, () => ID_CHARACTERS[this.#parts.random.below(ID_CHARACTERS.length)]).join("");
  }

  attend<T>(about: Address | undefined, wait: Promise<T>): Promise<T> {
    return this.#parts.attend === undefined ? wait : this.#parts.attend(about, wait);
  }

  listen(listener: GatewayListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  within<T>(limits: Limits, late: () => Error, work: (over: Over) => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(stopped());
    return bounded({ clock: this.clock, onClosed: (closed) => this.listen({ closed }) }, limits, late, work);
  }

  async send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>, limits: SendLimits = {}): Promise<void> {
    const about = formatAddress(to);
    if (body.length > this.maxBodyBytes)
      throw new TroupeError("too_large", `The message to ${about} has ${body.length} bytes; the server takes ${this.maxBodyBytes}`, {
        about,
      });
    const { server, connection, sendDeadlineMs } = this.#parts;
    const { timeoutMs = sendDeadlineMs, signal, id } = limits;
    // A start is one however often it arrives, by its actor's id; an event needs an id of its own.
    const sent = lane === "event" ? { [MESSAGE_ID]: id ?? this.newId(), ...headers } : headers;
    let hasLeft = false;
    const unacknowledged = (why: string, cause?: Error): TroupeError =>
      new TroupeError(
        hasLeft ? "no_answer" : "no_connection",
        `The message to ${about} was not acknowledged (${why}); it ${hasLeft ? "may be" : "is not"} stored`,
        { about, ...(cause === undefined ? {} : { cause }) },
      );
    const late = (): Error => unacknowledged(`not within ${timeoutMs} ms`);
    try {
      await this.#insist(late, signal === undefined ? { timeoutMs } : { timeoutMs, signal }, () => {
        hasLeft ||= connection.phase === "up";
        return this.#request("publish", () => server.publish(lane, to, body, sent));
      });
    } catch (error) {
      throw signal?.aborted === true && error === signal.reason ? unacknowledged("the caller gave up", error as Error) : error;
    }
  }

  read(address: Address, limits: Limits = {}): Promise<Uint8Array | undefined> {
    return this.#look("read", formatAddress(address), limits, ({ ledger }) => ledger.whole(address)?.slice());
  }

  awaits(address: Address, limits: Limits = {}): Promise<boolean> {
    return this.#look("awaits", formatAddress(address), limits, (server) => server.awaits(address));
  }

  async *watch(address: Address, signal?: AbortSignal): AsyncIterable<StateChange> {
    if (signal?.aborted === true) return;
    if (this.#isClosed) throw stopped();
    const watch = new Watch({ ...this.#parts, outageMs: this.outageMs }, address);
    const deaf = this.listen({ closed: (reason) => watch.end(reason) });
    const stop = (): void => watch.end();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      for await (const change of watch) {
        yield change;
        if (change.bytes === undefined) return;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
      deaf();
      watch.end();
    }
  }

  async *records(filter: { readonly type?: string }, limits: Limits = {}): AsyncIterable<StateChange> {
    const stored = await this.#look("read", "records", limits, ({ ledger }) =>
      ledger
        .recordsAfter(0, Infinity)
        .filter(({ address }) => fits(address, filter))
        .map(({ address }) => ({ address, bytes: ledger.whole(address)?.slice() })),
    );
    for (const change of stored) if (change.bytes !== undefined) yield change;
  }

  async *turns(address: Address, after: number, signal?: AbortSignal): AsyncIterable<StoredTurn> {
    const limits = { timeoutMs: this.outageMs, ...(signal === undefined ? {} : { signal }) };
    yield* await this.#look("read", formatAddress(address), limits, ({ ledger }) =>
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
  ask(verb: string, body: Uint8Array, limits: Limits = {}): Promise<Uint8Array> {
    const { timeoutMs = this.callMs } = limits;
    const passes: Passing = (error) => isUnheard(error) || (isHarmless(verb) && isSilence(error));
    return this.#insist(
      `${verb} was not answered within ${timeoutMs} ms`,
      { ...limits, timeoutMs },
      () => this.#askOnce(verb, body),
      passes,
    );
  }

  async *deadLetters(filter: Filter, limits: Limits = {}): AsyncIterable<StoredDeadLetter> {
    for (const { address, name, letter, at } of await this.#look("read", "dead letters", limits, ({ ledger }) => ledger.deadLetters))
      if (fits(address, filter)) yield { address, name, body: letter.body.slice(), at, header: (header) => letter.headers?.[header] ?? "" };
  }

  discard(address: Address, name: string): Promise<boolean> {
    return this.#request("discard", () => this.#parts.server.ledger.discard(address, name));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    for (const deaf of this.#deaf) deaf();
    this.#become({ state: "closed", since: this.clock.now() });
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.closed?.(stopped());
  }

  get #isClosed(): boolean {
    return this.#state.state === "closed";
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener.changed?.(state);
  }

  #hear(subject: string, body: Uint8Array): void {
    const heard = this.#expected.get(subject);
    this.#expected.delete(subject);
    heard?.(body.slice());
  }

  async #askOnce(verb: string, body: Uint8Array): Promise<Uint8Array> {
    const { answerers, random, connection } = this.#parts;
    if (answerers.size === 0)
      throw new TroupeError("no_host", `Nobody answers ${verb}: no host is running in this namespace`, { about: verb });
    const answerer = random.pick([...answerers]);
    return connection.call<Promise<Uint8Array>>((reply) => {
      const made = answerer(verb, body.slice());
      const answered = (): void => reply(made);
      made.then(answered, answered);
    });
  }

  /** What may be asked twice. */
  #look<T>(request: "read" | "awaits", about: string, limits: Limits, serve: (server: Server) => T): Promise<T> {
    const { timeoutMs = this.callMs } = limits;
    const why = `${about}: no answer within ${timeoutMs} ms`;
    return this.#insist(why, { ...limits, timeoutMs }, () => this.#request(request, () => serve(this.#parts.server)));
  }

  /** Asks again until there is an answer, within limits; then what failed last is thrown, or what `late` makes. */
  #insist<T>(late: string | (() => Error), limits: Limits, attempt: () => Promise<T>, passes: Passing = isSilence): Promise<T> {
    let last: Error | undefined;
    const tooLate = typeof late === "string" ? () => last ?? new TroupeError("no_answer", late) : late;
    return this.within(limits, tooLate, async (over) => {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          if (!(error instanceof TroupeError && passes(error))) throw error;
          last = error;
        }
        await pause(this.#parts, over);
        if (over.isOver) throw last;
      }
    });
  }

  #request<T>(request: "publish" | "read" | "awaits" | "discard", serve: () => T): Promise<T> {
    return this.#isClosed ? Promise.reject(stopped()) : this.#parts.connection.request(request, serve);
  }
}

/** Whether an address is among those that a filter asks for. */
function fits(address: Address, { type, id }: Filter): boolean {
  return (type === undefined || type === address.type) && (id === undefined || id === address.id);
}

function stopped(): TroupeError {
  return new TroupeError("stopped", "The client was closed");
}
