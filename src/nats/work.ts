import { randomBytes } from "node:crypto";
import { createInbox, type Msg } from "@nats-io/nats-core";
import { isLane, type Address, type StartLane } from "../core/address.ts";
import { decodeBody, encodeJson, encodeValue } from "../core/codec.ts";
import { HEADERS } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { readOwnerWord, readWorkerWord, type OwnerWord, type WorkerWord } from "../core/worker-talk.ts";
import type { Listening, Notice, QueueName, Work, WorkerCall, WorkItem } from "../ports/work.ts";
import type { Answers } from "./answers.ts";
import { isNobodyThere, wayInError } from "./failures.ts";
import { HeaderBlock, letterLines, line } from "./header-block.ts";
import type { Link } from "./link.ts";
import { api, NATS_HEADERS, type Names } from "./names.ts";
import { store } from "./pub-ack.ts";
import type { Reads } from "./reads.ts";
import { workConsumerRequest } from "./streams.ts";

export interface WorkParts {
  readonly link: Link;
  readonly answers: Answers;
  readonly reads: Reads;
  readonly names: Names;
  readonly inboxPrefix: string | undefined;
}

const ANSWER_MS = 2_000;
const FETCH_MS = 2_000;
const TOKEN_BYTES = 18;
const NOTHING = new Uint8Array(0);

/**
 * Offered work in JetStream: WORK sources it from CORE, and has a consumer for each lane and type that was ever offered. What is said of
 * it meanwhile is core NATS.
 *
 * Owns: its subscriptions, and which consumers it knows to be there. Calls in: the runtime's offers and taker.
 * W1. A consumer is there before hosts are told that something waits.
 */
export class JetStreamWork implements Work {
  readonly #parts: WorkParts;
  readonly #consumers = new Set<string>();

  constructor(parts: WorkParts) {
    this.#parts = parts;
  }

  newToken(): string {
    return randomBytes(TOKEN_BYTES).toString("base64url");
  }

  ownerOf(partition: number, address: Address): string {
    return this.#parts.names.attempt(partition, address);
  }

