import { nuid } from "@nats-io/nats-core";
import { addressOf, formatAddress, type Address, type StartLane } from "./core/address.ts";
import { decodeBody, encodeJson } from "./core/codec.ts";
import type { Definition } from "./core/definition.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { checkStartOptions, HEADERS, parseInstant } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import type { Outcome } from "./core/lifecycle.ts";
import { validate } from "./core/schema.ts";
import type { HostsView } from "./host-view.ts";
import type { Gateway } from "./ports/gateway.ts";
import { Ref, type WaitOptions } from "./ref.ts";
import { isIn, statusOf, viewOf, type InputOf, type OutputOf, type Status, type View } from "./view.ts";

/** What may go with a start. */
export interface StartRequest<TInput = unknown> {
  /** The same id again is the same task. Default: a new one. */
  readonly id?: string;
  readonly input?: TInput;
  readonly priority?: StartLane;
  readonly delay?: Duration;
  /** Not started by then: `expired`. An instant, RFC 3339 or epoch ms. */
  readonly deadline?: string | number | Date;
}

/** Which actors to list; what is left out fits all. */
export interface ListFilter {
  readonly type?: string;
  /** A task's word, or a state of a machine such as `paying` or `paying.asked`. */
  readonly state?: string;
  readonly status?: Status;
  readonly signal?: AbortSignal;
}

/** How long a started task is believed to answer before its record is looked at: an answer may be lost, a record is not. */
const LOOK_AFTER_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 30_000;

/**
 * Submits, watches and operates tasks from outside. Made by `connect`; `await using` closes it.
 * Every method rejects with a TroupeError: no_connection, no_answer, and the codes that it names.
 */
export class Client implements AsyncDisposable {
  readonly #gateway: Gateway;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** Resolves once the request is stored. @throws invalid_input, bad_address, bad_delay, bad_deadline, too_large, in_full */
  start<TDefinition extends Definition = Definition>(
    type: TDefinition | string,
    request: StartRequest<InputOf<TDefinition>> = {},
  ): Promise<Ref<TDefinition>> {
    return this.#submit(type, request, NO_HEADERS);
  }

