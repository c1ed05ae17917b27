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
 */
export class Connection {
  readonly host: string;
  readonly #parts: ConnectionParts;
  readonly #waiting = new Set<(error: TroupeError) => void>();
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

  disconnect(underWay: InFlight): void {
    if (this.#phase !== "up") return;
    this.#end("down", underWay);
    this.#interruptions++;
    for (const lose of this.#waiting) lose(new TroupeError("no_answer", `The connection of ${this.host} was lost before the answer came`));
    this.#waiting.clear();
  }

  reconnect(): void {
    if (this.#phase !== "down") return;
    this.#up = this.#newLink(this.#parts.clock);
    this.#down = this.#newLink(this.#parts.hostClock);
    this.#phase = "up";
  }

  kill(underWay: InFlight): void {
    if (this.#phase === "dead") return;
    this.#end("dead", underWay);
    this.#waiting.clear();
  }

  #end(phase: "down" | "dead", underWay: InFlight): void {
    this.#phase = phase;
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
  const lost = { ok: false, error: new TroupeError("no_answer", `The server did not answer ${request} of ${host}`) } as const;
  if (fault?.applied === false) return lost;
  try {
    const value = serve();
    return fault === undefined ? { ok: true, value } : lost;
  } catch (error) {
    return fault === undefined ? { ok: false, error } : lost;
  }
}

/** What the code of a dead process sees. */
export function never<T>(): Promise<T> {
  return new Promise(() => {});
}
