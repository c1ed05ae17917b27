import { formatAddress, type Address } from "./core/address.ts";
import { decodeBody, decodeRecord, encodeJson } from "./core/codec.ts";
import { HEADERS, type ActorEvent } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import { asRecord, isEnded, type Refusal } from "./core/record.ts";
import type { Gateway } from "./ports/gateway.ts";

/** How long an actor is believed to answer before its record is looked at: an answer may be lost, a record is not. */
const LOOK_AFTER_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 30_000;

export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * An event, and the first answer to it. The event is stored whatever becomes of the answer.
 * @throws no_answer after the timeout, the code of a refusal, not_running, what sending throws, the signal's reason
 */
export async function ask(gateway: Gateway, to: Address, event: ActorEvent, { timeoutMs, signal }: AskOptions): Promise<ActorEvent> {
  signal?.throwIfAborted();
  const about = formatAddress(to);
  const done = new AbortController();
  try {
    return await new Promise<ActorEvent>((resolve, reject) => {
      const heard = (answer: ActorEvent | Refusal): void =>
        "error" in answer && !("type" in answer) ? reject(fromErrorRecord(answer.error, about)) : resolve(answer);
      const expected = gateway.expect((body) => heard(decodeBody(body, "") as ActorEvent | Refusal));
      const deadline = setTimeout(
        () =>
          reject(new TroupeError("no_answer", `${about} has not answered within ${timeoutMs} ms; the event may yet be heard`, { about })),
        timeoutMs,
      );
      const abort = (): void => reject(signal?.reason as Error);
      signal?.addEventListener("abort", abort, { once: true });
      done.signal.addEventListener("abort", () => {
        expected.forget();
        clearTimeout(deadline);
        signal?.removeEventListener("abort", abort);
      });
      gateway
        .send("event", to, encodeJson(event), { [HEADERS.replyTo]: expected.subject })
        .then(() => look({ gateway, to, subject: expected.subject, over: done.signal }, heard))
        .catch(reject);
    });
  } finally {
    done.abort();
  }
}

interface Look {
  readonly gateway: Gateway;
  readonly to: Address;
  readonly subject: string;
  readonly over: AbortSignal;
}

/** What the record says where nothing was heard: an answer that got lost, or that nobody is left to give one. */
async function look({ gateway, to, subject, over }: Look, heard: (answer: ActorEvent | Refusal) => void): Promise<void> {
  let inMs = LOOK_AFTER_MS;
  while (!over.aborted) {
    await pause(inMs, over);
    if (over.aborted) return;
    const bytes = await gateway.read(to).catch(() => undefined);
    const record = bytes === undefined ? undefined : asRecord(decodeRecord(bytes));
    const reply = record?.replies?.find((each) => each.to === subject);
    const about = formatAddress(to);
    if (reply !== undefined) heard(reply.answer);
    else if (record !== undefined && isEnded(record))
      throw new TroupeError("not_running", `${about} has ended, and its answer did not come`, { about });
    inMs = Math.min(inMs * 2, LOOK_AT_MOST_EVERY_MS);
  }
}

function pause(ms: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    over.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
