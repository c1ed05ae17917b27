import { addressOf, formatAddress, type Address } from "./core/address.ts";
import { decodeBody, encodeJson } from "./core/codec.ts";
import { DEADLINES } from "./core/deadlines.ts";
import type { Definition } from "./core/definition.ts";
import { HEADERS } from "./core/envelope.ts";
import { TroupeError } from "./core/errors.ts";
import type { Outcome } from "./core/lifecycle.ts";
import { validate } from "./core/schema.ts";
import { Expected } from "./expected.ts";
import type { HostsView } from "./host-view.ts";
import { asAborted, isAbort, limitsOf, sendLimitsOf, type WaitOptions } from "./limits.ts";
import type { ConnectionState, Gateway, Limits } from "./ports/gateway.ts";
import { Ref } from "./ref.ts";
import { outcome, outputOf } from "./run.ts";
import { NO_HEADERS, startHeaders, type StartRequest } from "./start-request.ts";
import { isIn, statusOf, viewOf, type InputOf, type OutputOf, type Status, type View } from "./view.ts";

/** Which actors to list; what is left out fits all. */
export interface ListFilter extends WaitOptions {
  readonly type?: string;
  /** A task's word, or a state of a machine such as `paying` or `paying.asked`. */
  readonly state?: string;
  readonly status?: Status;
}

/**
 * Submits, watches and operates tasks from outside. Made by `connect`; `await using` closes it.
 * Every method rejects with a TroupeError: no_connection where nothing has left this process, no_answer where something has, stopped
 * once the client is closed, and the codes that it names; or with the reason of the signal that it was given.
 */
export class Client implements AsyncDisposable {
  readonly #gateway: Gateway;
  readonly #cancels = new Set<Promise<void>>();

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** How it stands with the server now. */
  get connection(): ConnectionState {
    return this.#gateway.connection;
  }

  /** Every change of that, until the client is closed. @returns what ends it */
  onConnection(changed: (state: ConnectionState) => void): () => void {
    return this.#gateway.listen({ changed });
  }

  /** Resolves once the request is stored. Sent again until then, for `timeout`. @throws invalid_input, bad_address, bad_delay, bad_deadline, too_large, in_full */
  start<TDefinition extends Definition = Definition>(
    type: TDefinition | string,
    request: StartRequest<InputOf<TDefinition>> = {},
  ): Promise<Ref<TDefinition>> {
    return this.#start(type, request);
  }