  attend(partition: number, heard: (call: WorkerCall) => void): Listening {
    const { names } = this.#parts;
    return this.#subscribe(names.attemptsOf(partition), (message) => {
      const word = readWorkerWord(decoded(message));
      if (word === undefined) return;
      const address = names.attemptAddress(message.subject);
      heard({ address, word, answer: (said) => void (this.#parts.link.connected && message.respond(encodeJson(said))) });
    });
  }

  push(subject: string, word: OwnerWord & { readonly token: string }): void {
    try {
      this.#publish(subject, encodeJson(word));
    } catch {
      // A worker named it, and it may be no subject at all. It learns by its next sign of life.
    }
  }

  withdraw(lane: StartLane, address: Address): void {
    const { link, names } = this.#parts;
    link.call(api.streamPurge(names.streams.work), { filter: names.work(lane, address) }).catch(() => {});
  }

  async find(lane: StartLane, address: Address): Promise<WorkItem | undefined> {
    const { reads, names } = this.#parts;
    const found = await reads.newestOne(names.streams.work, names.work(lane, address));
    if (found === undefined) return undefined;
    const { body, header } = found;
    return { ...address, lane, body, header, acknowledge: () => this.withdraw(lane, address), giveBack() {} };
  }

  announce(notice: Notice): void {
    const { names } = this.#parts;
    const tell = (): void => this.#publish(names.hostNotice(notice.host, notice.kind), encodeJson(notice));
    const missing =
      notice.kind === "offers" ? notice.queues.filter(({ lane, type }) => !this.#consumers.has(names.workConsumer(lane, type))) : [];
    if (missing.length === 0) tell();
    // Where that fails hosts are told in a second.
    else Promise.all(missing.map(({ lane, type }) => this.#create(lane, type))).then(tell, () => {});
  }

  hear(heard: (notice: Notice) => void): Listening {
    const { names } = this.#parts;
    const kinds = (["slots", "offers"] as const).map((kind) =>
      this.#subscribe(names.hostNotice("*", kind), (message) => {
        const notice = readNotice(decoded(message));
        if (notice !== undefined) heard(notice);
      }),
    );
    return { close: () => kinds.forEach((each) => each.close()) };
  }

  async fetch(lane: StartLane, type: string, count: number): Promise<readonly WorkItem[]> {
    const { link, names, inboxPrefix } = this.#parts;
    link.demandConnection(names.streams.work);
    const items: WorkItem[] = [];
    let isMissing = false;
    const inbox = createInbox(inboxPrefix);
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, FETCH_MS);
      late.unref();
      const end = (): void => {
        clearTimeout(late);
        resolve();
      };
      const listening = this.#subscribe(inbox, (message) => {
        const item = this.#item(lane, message);
        if (item !== undefined) items.push(item);
        isMissing = isNobodyThere(message.headers?.code ?? 0) && item === undefined;
        if (item !== undefined && items.length < count) return;
        listening.close();
        end();
      });
      this.#publish(names.workPull(lane, type), encodeJson({ batch: count, no_wait: true }), inbox);
    });
    if (isMissing) await this.#create(lane, type);
    return items;
  }

  async ask(owner: string, word: WorkerWord): Promise<OwnerWord | undefined> {
    const { link } = this.#parts;
    if (!link.connected) return undefined;
    const { body, contentType } = encodeValue(word);
    const headers = new HeaderBlock(line(HEADERS.contentType, contentType)).asHeaders();
    try {
      return readOwnerWord(decoded(await link.unlessBroken(owner, link.connection.request(owner, body, { timeout: ANSWER_MS, headers }))));
    } catch {
      // Nobody attends, or not in time.
      return undefined;
    }
  }

  tell(owner: string, word: WorkerWord): void {
    const { body, contentType } = encodeValue(word);
    if (this.#parts.link.connected) this.#parts.link.publish(owner, body, new HeaderBlock(line(HEADERS.contentType, contentType)));
  }

  listen(told: (word: OwnerWord & { readonly token: string }) => void): Listening & { readonly subject: string } {
    const subject = createInbox(this.#parts.inboxPrefix);
    const listening = this.#subscribe(subject, (message) => {
      const value = decoded(message) as { readonly token?: unknown } | undefined;
      const word = readOwnerWord(value);
      if (word !== undefined && typeof value?.token === "string") told({ ...word, token: value.token });
    });
    return { subject, close: () => listening.close() };
  }

  async report(to: Address, messageId: string, body: Uint8Array, headers: Readonly<Record<string, string>>): Promise<void> {
    const { link, answers, names } = this.#parts;
    const subject = names.wayIn("event", to);
    const block = new HeaderBlock(line(NATS_HEADERS.messageId, messageId) + letterLines(headers));
    if (body.length + block.bytes.length > link.maxPayloadBytes)
      throw new TroupeError("too_large", `A result for ${subject} has ${body.length} bytes`, { about: subject });
    const answer = await store(answers, subject, body, block);
    if (answer.kind === "silent") throw answer.cause;
    if (answer.kind === "absent") throw new TroupeError("not_provisioned", `No stream takes ${subject}`, { about: subject });
    if (answer.kind === "failed") throw wayInError(answer.failure, subject);
  }

  async #create(lane: StartLane, type: string): Promise<void> {
    const { link, names } = this.#parts;
    const consumer = names.workConsumer(lane, type);
    const stream = names.streams.work;
    await link.demand(api.consumerCreate(stream, consumer), workConsumerRequest(stream, consumer, names.workOf(lane, type)));
    this.#consumers.add(consumer);
  }

  /** Undefined for what only says how the fetch went. */
  #item(lane: StartLane, message: Msg): WorkItem | undefined {
    const { reply = "" } = message;
    if (reply === "") return undefined;
    const acknowledge = (body: Uint8Array): void => this.#publish(reply, body);
    return {
      ...this.#parts.names.workAddress(message.subject),
      lane,
      body: message.data,
      header: (name) => message.headers?.get(name) ?? "",
      acknowledge: () => acknowledge(NOTHING),
      giveBack: () => acknowledge(GIVEN_BACK),
    };
  }

  #publish(subject: string, body: Uint8Array, reply?: string): void {
    if (this.#parts.link.connected) this.#parts.link.publish(subject, body, undefined, reply);
  }

  #subscribe(subject: string, heard: (message: Msg) => void): Listening {
    const { connection } = this.#parts.link;
    const subscription = connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) heard(message);
      },
    });
    return { close: () => void (connection.isClosed() || subscription.unsubscribe()) };
  }
}

/** JetStream's word for what somebody else may have now. */
const GIVEN_BACK = Buffer.from("-NAK");

function decoded(message: Msg): unknown {
  try {
    return decodeBody(message.data, message.headers?.get(HEADERS.contentType) ?? "");
  } catch {
    return undefined; // said by something else than troupe, or in a way that nobody understands
  }
}

function readNotice(value: unknown): Notice | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, host, free, labels, queues } = value as Readonly<Record<string, unknown>>;
  if (typeof host !== "string") return undefined;
  if (kind === "slots" && typeof free === "number" && Array.isArray(labels)) return { kind, host, free, labels: labels.map(String) };
  return kind === "offers" && Array.isArray(queues) && queues.every(isQueueName) ? { kind, host, queues } : undefined;
}

function isQueueName(value: unknown): value is QueueName {
  if (typeof value !== "object" || value === null) return false;
  const { lane, type } = value as Readonly<Record<string, unknown>>;
  return typeof lane === "string" && isLane(lane) && lane !== "event" && typeof type === "string";
}
