import { createInbox, nuid, type Msg, type NatsConnection, type Subscription } from "@nats-io/nats-core";
import { DeliverPolicy, jetstream, type ConsumerMessages, type JsMsg } from "@nats-io/jetstream";
import type { Address, Lane } from "../core/address.ts";
import type { Clock } from "../ports/clock.ts";
import { isCover } from "../core/cover.ts";
import { partitionOf } from "../core/placement.ts";
import { fromErrorRecord, TroupeError, type ErrorRecord } from "../core/errors.ts";
import type { Gateway, StateChange, StoredDeadLetter, StoredTurn } from "../ports/gateway.ts";
import { patiently, watchActor } from "./actor-watch.ts";
import { Answers } from "./answers.ts";
import { classifyWrite, isNobodyThere, wayInError } from "./failures.ts";
import { HeaderBlock, letterLines } from "./header-block.ts";
import type { Layout } from "./layout.ts";
import { Link } from "./link.ts";
import { api, isMarker, NATS_HEADERS, type Names } from "./names.ts";
import { isStored, readPubAck, store, type StoreAnswer } from "./pub-ack.ts";
import { Reads } from "./reads.ts";
import { Records } from "./records.ts";

export interface GatewayOptions {
  readonly connection: NatsConnection;
  readonly names: Names;
  /** Read when it is first needed: whoever only submits needs no right to read it. */
  readonly layout: () => Promise<Layout>;
  readonly inboxPrefix: string | undefined;
  readonly clock: Clock;
  /** How long a message is sent again and again until the server acknowledges it. */
  readonly sendDeadlineMs: number;
}

/** A message on its way in, as it is sent again. */
interface Outgoing {
  readonly subject: string;
  readonly to: Address;
  readonly body: Uint8Array;
  readonly block: HeaderBlock | undefined;
}

const ANSWER_DEADLINE_MS = 2_000;
const ROOM_FOR_HEADERS_BYTES = 1_024;

/**
 * The way in over JetStream, and the view from outside.
 *
 * Owns: the acknowledgements it waits for, one inbox for outcomes. Calls in: the client.
 * G1. A message is acknowledged or sent again with the same id until its deadline: a lost acknowledgement makes no second one.
 */
