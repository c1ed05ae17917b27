import { attended } from "./attended.ts";
import { formatAddress, type Address } from "./core/address.ts";
import { decodeRecord } from "./core/codec.ts";
import { HEADERS } from "./core/envelope.ts";
import { fromErrorRecord, TroupeError, type ErrorRecord } from "./core/errors.ts";
import { acknowledgementOf, outcomeOf, type Outcome } from "./core/lifecycle.ts";
import type { Over } from "./core/over.ts";
import { asRecord, isEnded } from "./core/record.ts";
import type { Expected } from "./expected.ts";
import type { Alarm } from "./ports/clock.ts";
import type { Gateway, Limits } from "./ports/gateway.ts";

/** How long a started task is believed to answer before its record is looked at: an answer may be lost, a record is not. */
const LOOK_AFTER_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 30_000;

/**
 * The outcome of an actor that was started with an answer's subject: what is pushed there, or what is stored where that was lost. What
 * is stored is looked at after each reconnect, and every half minute at least. While nothing can be read it waits for `outageMs`;
 * without the right to read, for the answer alone.
 * @throws why its start was refused, unknown_id where nothing is left of it, no_answer, no_connection, stopped, the signal's reason
 */
export function outcome(gateway: Gateway, address: Address, expected: Expected<Outcome>, limits: Limits): Promise<Outcome> {
  const about = formatAddress(address);
  const late = (): Error => new TroupeError("no_answer", `${about} has no result in time; it goes on`, { about });
  return attended(gateway, address, limits, late, (over) => look(gateway, address, expected, over));
}

async function look(gateway: Gateway, address: Address, expected: Expected<Outcome>, over: Over): Promise<Outcome> {
  const startedAt = gateway.clock.now();
  const blindness = new Blindness(gateway);
  try {
    for (let lookInMs = LOOK_AFTER_MS; ; lookInMs = Math.min(lookInMs * 2, LOOK_AT_MOST_EVERY_MS)) {
      await (expected.heard === undefined ? expected.news(Math.min(lookInMs, gateway.outageMs), over) : undefined);
      if (expected.heard !== undefined && expected.heard.inRecord !== true) return expected.heard;
      blindness.begin();
      try {
        const limits = { timeoutMs: Math.min(gateway.callMs, gateway.outageMs), signal: over.signal };
        const stored = await ending(gateway, address, startedAt, limits);
        if (stored !== undefined) return stored;
        blindness.end();
      } catch (error) {
        if (over.isOver || !(error instanceof TroupeError) || !isBlindness(error)) throw error;
        const isForbidden = error.cause !== undefined && gateway.connection.state === "connected";
        if (isForbidden) blindness.end();
        else if (blindness.isTooLong) throw error;
      }
    }
  } finally {
    blindness.end();
  }
}

/** Time in which nothing can be read. An alarm minds it, since what a virtual clock leaps over is not measured. */
class Blindness {
  readonly #gateway: Gateway;
  #state: { readonly since: number; readonly alarm: Alarm; isTooLong: boolean } | undefined;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  get isTooLong(): boolean {
    const { clock, outageMs } = this.#gateway;
    return this.#state !== undefined && (this.#state.isTooLong || clock.monotonic() - this.#state.since >= outageMs);
  }

  /** Now, if not before. */
  begin(): void {
    if (this.#state !== undefined) return;
    const { clock, outageMs } = this.#gateway;
    const state = { since: clock.monotonic(), alarm: clock.after(outageMs, () => (state.isTooLong = true)), isTooLong: false };
    this.#state = state;
  }

  end(): void {
    this.#state?.alarm.cancel();
    this.#state = undefined;
  }
}

function isBlindness({ code }: TroupeError): boolean {
  return code === "no_answer" || code === "no_connection";
}

/** Clocks of client and server may differ by so much. */
const CLOCK_SKEW_MS = 60_000;

/**
 * How a started actor ended, or that it was acknowledged early; undefined where that is still to come.
 * @throws why its start was refused, unknown_id where nothing is left of it
 */
async function ending(gateway: Gateway, address: Address, startedAt: number, limits: Limits): Promise<Outcome | undefined> {
  // Between the two reads its start may have been taken up.
  for (let looks = 0; looks < 2; looks++) {
    const bytes = await gateway.read(address, limits);
    if (bytes !== undefined) return outcomeIn(address, bytes);
    if (await gateway.awaits(address, limits)) return undefined;
  }
  const about = formatAddress(address);
  for await (const letter of gateway.deadLetters(address, limits)) {
    if (letter.header(HEADERS.origin) === "event" || letter.at < startedAt - CLOCK_SKEW_MS) continue;
    throw fromErrorRecord(JSON.parse(letter.header(HEADERS.reason)) as ErrorRecord, about);
  }
  throw new TroupeError("unknown_id", `${about} has ended, and its record was removed before it could be read`, { about });
}

function outcomeIn({ type, id }: Address, bytes: Uint8Array): Outcome | undefined {
  const record = asRecord(decodeRecord(bytes));
  return isEnded(record) ? outcomeOf(type, id, record) : acknowledgementOf(type, id, record);
}

/** What a task produced, or its failure as an error. @throws task_failed, cancelled, expired and the other codes of a failure */
export function outputOf(outcome: Outcome): unknown {
  if (outcome.state === "done" || outcome.acknowledged !== undefined) return outcome.output;
  const about = `${outcome.type}/${outcome.id}`;
  const error = outcome.error ?? { name: "TroupeError", code: "expired", message: `${about} has expired` };
  const cause = fromErrorRecord(error, about);
  if (cause instanceof TroupeError) throw cause;
  throw new TroupeError("task_failed", `${about} failed after ${outcome.attempt} attempts: ${error.message}`, { about, cause });
}
