import { formatAddress, type Address } from "./core/address.ts";
import { decodeBody, decodeRecord, encodeJson } from "./core/codec.ts";
import { HEADERS, type ActorEvent } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import { asRecord, isEnded, type Refusal } from "./core/record.ts";
import { lookNowAndThen } from "./looks.ts";
import type { Gateway } from "./ports/gateway.ts";

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
  const waiting = new Promise<ActorEvent>((resolve, reject) => {
    const heard = (answer: ActorEvent | Refusal): void =>
      "error" in answer && !("type" in answer) ? reject(fromErrorRecord(answer.error, about)) : resolve(answer);
    const expected = gateway.expect((body) => heard(decodeBody(body, "") as ActorEvent | Refusal));
    const alarms = [
      gateway.clock.after(timeoutMs, () =>
        reject(new TroupeError("no_answer", `${about} has not answered within ${timeoutMs} ms; the event may yet be heard`, { about })),
      ),
    ];
    const abort = (): void => reject(signal?.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    done.signal.addEventListener("abort", () => {
      expected.forget();
      for (const alarm of alarms) alarm.cancel();
      signal?.removeEventListener("abort", abort);
    });
    const look = () => lookFor(gateway, to, expected.subject, heard).catch(reject);
    gateway
      .send("event", to, encodeJson(event), { [HEADERS.replyTo]: expected.subject })
      .then(() => {
        if (!done.signal.aborted) alarms.push(lookNowAndThen(gateway.clock, look));
      })
      .catch(reject);
  });
  try {
    return await gateway.attend(to, waiting);
  } finally {
    done.abort();
  }
}

/** What the record says where nothing was heard: an answer that got lost, or that nobody is left to give one. @throws not_running */
async function lookFor(gateway: Gateway, to: Address, subject: string, heard: (answer: ActorEvent | Refusal) => void): Promise<void> {
  const bytes = await gateway.read(to).catch(() => undefined);
  const record = bytes === undefined ? undefined : asRecord(decodeRecord(bytes));
  const reply = record?.replies?.find((each) => each.to === subject);
  const about = formatAddress(to);
  if (reply !== undefined) heard(reply.answer);
  else if (record !== undefined && isEnded(record))
    throw new TroupeError("not_running", `${about} has ended, and its answer did not come`, { about });
}