export class NatsGateway implements Gateway {
  readonly #options: GatewayOptions;
  readonly #link: Link;
  readonly #answers: Answers;
  #layout: Promise<Layout> | undefined;
  readonly #outcomes: string;
  readonly #expected = new Map<string, (body: Uint8Array) => void>();
  #nextOutcome = 1;
  readonly #subscription: Subscription;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#link = new Link(options.connection);
    this.#answers = new Answers(this.#link, options.inboxPrefix, ANSWER_DEADLINE_MS);
    this.#outcomes = `${createInbox(options.inboxPrefix)}.`;
    this.#subscription = options.connection.subscribe(`${this.#outcomes}*`, {
      callback: (error, message) => {
        if (error === null) this.#outcome(message);
      },
    });
  }

  get maxBodyBytes(): number {
    return this.#link.maxPayloadBytes - ROOM_FOR_HEADERS_BYTES;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  newId(): string {
    return nuid.next();
  }

  attend<T>(_about: Address, wait: Promise<T>): Promise<T> {
    return wait;
  }

  send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
    if (body.length > this.maxBodyBytes) {
      const about = `${to.type}/${to.id}`;
      return Promise.reject(
        new TroupeError("too_large", `The message to ${about} has ${body.length} bytes; the server takes ${this.maxBodyBytes}`, { about }),
      );
    }
    // A start is one however often it arrives, by its actor's id; an event needs an id of its own.
    const lines = lane === "event" ? letterLines({ [NATS_HEADERS.messageId]: nuid.next(), ...headers }) : letterLines(headers);
    const block = lines === "" ? undefined : new HeaderBlock(lines);
    const subject = this.#options.names.wayIn(lane, to);
    return new Promise((resolve, reject) => {
      this.#answers.send(subject, body, block, {
        heard: (message) => {
          if (isStored(message.data)) resolve();
          else this.#sendAgain({ subject, to, body, block }, readPubAck(message)).then(resolve, reject);
          return true;
        },
        silent: (cause) => void this.#sendAgain({ subject, to, body, block }, { kind: "silent", cause }).then(resolve, reject),
      });
    });
  }

  /** Whatever was not plainly stored the first time. */
  async #sendAgain(message: Outgoing, first: StoreAnswer): Promise<void> {
    const about = `${message.to.type}/${message.to.id}`;
    const deadlineAt = performance.now() + this.#options.sendDeadlineMs;
    for (let answer = first; ; answer = await store(this.#answers, message.subject, message.body, message.block)) {
      if (answer.kind === "stored") return;
      if (answer.kind === "failed" && classifyWrite(answer.failure) !== "again") throw wayInError(answer.failure, about);
      if (performance.now() >= deadlineAt) throw unanswered(answer, about, this.#options.sendDeadlineMs);
      await pause();
    }
  }

  async read(address: Address): Promise<Uint8Array | undefined> {
    const records = await this.#records();
    return records.whole(address, (await records.stored([address]))[0]);
  }

  async awaits(address: Address): Promise<boolean> {
    const { names } = this.#options;
    const { partitions } = await this.#knownLayout();
    const partition = partitionOf(address.type, address.id, partitions);
    const way = (["high", "normal", "low"] as const).map((lane) => names.storedIn(partition, lane, address));
    return (await (await this.#reads()).newest(names.streams.in, way)).size > 0;
  }

  async *watch(
    filter: { readonly type?: string; readonly id?: string },
    options: { readonly current?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<StateChange> {
    const { names } = this.#options;
    const { type, id } = filter;
    if (type !== undefined && id !== undefined && options.current !== true) {
      const read = (address: Address): Promise<Uint8Array | undefined> => this.read(address);
      for await (const change of watchActor({ link: this.#link, names, read }, { type, id }, options.signal)) yield this.#whole(change);
      return;
    }
    for await (const message of this.#follow(names.stateFilter(type, id), options)) {
      const address = names.stateAddress(message.subject);
      const removed = isMarker((name) => message.headers?.get(name) ?? "");
      yield this.#whole({ address, bytes: removed ? undefined : message.data });
    }
  }

  /** A change of a record that lies in parts may be told by what it has become since. */
  async #whole({ address, bytes }: StateChange): Promise<StateChange> {
    if (bytes === undefined || !isCover(bytes)) return { address, bytes };
    return { address, bytes: await (await this.#records()).whole(address, bytes) };
  }

  async *turns(address: Address, after: number): AsyncIterable<StoredTurn> {
    const { names } = this.#options;
    const reads = await this.#reads();
    for (let from = after + 1; ;) {
      const some = await patiently(this.#link, () => reads.following(names.streams.history, names.history(address), from));
      for (const { sequence, body } of some) yield { sequence, bytes: body };
      const last = some.at(-1);
      if (last === undefined) return;
      from = last.sequence + 1;
    }
  }

  async *records({ type }: { readonly type?: string }): AsyncIterable<StateChange> {
    const { names } = this.#options;
    const reads = await this.#reads();
    for (let from = 1; ;) {
      const some = await reads.following(names.streams.core, names.stateFilter(type), from);
      for (const { subject, body, header } of some)
        if (!isMarker(header)) yield this.#whole({ address: names.stateAddress(subject), bytes: body });
      const last = some.at(-1);
      if (last === undefined) return;
      from = last.sequence + 1;
    }
  }

  async *deadLetters(filter: { readonly type?: string; readonly id?: string }): AsyncIterable<StoredDeadLetter> {
    const { names } = this.#options;
    for await (const message of this.#follow(names.deadFilter(filter.type, filter.id), { current: true })) {
      const header = (name: string): string => message.headers?.get(name) ?? "";
      if (isMarker(header)) continue;
      yield { ...names.deadAddress(message.subject), body: message.data, at: message.time.getTime(), header };
    }
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

  async ask(verb: string, body: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    const subject = this.#options.names.verbPrefix + verb;
    const message = await this.#request(subject, body, timeoutMs);
    const answer = message.data;
    if (isNobodyThere(message.headers?.code ?? 0)) throw noHost(subject);
    if (message.headers !== undefined) {
      const { error } = JSON.parse(message.string()) as { error?: ErrorRecord };
      if (error !== undefined) throw fromErrorRecord(error, verb);
    }
    return answer;
  }

  async close(): Promise<void> {
    if (!this.#options.connection.isClosed()) this.#subscription.unsubscribe();
    this.#answers.close();
    this.#link.close();
    await this.#options.connection.close();
  }

  async #request(subject: string, body: Uint8Array, timeoutMs: number): Promise<Msg> {
    try {
      return await this.#link.request(subject, body, timeoutMs);
    } catch (error) {
      if (error instanceof TroupeError && error.message.includes("no responders")) throw noHost(subject);
      throw error;
    }
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

  async #records(): Promise<Records> {
    return new Records(await this.#reads(), this.#options.names);
  }

  #outcome(message: Msg): void {
    const heard = this.#expected.get(message.subject);
    this.#expected.delete(message.subject);
    heard?.(message.data);
  }

  /** The newest message of every subject that fits, then every later one; an ordered consumer, which mends itself. */
  async *#follow(filter: string, options: { readonly current?: boolean; readonly signal?: AbortSignal }): AsyncIterable<JsMsg> {
    if (options.signal?.aborted === true) return;
    this.#link.demandConnection(filter);
    const { connection, names } = this.#options;
    const ordered = { filter_subjects: filter, deliver_policy: DeliverPolicy.LastPerSubject };
    const consumer = await this.#link.unlessBroken(filter, jetstream(connection).consumers.get(names.streams.core, ordered));
    const pending = async () => (await this.#link.unlessBroken(filter, consumer.info(true))).num_pending;
    let left = options.current === true ? await pending() : Number.POSITIVE_INFINITY;
    if (left === 0) {
      await consumer.delete();
      return;
    }
    const messages: ConsumerMessages = await consumer.consume();
    const stop = (): void => messages.stop();
    options.signal?.addEventListener("abort", stop, { once: true });
    try {
      for await (const message of messages) {
        yield message;
        if (--left <= 0) return;
      }
    } finally {
      options.signal?.removeEventListener("abort", stop);
      messages.stop();
      if (!connection.isClosed()) await consumer.delete().catch(() => false);
    }
  }
}

function noHost(subject: string): TroupeError {
  return new TroupeError("no_host", `Nobody answers ${subject}: no host is running in this namespace`, { about: subject });
}

function unanswered(answer: { readonly kind: string; readonly cause?: unknown }, about: string, deadlineMs: number): TroupeError {
  if (answer.kind === "absent")
    return new TroupeError(
      "not_provisioned",
      `No stream takes messages for ${about}; start a host once, or let a deployer create the streams`,
      { about },
    );
  return new TroupeError("no_answer", `The message to ${about} was not acknowledged within ${deadlineMs} ms`, {
    about,
    cause: answer.cause,
  });
}

const RESEND_AFTER_MS = 100;
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RESEND_AFTER_MS));
}
