import { attended } from "./attended.ts";
import { formatAddress, type Address } from "./core/address.ts";
import { decodeRecord, encodeJson } from "./core/codec.ts";
import { DEADLINES } from "./core/deadlines.ts";
import { HEADERS, type ActorEvent } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError } from "./core/errors.ts";
import type { Over } from "./core/over.ts";
import { asRecord, isEnded, type Refusal } from "./core/record.ts";
import { Expected } from "./expected.ts";
import { isAbort } from "./limits.ts";
import type { Gateway, SendLimits } from "./ports/gateway.ts";

/** How long an actor is believed to answer before its record is looked at: an answer may be lost, a record is not. */
const LOOK_AFTER_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 30_000;

type Told = ActorEvent | Refusal;

/**
 * An event, and the first answer to it. The event is stored whatever becomes of the answer; it is sent under one id until it is, and
 * never asked for a second time.
 * @throws no_answer after the timeout, the code of a refusal, not_running, what sending throws, stopped, the signal's reason
 */
export async function ask(gateway: Gateway, to: Address, event: ActorEvent, limits: SendLimits): Promise<ActorEvent> {
  const about = formatAddress(to);
  const { timeoutMs = gateway.callMs, signal, id } = limits;
  const expected = new Expected<Told>(gateway);
  const late = (): Error =>
    new TroupeError("no_answer", `${about} has not answered within ${timeoutMs} ms; the event is stored, and may yet be heard`, { about });
  const { clock } = gateway;
  const startedAt = clock.monotonic();
  try {
    await gateway.send(
      "event",
      to,
      encodeJson(event),
      { [HEADERS.replyTo]: expected.subject },
      {
        timeoutMs: Math.min(timeoutMs, DEADLINES.sendAtMostMs),
        ...(signal === undefined ? {} : { signal }),
        ...(id === undefined ? {} : { id }),
      },
    );
    const left = { timeoutMs: Math.max(0, timeoutMs - (clock.monotonic() - startedAt)), ...(signal === undefined ? {} : { signal }) };
    const told = await attended(gateway, to, left, late, (over) => answerOf(gateway, to, expected, over));
    if ("error" in told && !("type" in told)) throw fromErrorRecord(told.error, about);
    return told;
  } catch (error) {
    throw isAbort(error, signal) ? signal?.reason : error;
  } finally {
    expected.forget();
  }
}

/** What is heard, or what the record says where nothing was: an answer that got lost, or that nobody is left to give one. */
async function answerOf(gateway: Gateway, to: Address, expected: Expected<Told>, over: Over): Promise<Told> {
  for (let inMs = LOOK_AFTER_MS; ; inMs = Math.min(inMs * 2, LOOK_AT_MOST_EVERY_MS)) {
    await expected.news(inMs, over);
    if (expected.heard !== undefined) return expected.heard;
    const bytes = await gateway.read(to, { signal: over.signal }).catch(() => undefined);
    const record = bytes === undefined ? undefined : asRecord(decodeRecord(bytes));
    const reply = record?.replies?.find((each) => each.to === expected.subject);
    if (reply !== undefined) return reply.answer;
    const about = formatAddress(to);
    if (over.isOver || (record !== undefined && isEnded(record)))
      throw new TroupeError("not_running", `${about} has ended, and its answer did not come`, { about });
  }
}
