import { createInbox, nuid, type Msg, type NatsConnection, type Subscription } from "@nats-io/nats-core";
import { formatAddress, type Address, type Lane } from "../core/address.ts";
import { isHarmless } from "../core/api-verbs.ts";
import { isCover } from "../core/cover.ts";
import { fromErrorRecord, TroupeError, type ErrorRecord } from "../core/errors.ts";
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
import { watchActor } from "./actor-watch.ts";
import { Answers } from "./answers.ts";
import { bounded, insist, isSilence, type Passing, type Work } from "./bounds.ts";
import { closeConnection } from "./connection.ts";
import { isNobodyThere } from "./failures.ts";
import type { Layout } from "./layout.ts";
import { Link } from "./link.ts";
import { api, isMarker, NATS_HEADERS, type Names } from "./names.ts";
import { Lookout } from "./lookout.ts";
import { Quorum } from "./quorum.ts";
import { Reads } from "./reads.ts";
import { Sender } from "./sender.ts";
import type { Stored } from "./stored.ts";

export interface GatewayOptions {
  readonly connection: NatsConnection;
  readonly names: Names;
  /** Read when it is first needed: whoever only submits needs no right to read it. */
  readonly layout: () => Promise<Layout>;
  readonly inboxPrefix: string | undefined;
  readonly clock: Clock;
  /** How long a message is sent again and again until the server acknowledges it. */
  readonly sendDeadlineMs: number;
  /** How long everything else is asked for that names no timeout. */
  readonly callDeadlineMs: number;
  /** How long whoever waits for news outlasts that nothing can be read. */
  readonly outageMs: number;
}

const ANSWER_DEADLINE_MS = 2_000;
const LEAST_PER_PAGE = 256;
const MOST_PER_PAGE = 4_096;

/**
 * The way in over JetStream, and the view from outside.
 *
 * Owns: the acknowledgements it waits for, one inbox for outcomes. Calls in: the client.
 * G1. Everything is bounded: by its limits, and by the end of the client.
 * G2. What may be done twice is asked again until it is answered; what may not is asked again only where nobody heard it.
 */
