import { PermissionViolationError, type Msg, type NatsConnection } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import { apiError, isNobodyThere, type ApiFailure } from "./failures.ts";
import type { HeaderBlock } from "./header-block.ts";

/** Something that must know when the connection breaks and mends. */
export interface LinkListener {
  disconnected?(): void;
  reconnected?(): void;
}

const API_DEADLINE_MS = 5000;

/**
 * One connection as the adapter's parts share it: whether it stands, who wants to know, and requests with a deadline.
 *
 * Owns: the connection's state. Calls in: every part. Calls out: listeners, in the order they came.
 * L1. `connected` turns false before any listener hears of it: what is sent afterwards would be dropped silently by the client
 *     (nats-core empties its outbound buffer when it dials), so senders look at it first.
 * L2. The connection itself belongs to whoever opened it; `close` only stops listening.
 */
export class Link {
  readonly connection: NatsConnection;
  readonly #listeners = new Set<LinkListener>();
  #connected = true;
  #interruptions = 0;
  #closed = false;
  #connectedAt = Number.NEGATIVE_INFINITY;
  #complaint: Error | undefined;

  constructor(connection: NatsConnection) {
    this.connection = connection;
    void this.#watch();
  }

  /** What the server last complained about: a publish that permissions forbid is answered by nothing else. */
  get complaint(): Error | undefined {
    return this.#complaint;
  }

  get connected(): boolean {
    return this.#connected && !this.#closed && !this.connection.isClosed();
  }

  /** How often the connection was lost. */
  get interruptions(): number {
    return this.#interruptions;
  }

  /** Milliseconds since the connection was last mended; a large number if it never broke. */
  get steadyForMs(): number {
    return performance.now() - this.#connectedAt;
  }

  get maxPayloadBytes(): number {
    return this.connection.info?.max_payload ?? 1_048_576;
  }

  listen(listener: LinkListener): void {
    this.#listeners.add(listener);
  }

  unlisten(listener: LinkListener): void {
    this.#listeners.delete(listener);
  }

  publish(subject: string, body: Uint8Array, headers?: HeaderBlock, reply?: string): void {
    this.connection.publish(subject, body, publishOptions(headers, reply));
  }

  /** @throws no_answer, no_connection, no_permission */
  async request(subject: string, body: Uint8Array | string, deadlineMs: number): Promise<Msg> {
    this.demandConnection(subject);
    try {
      return await this.unlessBroken(subject, this.connection.request(subject, body, { timeout: deadlineMs }));
    } catch (cause) {
      if (cause instanceof TroupeError) throw cause;
      if (isForbidden(cause))
        throw new TroupeError("no_permission", `The account may not publish to ${subject}`, { about: subject, cause });
      throw new TroupeError("no_answer", `${subject}: ${(cause as Error).message}`, { about: subject, cause });
    }
  }

  /** A JetStream API call; its failure is returned, not thrown. @throws no_answer, no_connection */
  async call<Reply extends object>(
    subject: string,
    body?: object,
    deadlineMs: number = API_DEADLINE_MS,
  ): Promise<Reply | { error: ApiFailure }> {
    const message = await this.request(subject, body === undefined ? "" : JSON.stringify(body), deadlineMs);
    const code = message.headers?.code ?? 0;
    if (isNobodyThere(code)) throw new TroupeError("no_answer", `${subject}: JetStream is not there`, { about: subject });
    return JSON.parse(message.string()) as Reply | { error: ApiFailure };
  }

  /** The same, for calls that no failure is expected of. @throws also not_provisioned, defect */
  async demand<Reply extends object>(subject: string, body?: object, deadlineMs?: number): Promise<Reply> {
    const reply = await this.call<Reply>(subject, body, deadlineMs);
    if ("error" in reply) throw apiError(reply.error, subject);
    return reply;
  }

  /** What the client answers, or the end of the connection if that comes first: the client would wait for its own deadline. @throws no_connection */
  async unlessBroken<T>(about: string, answer: Promise<T>): Promise<T> {
    let listener: LinkListener = {};
    const broken = new Promise<never>((_, reject) => {
      listener = {
        disconnected: () => reject(new TroupeError("no_connection", `${about}: the connection broke before the answer came`, { about })),
      };
      this.listen(listener);
    });
    try {
      return await Promise.race([answer, broken]);
    } finally {
      this.unlisten(listener);
    }
  }

  /** @throws no_connection */
  demandConnection(about: string): void {
    if (!this.connected) throw this.unconnected(about);
  }

  unconnected(about: string): TroupeError {
    return new TroupeError("no_connection", `${about} was not asked for: the connection is down`, { about });
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (this.#closed) return;
      if (status.type === "error") this.#complaint = status.error;
      if (status.type === "disconnect" || status.type === "close") {
        this.#connected = false;
        this.#interruptions++;
        for (const listener of this.#listeners) listener.disconnected?.();
      } else if (status.type === "reconnect") {
        this.#connected = true;
        this.#connectedAt = performance.now();
        for (const listener of this.#listeners) listener.reconnected?.();
      }
    }
  }
}

/** The client tells whoever waits for a request that permissions forbid. */
function isForbidden(error: unknown): boolean {
  return [error, (error as { cause?: unknown }).cause].some((each) => each instanceof PermissionViolationError);
}

function publishOptions(headers: HeaderBlock | undefined, reply: string | undefined) {
  if (headers === undefined) return reply === undefined ? undefined : { reply };
  return reply === undefined ? { headers: headers.asHeaders() } : { headers: headers.asHeaders(), reply };
}
