import { errors, type Msg, type NatsConnection, type Status } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import type { ConnectionState } from "../ports/gateway.ts";
import { apiError, isNobodyThere, type ApiFailure } from "./failures.ts";
import type { HeaderBlock } from "./header-block.ts";

/** Something that must know when the connection breaks and mends. */
export interface LinkListener {
  disconnected?(): void;
  reconnected?(): void;
  /** The last that it hears: nobody may wait any longer. */
  closed?(reason: TroupeError): void;
  changed?(state: ConnectionState): void;
}

/** A publish that the server's permissions forbade, and when. */
interface Refusal {
  readonly error: Error;
  readonly at: number;
}

const API_DEADLINE_MS = 5000;
/** Refusals that are remembered; who is refused more than this has other worries. */
const MOST_REFUSALS = 256;

/**
 * One connection as the adapter's parts share it: whether it stands, who wants to know, and requests with a deadline.
 *
 * Owns: the connection's state. Calls in: every part. Calls out: listeners, in the order they came.
 * The codes of what failed say what is known: `no_connection` where nothing left this process, `no_answer` where it may have arrived.
 * L1. `connected` turns false before any listener hears of it: what is sent afterwards would be dropped silently by the client
 *     (nats-core empties its outbound buffer when it dials), so senders look at it first.
 * L2. The connection itself belongs to whoever opened it; `close` only stops listening.
 */
export class Link {
  readonly connection: NatsConnection;
  readonly #listeners = new Set<LinkListener>();
  #interruptions = 0;
  #state: ConnectionState;
  #connectedAt = Number.NEGATIVE_INFINITY;
  readonly #refusals = new Map<string, Refusal>();

  constructor(connection: NatsConnection) {
    this.connection = connection;
    this.#state = { state: "connected", server: connection.getServer(), since: Date.now() };
    void this.#watch();
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What the server said to a publish since then: one that permissions forbid is answered by nothing else. */
  complaint(subject: string, since: number): Error | undefined {
    const refusal = this.#refusals.get(subject);
    return refusal !== undefined && refusal.at >= since ? refusal.error : undefined;
  }

  get connected(): boolean {
    return this.#state.state === "connected" && !this.connection.isClosed();
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

  /** What the client answers, or the end of the connection if that comes first: the client would wait for its own deadline. @throws no_answer, stopped */
  async unlessBroken<T>(about: string, answer: Promise<T>): Promise<T> {
    let listener: LinkListener = {};
    const broken = new Promise<never>((_, reject) => {
      listener = {
        disconnected: () => reject(new TroupeError("no_answer", `${about}: the connection broke before the answer came`, { about })),
        closed: reject,
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
    if (this.#state.state === "closed") return stopped(this.#state.reason);
    return new TroupeError("no_connection", `${about} was not asked for: the connection is down`, { about });
  }

  close(): void {
    this.#end(undefined);
  }

  /** Whoever waits is told, once, and nobody waits here any more. */
  #end(reason: string | undefined): void {
    if (this.#state.state === "closed") return;
    this.#become({ state: "closed", since: Date.now(), ...(reason === undefined ? {} : { reason }) });
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.closed?.(stopped(reason));
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (this.#state.state === "closed") return;
      this.#hear(status);
    }
  }

  #hear(status: Status): void {
    if (status.type === "error") this.#note(status.error);
    else if (status.type === "disconnect") {
      // A server that refuses us ends a connection that never stood.
      if (this.#state.state === "reconnecting") return;
      this.#become({ state: "reconnecting", server: status.server, since: Date.now(), tries: 0 });
      this.#interruptions++;
      for (const listener of this.#listeners) listener.disconnected?.();
    } else if (status.type === "reconnecting" && this.#state.state === "reconnecting")
      this.#become({ ...this.#state, tries: this.#state.tries + 1 });
    else if (status.type === "reconnect") {
      this.#become({ state: "connected", server: status.server, since: Date.now() });
      this.#connectedAt = performance.now();
      for (const listener of this.#listeners) listener.reconnected?.();
    } else if (status.type === "close") {
      for (const listener of this.#listeners) listener.disconnected?.();
      this.#end("the connection was closed");
    }
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener.changed?.(state);
  }

  #note(error: Error): void {
    if (this.#state.state === "reconnecting") this.#become({ ...this.#state, reason: error.message });
    if (!(error instanceof errors.PermissionViolationError) || error.operation !== "publish") return;
    if (this.#refusals.size >= MOST_REFUSALS) this.#refusals.clear();
    this.#refusals.set(error.subject, { error, at: performance.now() });
  }
}

function stopped(reason: string | undefined): TroupeError {
  return new TroupeError("stopped", `The client was closed${reason === undefined ? "" : `: ${reason}`}`);
}

/** The client tells whoever waits for a request that permissions forbid. */
function isForbidden(error: unknown): boolean {
  return [error, (error as { cause?: unknown }).cause].some((each) => each instanceof errors.PermissionViolationError);
}

function publishOptions(headers: HeaderBlock | undefined, reply: string | undefined) {
  if (headers === undefined) return reply === undefined ? undefined : { reply };
  return reply === undefined ? { headers: headers.asHeaders() } : { headers: headers.asHeaders(), reply };
}
