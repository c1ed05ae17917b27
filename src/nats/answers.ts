import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import { TroupeError } from "../core/errors.ts";
import type { HeaderBlock } from "./header-block.ts";
import type { Link } from "./link.ts";

/** Whoever waits for the answer to one message. Exactly one of the endings is called, once. */
export interface Waiting {
  /** @returns true when the answer is complete and nothing more is expected */
  heard(message: Msg): boolean;
  /** `no_answer`: the deadline passed, or the connection broke, and whether the message arrived is not known. Otherwise it never left. */
  silent(cause: TroupeError): void;
}

interface Slot {
  readonly waiting: Waiting;
  readonly subject: string;
  readonly deadlineAt: number;
}

const SWEEP_MS = 250;

/**
 * Publishes that are answered: one inbox subscription for all of them, a slot for each, one timer that sweeps the overdue.
 * nats-core's own request costs a promise, a timer and a subject per call; here a call costs a map entry.
 *
 * Owns: the slots and their numbers. Calls in: store, leases, reads. Calls out: `Waiting`, from the socket's callback or from the sweep.
 * A1. A slot leaves the map before its ending is called: an ending is called once.
 * A2. All slots have the same deadline, so the map's order of insertion is the order in which they expire.
 * A3. When the connection breaks every slot ends at once; answers to them that come later find no slot.
 * A4. A number is used again only once its answer is complete: an answer that is late, or lost, has a number that is never used
 *     again. Few numbers mean few reply subjects, and the server looks up a subject that it has just seen in a third of the time.
 */
export class Answers {
  readonly deadlineMs: number;
  readonly #link: Link;
  readonly #prefix: string;
  readonly #slots = new Map<number, Slot>();
  readonly #answered: number[] = [];
  readonly #subscription: Subscription;
  #next = 1;
  #sweep: NodeJS.Timeout | undefined;

  constructor(link: Link, inboxPrefix: string | undefined, deadlineMs: number) {
    this.#link = link;
    this.deadlineMs = deadlineMs;
    this.#prefix = `${createInbox(inboxPrefix)}.`;
    this.#subscription = link.connection.subscribe(`${this.#prefix}*`, {
      callback: (error, message) => {
        if (error === null) this.#heard(message);
      },
    });
    link.listen(this);
  }

  get outstanding(): number {
    return this.#slots.size;
  }

  /** Publishes and waits. `waiting.silent` may be called before this returns when the connection is down. */
  send(subject: string, body: Uint8Array, headers: HeaderBlock | undefined, waiting: Waiting): void {
    if (!this.#link.connected) return waiting.silent(this.#link.unconnected(subject));
    const token = this.#answered.pop() ?? this.#next++;
    this.#slots.set(token, { waiting, subject, deadlineAt: performance.now() + this.deadlineMs });
    this.#sweep ??= setInterval(() => this.#expire(), SWEEP_MS).unref();
    try {
      this.#link.publish(subject, body, headers, this.#prefix + token);
    } catch (cause) {
      this.#slots.delete(token);
      waiting.silent(new TroupeError("no_connection", `${subject} was not sent: ${(cause as Error).message}`, { about: subject, cause }));
    }
  }

  disconnected(): void {
    const slots = [...this.#slots.values()];
    this.#slots.clear();
    const cause = new TroupeError("no_answer", "The connection broke before the answer came");
    for (const { waiting } of slots) waiting.silent(cause);
  }

  close(): void {
    clearInterval(this.#sweep);
    this.#link.unlisten(this);
    if (!this.#link.connection.isClosed()) this.#subscription.unsubscribe();
    this.disconnected();
  }

  #heard(message: Msg): void {
    const token = Number(message.subject.slice(this.#prefix.length));
    const slot = this.#slots.get(token);
    if (slot === undefined) return;
    this.#slots.delete(token);
    if (slot.waiting.heard(message)) this.#answered.push(token);
    else this.#slots.set(token, { ...slot, deadlineAt: performance.now() + this.deadlineMs });
  }

  #expire(): void {
    const now = performance.now();
    for (const [token, { waiting, subject, deadlineAt }] of this.#slots) {
      if (deadlineAt > now) return;
      this.#slots.delete(token);
      const complaint = this.#link.complaint(subject, deadlineAt - this.deadlineMs);
      const hint = complaint === undefined ? "" : `; the server complained: ${complaint.message}`;
      waiting.silent(new TroupeError("no_answer", `No answer within ${this.deadlineMs} ms${hint}`, { cause: complaint }));
    }
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
