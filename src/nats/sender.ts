import { nuid } from "@nats-io/nats-core";
import type { Address, Lane } from "../core/address.ts";
import { TroupeError } from "../core/errors.ts";
import type { Limits, SendLimits } from "../ports/gateway.ts";
import type { Answers } from "./answers.ts";
import { bounded, pause } from "./bounds.ts";
import { classifyWrite, wayInError, type ApiFailure } from "./failures.ts";
import { HeaderBlock, letterLines } from "./header-block.ts";
import type { Link } from "./link.ts";
import { NATS_HEADERS, type Names } from "./names.ts";
import { isStored, readPubAck, store, type StoreAnswer } from "./pub-ack.ts";

/** A message on its way in, as it is sent again. */
interface Outgoing {
  readonly subject: string;
  readonly to: Address;
  readonly body: Uint8Array;
  readonly block: HeaderBlock | undefined;
}

/** What is known of a message so far. One that may be stored remains so until it is acknowledged or refused. */
type Fate =
  | { readonly kind: "unsent" }
  | { readonly kind: "absent" }
  | { readonly kind: "busy"; readonly failure: ApiFailure }
  | { readonly kind: "open"; readonly cause?: Error };

const RESEND_AFTER_MS = 100;
const ROOM_FOR_HEADERS_BYTES = 1_024;

/**
 * Messages on their way in.
 *
 * Owns: nothing but the tries under way. Calls in: the gateway. Calls out: answers.
 * S1. A message is sent under one id until it is acknowledged, or until its deadline: a lost acknowledgement makes no second one.
 *     The stream knows an id for two minutes, and an ended actor's record stays for one, so no deadline may be longer.
 * S2. `no_connection` means that no try has left this process, `no_answer` that one has: it may be stored.
 */
export class Sender {
  readonly #link: Link;
  readonly #answers: Answers;
  readonly #names: Names;
  readonly #deadlineMs: number;

  constructor(link: Link, answers: Answers, names: Names, deadlineMs: number) {
    this.#link = link;
    this.#answers = answers;
    this.#names = names;
    this.#deadlineMs = deadlineMs;
  }

  get maxBodyBytes(): number {
    return this.#link.maxPayloadBytes - ROOM_FOR_HEADERS_BYTES;
  }

  send(lane: Lane, to: Address, body: Uint8Array, headers: Readonly<Record<string, string>>, limits?: SendLimits): Promise<void> {
    if (body.length > this.maxBodyBytes) {
      const about = `${to.type}/${to.id}`;
      return Promise.reject(
        new TroupeError("too_large", `The message to ${about} has ${body.length} bytes; the server takes ${this.maxBodyBytes}`, { about }),
      );
    }
    // A start is one however often it arrives, by its actor's id; an event needs an id of its own.
    const lines =
      lane === "event" ? letterLines({ [NATS_HEADERS.messageId]: limits?.id ?? nuid.next(), ...headers }) : letterLines(headers);
    const block = lines === "" ? undefined : new HeaderBlock(lines);
    const subject = this.#names.wayIn(lane, to);
    if (limits?.timeoutMs !== undefined || limits?.signal !== undefined) return this.#insist({ subject, to, body, block }, limits);
    const startedAt = performance.now();
    return new Promise((resolve, reject) => {
      const again = (answer: StoreAnswer): void => {
        const timeoutMs = Math.max(0, this.#deadlineMs - (performance.now() - startedAt));
        this.#insist({ subject, to, body, block }, { timeoutMs }, answer).then(resolve, reject);
      };
      this.#answers.send(subject, body, block, {
        heard: (message) => {
          if (isStored(message.data)) resolve();
          else again(readPubAck(message));
          return true;
        },
        silent: (cause) => again({ kind: "silent", cause }),
      });
    });
  }

  async #insist(message: Outgoing, limits: Limits, first?: StoreAnswer): Promise<void> {
    const about = `${message.to.type}/${message.to.id}`;
    const { timeoutMs = this.#deadlineMs, signal } = limits;
    let fate: Fate = { kind: "unsent" };
    const late = (): Error => unacknowledged(fate, about, `not within ${timeoutMs} ms`);
    try {
      await bounded(this.#link, signal === undefined ? { timeoutMs } : { timeoutMs, signal }, late, async (over) => {
        for (let answer = first; !over.isOver; answer = undefined) {
          const before: Fate = fate;
          // While the answer is out, nothing is known.
          if (this.#link.connected) fate = { kind: "open" };
          answer ??= await store(this.#answers, message.subject, message.body, message.block);
          if (answer.kind === "stored") return;
          if (answer.kind === "failed" && classifyWrite(answer.failure) !== "again") throw wayInError(answer.failure, about);
          fate = fateAfter(before, answer);
          if (fate.kind === "open" && fate.cause !== undefined) throw unacknowledged(fate, about, fate.cause.message);
          await pause(RESEND_AFTER_MS, over);
        }
      });
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) throw unacknowledged(fate, about, "the caller gave up", error as Error);
      if (error instanceof TroupeError && error.code === "stopped") throw stopped(fate, about);
      throw error;
    }
  }
}

function fateAfter(before: Fate, answer: Exclude<StoreAnswer, { kind: "stored" }>): Fate {
  if (before.kind === "open") return before;
  if (answer.kind === "absent") return answer;
  if (answer.kind === "failed") return { kind: "busy", failure: answer.failure };
  if (answer.cause.code !== "no_answer") return before;
  const complaint = answer.cause.cause;
  return complaint instanceof Error ? { kind: "open", cause: complaint } : { kind: "open" };
}

/** @returns not_provisioned, no_connection where nothing has left, otherwise no_answer */
function unacknowledged(fate: Fate, about: string, why: string, cause?: Error): TroupeError {
  if (fate.kind === "absent" && cause === undefined)
    return new TroupeError(
      "not_provisioned",
      `No stream takes messages for ${about}; start a host once, or let a deployer create the streams`,
      { about },
    );
  const details = { about, ...(cause === undefined ? {} : { cause }) };
  const text = `The message to ${about} was not acknowledged (${why})`;
  if (fate.kind === "open")
    return new TroupeError("no_answer", `${text}; it may be stored: the same again with the same id is safe`, details);
  if (fate.kind === "busy")
    return new TroupeError(
      "no_answer",
      `${text}; the server refuses it for now: ${fate.failure.description ?? fate.failure.code}`,
      details,
    );
  return new TroupeError("no_connection", `${text}; it is not stored`, details);
}

function stopped(fate: Fate, about: string): TroupeError {
  const known = fate.kind === "open" ? "may be stored" : "is not stored";
  return new TroupeError("stopped", `The client was closed while a message to ${about} was on its way; it ${known}`, { about });
}