export class NatsGateway implements Gateway {
  readonly callMs: number;
  readonly outageMs: number;
  readonly #options: GatewayOptions;
  readonly #link: Link;
  readonly #answers: Answers;
  readonly #quorum: Quorum;
  readonly #sender: Sender;
  #layout: Promise<Layout> | undefined;
  readonly #outcomes: string;
  readonly #expected = new Map<string, (body: Uint8Array) => void>();
  #nextOutcome = 1;
  readonly #subscription: Subscription;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#link = new Link(options.connection);
    this.#answers = new Answers(this.#link, options.inboxPrefix, ANSWER_DEADLINE_MS);
    this.#quorum = new Quorum(this.#link);
    this.#sender = new Sender(this.#link, this.#answers, options.names, options.sendDeadlineMs);
    this.callMs = options.callDeadlineMs;
    this.outageMs = options.outageMs;
    this.#outcomes = `${createInbox(options.inboxPrefix)}.`;
    this.#subscription = options.connection.subscribe(`${this.#outcomes}*`, {
      callback: (error, message) => {
        if (error === null) this.#outcome(message);
      },
    });
  }

  get maxBodyBytes(): number {
    return this.#sender.maxBodyBytes;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  newId(): string {
    return nuid.next();
  }

  attend<T>(_about: Address | undefined, wait: Promise<T>): Promise<T> {
    return wait;
  }

  get connection(): ConnectionState {
    return this.#link.state;
  }

  send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>, limits?: SendLimits): Promise<void> {
    return this.#sender.send(lane, to, body, headers, limits);
  }

  within<T>(limits: Limits, late: () => Error, work: Work<T>): Promise<T> {
    return bounded(this.#link, limits, late, work);
  }

  listen(listener: GatewayListener): () => void {
    this.#link.listen(listener);
    return () => this.#link.unlisten(listener);
  }

  read(address: Address, limits: Limits = {}): Promise<Uint8Array | undefined> {
    return this.#insist(formatAddress(address), limits, async () => (await this.#lookout()).record(address));
  }

  awaits(address: Address, limits: Limits = {}): Promise<boolean> {
    return this.#insist(formatAddress(address), limits, async () => (await this.#lookout()).awaits(address));
  }

  async *watch(address: Address, signal?: AbortSignal): AsyncIterable<StateChange> {
    const { names } = this.#options;
    const limits = { timeoutMs: this.outageMs, ...(signal === undefined ? {} : { signal }) };
    const read = (): Promise<Uint8Array | undefined> => this.read(address, limits);
    for await (const { bytes } of watchActor({ link: this.#link, names, read }, address, signal))
      yield { address, bytes: bytes !== undefined && isCover(bytes) ? await this.#whole(address, bytes, limits) : bytes };
  }

  async *turns(address: Address, after: number, signal?: AbortSignal): AsyncIterable<StoredTurn> {
    const { names } = this.#options;
    const limits = { timeoutMs: this.outageMs, ...(signal === undefined ? {} : { signal }) };
    for await (const page of this.#pages(names.streams.history, names.history(address), limits, after + 1))
      for (const { sequence, body } of page) yield { sequence, bytes: body };
  }

  async *records({ type }: { readonly type?: string }, limits: Limits = {}): AsyncIterable<StateChange> {
    const { names } = this.#options;
    for await (const page of this.#pages(names.streams.core, names.stateFilter(type), limits))
      for (const { subject, body, header } of page) {
        if (isMarker(header)) continue;
        const address = names.stateAddress(subject);
        yield { address, bytes: isCover(body) ? await this.#whole(address, body, limits) : body };
      }
  }

  async *deadLetters(filter: { readonly type?: string; readonly id?: string }, limits: Limits = {}): AsyncIterable<StoredDeadLetter> {
    const { names } = this.#options;
    for await (const page of this.#pages(names.streams.core, names.deadFilter(filter.type, filter.id), limits))
      for (const { subject, body, header } of page)
        if (!isMarker(header)) yield { ...names.deadAddress(subject), body, at: Date.parse(header(NATS_HEADERS.storedAt)), header };
  }

  async discard(address: Address, name: string): Promise<boolean> {
    const { names } = this.#options;
    const reply = await this.#link.demand<{ purged?: number }>(api.streamPurge(names.streams.core), { filter: names.dead(address, name) });
    return (reply.purged ?? 0) > 0;
  }

  expect(heard: (body: Uint8Array) => void): { readonly subject: string; forget(): void } {
    const subject = this.#outcomes + this.#nextOutcome++;
    this.#expected.set(subject, heard);
    return { subject, forget: () => void this.#expected.delete(subject) };
  }

  ask(verb: string, body: Uint8Array, limits: Limits = {}): Promise<Uint8Array> {
    const subject = this.#options.names.verbPrefix + verb;
    const { timeoutMs = this.callMs } = limits;
    const giveUpAt = performance.now() + timeoutMs;
    const passes = isHarmless(verb) ? isUnheardOrSilent : isUnheard;
    const attempt = async (): Promise<Uint8Array> =>
      answerIn(verb, await this.#request(subject, body, Math.max(1, giveUpAt - performance.now())));
    return insist(this.#link, subject, { ...limits, timeoutMs }, attempt, passes);
  }

  async close(): Promise<void> {
    const { connection } = this.#options;
    if (!connection.isClosed()) this.#subscription.unsubscribe();
    this.#link.close();
    this.#answers.close();
    await closeConnection(connection);
  }

  async #request(subject: string, body: Uint8Array, timeoutMs: number): Promise<Msg> {
    try {
      const message = await this.#link.request(subject, body, timeoutMs);
      if (isNobodyThere(message.headers?.code ?? 0)) throw noHost(subject);
      return message;
    } catch (error) {
      if (error instanceof TroupeError && error.message.includes("no responders")) throw noHost(subject);
      throw error;
    }
  }

  /** What may be asked twice. */
  #insist<T>(about: string, limits: Limits, attempt: () => Promise<T>): Promise<T> {
    return insist(this.#link, about, { timeoutMs: this.callMs, ...limits }, attempt);
  }

  /**
   * Every message of a stream that fits, oldest first; each page has the whole time. The first is for those who look at a few. For each
   * the server counts all that are still to come, so whoever goes on gets larger ones, and each while the one before is looked at.
   */
  async *#pages(stream: string, filter: string, limits: Limits, from = 1): AsyncIterable<readonly Stored[]> {
    const ask = (next: number, most: number): Promise<readonly Stored[]> =>
      this.#insist(filter, limits, async () => (await this.#reads()).following(stream, filter, next, most));
    let asked: Promise<readonly Stored[]> | undefined;
    for (let next = from, most = LEAST_PER_PAGE; ; most = Math.min(2 * most, MOST_PER_PAGE)) {
      const page = await (asked ?? ask(next, most));
      const last = page.at(-1);
      if (last === undefined) return;
      next = last.sequence + 1;
      if (most > LEAST_PER_PAGE) {
        asked = ask(next, Math.min(2 * most, MOST_PER_PAGE));
        asked.catch(() => {}); // told where it is waited for, if it is
      }
      yield page;
    }
  }

  /** A record that lies in parts may be told by what it has become since. */
  #whole(address: Address, bytes: Uint8Array, limits: Limits): Promise<Uint8Array | undefined> {
    return this.#insist(formatAddress(address), limits, async () => (await this.#lookout()).whole(address, bytes));
  }

  #knownLayout(): Promise<Layout> {
    if (this.#layout === undefined && !this.#link.connected)
      return Promise.reject(this.#link.unconnected(this.#options.names.streams.core));
    this.#layout ??= this.#link.unlessBroken(this.#options.names.streams.core, this.#options.layout()).catch((error: unknown) => {
      this.#layout = undefined;
      throw error;
    });
    return this.#layout;
  }

  async #reads(): Promise<Reads> {
    return new Reads(this.#answers, (await this.#knownLayout()).replicas);
  }

  async #lookout(): Promise<Lookout> {
    const layout = await this.#knownLayout();
    return new Lookout({ answers: this.#answers, quorum: this.#quorum, names: this.#options.names, layout });
  }

  #outcome(message: Msg): void {
    const heard = this.#expected.get(message.subject);
    this.#expected.delete(message.subject);
    heard?.(message.data);
  }
}

/** Certainly not done: nobody heard it. */
const isUnheard: Passing = ({ code }) => code === "no_connection" || code === "no_host";
const isUnheardOrSilent: Passing = (error) => isUnheard(error) || isSilence(error);

/** @throws the code in the answer */
function answerIn(verb: string, message: Msg): Uint8Array {
  if (message.headers !== undefined) {
    const { error } = JSON.parse(message.string()) as { error?: ErrorRecord };
    if (error !== undefined) throw fromErrorRecord(error, verb);
  }
  return message.data;
}

function noHost(subject: string): TroupeError {
  return new TroupeError("no_host", `Nobody answers ${subject}: no host is running in this namespace`, { about: subject });
}