  /**
   * Many at once: one promise for all, a result for each, in order. The requests travel together; each is stored or refused alone, and
   * has its own timeout and signal.
   */
  async startMany<TDefinition extends Definition = Definition>(
    type: TDefinition | string,
    requests: readonly StartRequest<InputOf<TDefinition>>[],
  ): Promise<readonly PromiseSettledResult<Ref<TDefinition>>[]> {
    return Promise.allSettled(requests.map((request) => this.#start(type, request)));
  }

  /**
   * Submits and awaits the result; of a plan that acknowledges early nothing but that. Aborting `signal` cancels the task; the timeout
   * does not, and neither does an outage that is too long.
   * @throws task_failed, cancelled, expired, unknown_id where its record was removed before it could be read, and what `start` throws
   */
  async run<TDefinition extends Definition = Definition>(
    type: TDefinition | string,
    input?: InputOf<TDefinition>,
    options: Omit<StartRequest<InputOf<TDefinition>>, "input"> = {},
  ): Promise<OutputOf<TDefinition>> {
    options.signal?.throwIfAborted();
    const address = addressOf(nameOf(type), options.id ?? this.#gateway.newId());
    const about = formatAddress(address);
    const limits = limitsOf(options, about);
    const { timeoutMs, signal } = limits;
    const { clock } = this.#gateway;
    const startedAt = clock.monotonic();
    const expected = new Expected<Outcome>(this.#gateway);
    const request = { ...options, id: address.id, ...(input === undefined ? {} : { input }) };
    try {
      const ref = await this.#submit(type, request, { [HEADERS.replyTo]: expected.subject }, submitLimits(limits));
      const left = timeoutMs === undefined ? {} : { timeoutMs: Math.max(0, timeoutMs - (clock.monotonic() - startedAt)) };
      return outputOf(await outcome(this.#gateway, ref.address, expected, { ...limits, ...left }));
    } catch (error) {
      if (!isAbort(error, signal)) throw error;
      // What never left is not there to be cancelled.
      if (!(error instanceof TroupeError && error.code === "no_connection")) this.#cancelLater(address);
      throw new TroupeError("cancelled", `The caller gave up waiting for ${about}`, { about, cause: signal?.reason });
    } finally {
      expected.forget();
    }
  }

  /** An actor by its address; nothing is looked up. @throws bad_address */
  ref<TDefinition extends Definition = Definition>(type: TDefinition | string, id: string): Ref<TDefinition> {
    return new Ref<TDefinition>(addressOf(nameOf(type), id), this.#gateway, definitionOf(type));
  }

  /**
   * Every actor with a stored record that fits, in no particular order, once each. Those still queued have none. `timeout` is for each
   * page, of some thousand records.
   */
  async *list(filter: ListFilter = {}): AsyncIterable<View> {
    const { type, state, status } = filter;
    const listed = new Set<string>();
    for await (const { address, bytes } of this.#gateway.records(type === undefined ? {} : { type }, limitsOf(filter, "list"))) {
      if (bytes === undefined) continue;
      const view = viewOf(address, bytes);
      const key = formatAddress(address);
      if ((state !== undefined && !isIn(view, state)) || (status !== undefined && statusOf(view) !== status) || listed.has(key)) continue;
      listed.add(key);
      yield view;
    }
  }

  /** Hosts that live, in the order in which they came, and partitions that nobody has. @throws no_host, no_answer, no_connection */
  async hosts(options: WaitOptions = {}): Promise<HostsView> {
    return (await this.ask("hosts", {}, options)) as HostsView;
  }

  /**
   * One of the hosts' own verbs: see the protocol. Asked again, until the timeout, only where nobody can have heard it or the verb
   * changes nothing. @throws the code it answers with, no_host
   */
  async ask(verb: string, request: unknown = {}, options: WaitOptions = {}): Promise<unknown> {
    return decodeBody(await this.#gateway.ask(verb, encodeJson(request), limitsOf(options, verb)), "");
  }

  /**
   * Ends everything that waits, with `stopped`, and the connection. Cancels that are on their way have a second to be stored, where the
   * connection is there.
   */
  async close(): Promise<void> {
    if (this.connection.state === "connected") await this.#sendCancels();
    await this.#gateway.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #start<TDefinition extends Definition>(
    type: TDefinition | string,
    request: StartRequest<InputOf<TDefinition>>,
  ): Promise<Ref<TDefinition>> {
    if (request.timeout === undefined && request.signal === undefined) return this.#submit(type, request, NO_HEADERS);
    try {
      return this.#submit(type, request, NO_HEADERS, sendLimitsOf(request, nameOf(type))).catch(asAborted(request.signal));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Not an async function: in bulk, every promise between the caller and the acknowledgement costs as much as the publish. */
  #submit<TDefinition extends Definition>(
    type: TDefinition | string,
    request: StartRequest<InputOf<TDefinition>>,
    more: Readonly<Record<string, string>>,
    limits?: Limits,
  ): Promise<Ref<TDefinition>> {
    try {
      const address = addressOf(nameOf(type), request.id ?? this.#gateway.newId());
      const about = formatAddress(address);
      if (typeof type !== "string") validate(type.inputSchema, request.input, "invalid_input", about);
      const asked = startHeaders(request, this.#gateway.clock, about);
      const headers = asked === NO_HEADERS ? more : { ...asked, ...more };
      const sent = this.#gateway.send(request.priority ?? "normal", address, encodeJson(request.input), headers, limits);
      return sent.then(() => new Ref<TDefinition>(address, this.#gateway, definitionOf(type)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #sendCancels(): Promise<void> {
    const { clock } = this.#gateway;
    // What was aborted just before has not come as far as its cancel.
    await this.#gateway.attend(undefined, new Promise<void>((resolve) => clock.soon(resolve)));
    if (this.#cancels.size === 0) return;
    const late = (): Error => new TroupeError("stopped", "The client was closed");
    await this.#gateway.within({ timeoutMs: DEADLINES.closeMs }, late, () => Promise.all(this.#cancels)).catch(() => {});
  }

  /** The caller does not wait for it; it is sent for as long as an outage may last, or until the client is closed. */
  #cancelLater(address: Address): void {
    const body = encodeJson({ type: "cancel", reason: "The caller gave up" });
    const cancel = this.#gateway.send("event", address, body, {}, { timeoutMs: this.#gateway.outageMs }).catch(() => {});
    this.#cancels.add(cancel);
    void cancel.then(() => this.#cancels.delete(cancel));
  }
}

/** As much of the time for the result as a message on its way in may have. */
function submitLimits(limits: Limits): Limits {
  return limits.timeoutMs === undefined ? limits : { ...limits, timeoutMs: Math.min(limits.timeoutMs, DEADLINES.sendAtMostMs) };
}

function nameOf(type: Definition | string): string {
  return typeof type === "string" ? type : type.name;
}

function definitionOf(type: Definition | string): Definition | undefined {
  return typeof type === "string" ? undefined : type;
}