  /**
   * Many at once: one promise for all, a result for each, in order. The requests travel together; each is stored or refused alone.
   */
  async startMany<TDefinition extends Definition = Definition>(
    type: TDefinition | string,
    requests: readonly StartRequest<InputOf<TDefinition>>[],
  ): Promise<readonly PromiseSettledResult<Ref<TDefinition>>[]> {
    return Promise.allSettled(requests.map((request) => this.#submit(type, request, NO_HEADERS)));
  }

  /**
   * Submits and awaits the result; of a plan that acknowledges early nothing but that. Aborting `signal` cancels the task; the timeout does not.
   * @throws task_failed, cancelled, expired, and what `start` throws
   */
  async run<TDefinition extends Definition = Definition>(
    type: TDefinition | string,
    input?: InputOf<TDefinition>,
    options: Omit<StartRequest<InputOf<TDefinition>>, "input"> & WaitOptions = {},
  ): Promise<OutputOf<TDefinition>> {
    options.signal?.throwIfAborted();
    let heard: (outcome: Outcome) => void = () => {};
    const answer = new Promise<Outcome>((resolve) => (heard = resolve));
    const expected = this.#gateway.expect((body) => heard(decodeBody(body, "") as Outcome));
    try {
      const request = input === undefined ? options : { ...options, input };
      const ref = await this.#submit(type, request, { [HEADERS.replyTo]: expected.subject });
      return outputOf(await this.#outcome(ref as unknown as Ref, answer, options));
    } finally {
      expected.forget();
    }
  }

  /** An actor by its address; nothing is looked up. @throws bad_address */
  ref<TDefinition extends Definition = Definition>(type: TDefinition | string, id: string): Ref<TDefinition> {
    return new Ref<TDefinition>(addressOf(nameOf(type), id), this.#gateway, definitionOf(type));
  }

  /** Every actor with a stored record that fits, in no particular order. Those still queued have none. @throws no_connection */
  async *list(filter: ListFilter = {}): AsyncIterable<View> {
    const { type, state, status, signal } = filter;
    for await (const { address, bytes } of this.#gateway.watch(type === undefined ? {} : { type }, {
      current: true,
      ...(signal === undefined ? {} : { signal }),
    })) {
      if (bytes === undefined) continue;
      const view = viewOf(address, bytes);
      if ((state === undefined || isIn(view, state)) && (status === undefined || statusOf(view) === status)) yield view;
    }
  }

  /** Hosts that live, in the order in which they came, and partitions that nobody has. @throws no_host, no_answer, no_connection */
  async hosts(): Promise<HostsView> {
    return (await this.ask("hosts")) as HostsView;
  }

  /** One of the hosts' own verbs: see the protocol. @throws the code it answers with, no_host */
  async ask(verb: string, request: unknown = {}, timeoutMs = 5_000): Promise<unknown> {
    return decodeBody(await this.#gateway.ask(verb, encodeJson(request), timeoutMs), "");
  }

  async close(): Promise<void> {
    await this.#gateway.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Not an async function: in bulk, every promise between the caller and the acknowledgement costs as much as the publish. */
  #submit<TDefinition extends Definition>(
    type: TDefinition | string,
    request: StartRequest<InputOf<TDefinition>>,
    more: Readonly<Record<string, string>>,
  ): Promise<Ref<TDefinition>> {
    try {
      const address = addressOf(nameOf(type), request.id ?? nuid.next());
      const about = formatAddress(address);
      if (typeof type !== "string") validate(type.inputSchema, request.input, "invalid_input", about);
      const asked = startHeaders(request, about);
      const headers = asked === NO_HEADERS ? more : { ...asked, ...more };
      const sent = this.#gateway.send(request.priority ?? "normal", address, encodeJson(request.input), headers);
      return sent.then(() => new Ref<TDefinition>(address, this.#gateway, definitionOf(type)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The answer, or what the record says if the answer was lost on its way. */
  async #outcome(ref: Ref, answer: Promise<Outcome>, options: WaitOptions): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      let lookInMs = LOOK_AFTER_MS;
      let lookTimer: NodeJS.Timeout;
      const timeoutMs = timeoutOf(options.timeout, ref.address);
      const deadline =
        timeoutMs === undefined
          ? undefined
          : setTimeout(
              () => fail(new TroupeError("no_answer", `${ref.key} has no result after ${timeoutMs} ms; it goes on`, { about: ref.key })),
              timeoutMs,
            );
      const abort = (): void => {
        void ref.cancel("The caller gave up").catch(() => {});
        fail(new TroupeError("cancelled", `The caller gave up waiting for ${ref.key}`, { about: ref.key, cause: options.signal?.reason }));
      };
      const finish = (): void => {
        clearTimeout(lookTimer);
        clearTimeout(deadline);
        options.signal?.removeEventListener("abort", abort);
      };
      const fail = (error: Error): void => (finish(), reject(error));
      const succeed = (outcome: Outcome): void => (finish(), resolve(outcome));
      const hear = async (outcome: Outcome): Promise<void> => {
        const found = outcome.inRecord === true ? await ref.outcomeNow().catch(() => undefined) : outcome;
        // Where it could not be read, the next look will tell.
        if (found !== undefined) succeed(found);
      };
      const look = (): void => {
        lookTimer = setTimeout(
          () => void ref.outcomeNow().then((outcome) => (outcome === undefined ? look() : succeed(outcome)), look),
          lookInMs,
        );
        lookInMs = Math.min(lookInMs * 2, LOOK_AT_MOST_EVERY_MS);
      };
      options.signal?.addEventListener("abort", abort, { once: true });
      void answer.then(hear);
      look();
    });
  }
}

function nameOf(type: Definition | string): string {
  return typeof type === "string" ? type : type.name;
}

function definitionOf(type: Definition | string): Definition | undefined {
  return typeof type === "string" ? undefined : type;
}

function timeoutOf(timeout: Duration | undefined, address: Address): number | undefined {
  if (timeout === undefined) return undefined;
  const ms = parseDuration(timeout);
  if (ms === undefined) throw new TroupeError("bad_options", `"${timeout}" is not a duration`, { about: `${address.type}/${address.id}` });
  return ms;
}

/** What a task produced, or its failure as an error. @throws task_failed, cancelled, expired and the other codes of a failure */
function outputOf(outcome: Outcome): unknown {
  if (outcome.state === "done" || outcome.acknowledged !== undefined) return outcome.output;
  const about = `${outcome.type}/${outcome.id}`;
  const error = outcome.error ?? { name: "TroupeError", code: "expired", message: `${about} has expired` };
  const cause = fromErrorRecord(error, about);
  if (cause instanceof TroupeError) throw cause;
  throw new TroupeError("task_failed", `${about} failed after ${outcome.attempt} attempts: ${error.message}`, { about, cause });
}

/** @throws bad_delay, bad_deadline */
function startHeaders(request: Pick<StartRequest, "delay" | "deadline">, about: string): Readonly<Record<string, string>> {
  if (request.delay === undefined && request.deadline === undefined) return NO_HEADERS;
  const delayMs = request.delay === undefined ? 0 : parseDuration(request.delay);
  if (delayMs === undefined)
    throw new TroupeError("bad_delay", `The delay of ${about} is "${request.delay}", which is not a duration from now on`, { about });
  const deadlineAt = request.deadline === undefined ? undefined : instantOf(request.deadline);
  checkStartOptions({ delayMs, ...(deadlineAt === undefined ? {} : { deadlineAt }) }, Date.now(), about);
  return {
    ...(delayMs === 0 ? {} : { [HEADERS.delay]: String(delayMs) }),
    ...(deadlineAt === undefined ? {} : { [HEADERS.deadline]: String(deadlineAt) }),
  };
}

const NO_HEADERS: Readonly<Record<string, string>> = {};

function instantOf(deadline: string | number | Date): number {
  if (deadline instanceof Date) return deadline.getTime();
  return typeof deadline === "number" ? deadline : parseInstant(deadline);
}
