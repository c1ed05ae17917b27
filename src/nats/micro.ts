import { headers as newHeaders, type Msg, type NatsConnection, type Subscription } from "@nats-io/nats-core";
import { encodeAnswer } from "../core/codec.ts";
import { ERROR_CODES, toErrorRecord, TroupeError, withoutStacks, type ErrorCode } from "../core/errors.ts";
import { micro, MICRO_HEADERS, type Names } from "./names.ts";

/** A verb of the service: gets the tokens behind the verb and the body, answers a JSON value. */
export interface Endpoint {
  readonly name: string;
  readonly subject: string;
  readonly answer: (tokens: readonly string[], body: Uint8Array) => Promise<unknown>;
}

export interface MicroService {
  readonly id: string;
  readonly version: string;
  readonly description: string;
  readonly endpoints: readonly Endpoint[];
}

interface Statistics {
  requests: number;
  errors: number;
  lastError: string;
  spentNs: number;
}

/**
 * A NATS micro service by ADR-32: answers PING, INFO and STATS, so that `nats micro ls` shows every host, and shares the verbs'
 * requests among all hosts by a queue group. Written here because the registry's own package brings a second copy of nats-core.
 *
 * Owns: its subscriptions and statistics. Calls out: the endpoints. Every request is answered, by a value or by an error.
 */
export class Micro {
  readonly #connection: NatsConnection;
  readonly #names: Names;
  readonly #service: MicroService;
  readonly #statistics = new Map<string, Statistics>();
  readonly #subscriptions: Subscription[] = [];
  readonly #startedAt = new Date().toISOString();

  constructor(connection: NatsConnection, names: Names, service: MicroService) {
    this.#connection = connection;
    this.#names = names;
    this.#service = service;
    const about = { PING: () => this.#describe("ping"), INFO: () => this.#info(), STATS: () => this.#stats() };
    for (const [verb, answer] of Object.entries(about)) {
      for (const subject of micro.subjects(verb, names.serviceName, service.id))
        this.#subscribe(subject, undefined, (message) => message.respond(JSON.stringify(answer())));
    }
    for (const endpoint of service.endpoints) {
      this.#statistics.set(endpoint.name, { requests: 0, errors: 0, lastError: "", spentNs: 0 });
      this.#subscribe(endpoint.subject, names.serviceQueue, (message) => void this.#serve(endpoint, message));
    }
  }

  close(): void {
    for (const subscription of this.#subscriptions.splice(0)) if (!this.#connection.isClosed()) subscription.unsubscribe();
  }

  #subscribe(subject: string, queue: string | undefined, heard: (message: Msg) => void): void {
    const callback = (error: Error | null, message: Msg): void => {
      if (error === null) heard(message);
    };
    this.#subscriptions.push(this.#connection.subscribe(subject, queue === undefined ? { callback } : { callback, queue }));
  }

  async #serve(endpoint: Endpoint, message: Msg): Promise<void> {
    const statistics = this.#statistics.get(endpoint.name) as Statistics;
    const startedAt = process.hrtime.bigint();
    statistics.requests++;
    try {
      const tokens = message.subject.slice(this.#names.verbPrefix.length).split(".").slice(1);
      this.#respond(message, encodeAnswer((await endpoint.answer(tokens, message.data)) ?? null));
    } catch (error) {
      statistics.errors++;
      statistics.lastError = error instanceof Error ? error.message : String(error);
      respondError(message, error);
    } finally {
      statistics.spentNs += Number(process.hrtime.bigint() - startedAt);
    }
  }

  /** @throws too_large */
  #respond(message: Msg, answer: Uint8Array): void {
    const bytes = answer.length;
    const most = this.#connection.info?.max_payload ?? bytes;
    if (bytes > most) throw new TroupeError("too_large", `The answer to ${message.subject} has ${bytes} bytes; the server takes ${most}`);
    message.respond(answer);
  }

  #describe(kind: string) {
    return { type: micro.schema(kind), name: this.#names.serviceName, id: this.#service.id, version: this.#service.version, metadata: {} };
  }

  #info() {
    const endpoints = this.#service.endpoints.map(({ name, subject }) => ({
      name,
      subject,
      queue_group: this.#names.serviceQueue,
      metadata: {},
    }));
    return { ...this.#describe("info"), description: this.#service.description, endpoints };
  }

  #stats() {
    const endpoints = this.#service.endpoints.map(({ name, subject }) => {
      const { requests, errors, lastError, spentNs } = this.#statistics.get(name) as Statistics;
      const timing = { processing_time: spentNs, average_processing_time: requests === 0 ? 0 : Math.round(spentNs / requests) };
      return {
        name,
        subject,
        queue_group: this.#names.serviceQueue,
        num_requests: requests,
        num_errors: errors,
        last_error: lastError,
        ...timing,
      };
    });
    return { ...this.#describe("stats"), started: this.#startedAt, endpoints };
  }
}

/** An error as ADR-32 has it, in headers, with all that we know in the body. */
function respondError(message: Msg, error: unknown): void {
  const told =
    error instanceof TroupeError
      ? error
      : new TroupeError("defect", `A request to ${message.subject} failed: ${String(error)}`, { cause: error });
  const record = withoutStacks(toErrorRecord(told));
  const code = record.code as ErrorCode;
  const headers = newHeaders();
  headers.set(MICRO_HEADERS.error, record.message.replaceAll(/[\r\n]+/g, " "));
  headers.set(MICRO_HEADERS.code, httpStatusOf(code));
  message.respond(JSON.stringify({ error: { ...record, remedy: ERROR_CODES[code][1] } }), { headers });
}

/** ADR-32 asks for a number; these are what an HTTP service would say. The stable code is in the body. */
function httpStatusOf(code: ErrorCode): string {
  if (code === "unknown_id" || code === "unknown_type") return "404";
  if (code === "not_running" || code === "not_accepted" || code === "parked") return "409";
  if (code === "no_answer") return "504";
  if (code === "defect") return "500";
  return ERROR_CODES[code][0] ? "503" : "400";
}
