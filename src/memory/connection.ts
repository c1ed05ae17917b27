import { TroupeError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { FaultPlan } from "./faults.ts";
import { Link, type InFlight } from "./link.ts";
import type { Random } from "./random.ts";
import type { Request, Step, Steps } from "./steps.ts";

export interface ConnectionParts {
  readonly host: string;
  readonly clock: Clock;
  /** The host's own: while its process is frozen, nothing arrives there. */
  readonly hostClock: Clock;
  readonly random: Random;
  readonly maxLatencyMs: number;
  readonly steps: Steps;
  readonly faults: FaultPlan;
}

/** The longest that a request waits while its connection stalls. */
const LONGEST_REQUEST_MS = 5_000;

/** Something that must know when the connection breaks and mends. */
export interface ConnectionListener {
  disconnected?(): void;
  reconnected?(): void;
}

/** One of a connection's two ways, as its host sees it: `up` leads to the server. */
export type Way = "up" | "down";

/**
 * One host's connection to the simulated server.
 *
 * | phase | enters when            | requests                        | what the server sends |
 * |-------|------------------------|---------------------------------|-----------------------|
 * | up    | attached, reconnected  | travel                          | travels               |
 * | down  | `disconnect`           | fail at once with no_connection | is lost               |
 * | dead  | `kill`; never leaves   | are never answered              | is lost               |
 *
 * C1. What one side sends arrives in that order, or, from some point on, not at all.
 * C2. A request settles once: answered, or `no_answer` when the connection goes down; on a dead one never.
 * C3. While a way stalls, what is sent on it waits. A request that is not answered in time ends with `no_answer`; what it asked for may
 *     still be done once the way flows again.
 */
export class Connection {
  readonly host: string;
  readonly #parts: ConnectionParts;
  readonly #waiting = new Set<(error: TroupeError) => void>();
  readonly #stalled = new Set<Way>();
  readonly #listeners = new Set<ConnectionListener>();
  #phase: "up" | "down" | "dead" = "up";
  #interruptions = 0;
  #up: Link;
  #down: Link;

  constructor(parts: ConnectionParts) {
    this.host = parts.host;
    this.#parts = parts;
    this.#up = this.#newLink(this.#parts.clock);
    this.#down = this.#newLink(this.#parts.hostClock);
  }

  get phase(): "up" | "down" | "dead" {
    return this.#phase;
  }

  get interruptions(): number {
    return this.#interruptions;
  }

  /** @returns what ends it */
  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells a step of this host. `false`: that killed it, and it must not go on. */
  passes(step: Step): boolean {
    this.#parts.steps.tell(step);
    return this.#phase !== "dead";
  }

  /** To the server, without an answer. Lost without a word while there is no connection. */
  tell(arrive: () => void): void {
    if (this.#phase === "up") this.#up.send(arrive);
  }

  /** To the host. */
  push(arrive: () => void): void {
    if (this.#phase === "up") this.#down.send(arrive);
  }

  /** To the server and back, whenever it replies. @throws no_connection, no_answer */
  call<T>(serve: (reply: (value: T) => void) => void): Promise<T> {
    if (this.#phase === "down") return Promise.reject(new TroupeError("no_connection", `${this.host} has no connection to the server`));
    return new Promise((resolve, reject) => {
      if (this.#phase === "dead") return;
      this.#waiting.add(reject);
      if (this.#stalled.size > 0) this.#limit(reject);
      const down = this.#down;
      this.#up.send(() =>
        serve((value) =>
          down.send(() => {
            this.#waiting.delete(reject);
            resolve(value);
          }),
        ),
      );
    });
  }

  /** A request of the ports, with its steps and faults. @throws no_connection, no_answer, and what `serve` throws */
  async request<T>(request: Request, serve: () => T): Promise<T> {
    const { host } = this;
    if (!this.passes({ kind: "requestSent", host, request })) return never();
    const fault = this.#parts.faults.forRequest(host, request);
    const answer = await this.call<Answer<T>>((reply) => reply(answerTo(host, request, fault, serve)));
    if (!this.passes({ kind: "requestAnswered", host, request })) return never();
    if (!answer.ok) throw answer.error;
    return answer.value;
  }

  /** One way, or both, carries nothing any more, and neither side is told. */
  stall(way: Way): void {
    if (this.#phase !== "up" || this.#stalled.has(way)) return;
    this.#stalled.add(way);
    this.#link(way).stall();
    for (const lose of this.#waiting) this.#limit(lose);
  }

  flow(way: Way): void {
    if (this.#stalled.delete(way)) this.#link(way).flow();
  }

  disconnect(underWay: InFlight): void {
    if (this.#phase !== "up") return;
    this.#end("down", underWay);
    this.#interruptions++;
    for (const lose of this.#waiting) lose(this.#unanswered("The connection was lost before the answer came"));
    this.#waiting.clear();
    for (const listener of this.#listeners) listener.disconnected?.();
  }

  reconnect(): void {
    if (this.#phase !== "down") return;
    this.#up = this.#newLink(this.#parts.clock);
    this.#down = this.#newLink(this.#parts.hostClock);
    this.#phase = "up";
    for (const listener of this.#listeners) listener.reconnected?.();
  }

  kill(underWay: InFlight): void {
    if (this.#phase === "dead") return;
    this.#end("dead", underWay);
    this.#waiting.clear();
  }

  #limit(lose: (error: TroupeError) => void): void {
    this.#parts.hostClock.after(LONGEST_REQUEST_MS, () => {
      if (this.#waiting.delete(lose)) lose(this.#unanswered(`The server did not answer within ${LONGEST_REQUEST_MS} ms`));
    });
  }

  #unanswered(why: string): TroupeError {
    return new TroupeError("no_answer", `${why} (${this.host})`);
  }

  #link(way: Way): Link {
    return way === "up" ? this.#up : this.#down;
  }

  #end(phase: "down" | "dead", underWay: InFlight): void {
    this.#phase = phase;
    this.#stalled.clear();
    this.#up.cut(underWay);
    this.#down.cut("lost");
  }

  #newLink(clock: Clock): Link {
    const { random, maxLatencyMs } = this.#parts;
    return new Link(clock, random.fork(), maxLatencyMs);
  }
}

type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

function answerTo<T>(host: string, request: Request, fault: { readonly applied: boolean } | undefined, serve: () => T): Answer<T> {
  const lost = (): Answer<T> => ({ ok: false, error: new TroupeError("no_answer", `The server did not answer ${request} of ${host}`) });
  if (fault?.applied === false) return lost();
  try {
    const value = serve();
    return fault === undefined ? { ok: true, value } : lost();
  } catch (error) {
    return fault === undefined ? { ok: false, error } : lost();
  }
}

/** What the code of a dead process sees. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
