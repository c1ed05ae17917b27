import { DEADLINES } from "./core/deadlines.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { TroupeError } from "./core/errors.ts";
import type { Limits } from "./ports/gateway.ts";

/** How long a call may take, and who may end it sooner. The README lists the defaults. */
export interface WaitOptions {
  readonly timeout?: Duration;
  /** Ends the call with the signal's reason. */
  readonly signal?: AbortSignal;
}

const NONE: Limits = {};

/** @throws bad_options */
export function limitsOf({ timeout, signal }: WaitOptions, about: string): Limits {
  if (timeout === undefined) return signal === undefined ? NONE : { signal };
  const timeoutMs = parseDuration(timeout);
  if (timeoutMs === undefined) throw new TroupeError("bad_options", `"${timeout}" is not a duration`, { about });
  return signal === undefined ? { timeoutMs } : { timeoutMs, signal };
}

/** The same for a message on its way in. @throws bad_options also for a timeout after which it might be stored twice */
export function sendLimitsOf(options: WaitOptions, about: string): Limits {
  const limits = limitsOf(options, about);
  if (limits.timeoutMs !== undefined) checkSendMs(limits.timeoutMs, "timeout", about);
  return limits;
}

/** @throws bad_options */
export function checkSendMs(timeoutMs: number, path: string, about?: string): void {
  if (timeoutMs <= DEADLINES.sendAtMostMs) return;
  const message = `must be ${DEADLINES.sendAtMostMs} ms or less: what is sent again later than that may be stored twice`;
  throw new TroupeError("bad_options", `"${path}" ${message}`, { faults: [{ path, message }], ...(about === undefined ? {} : { about }) });
}

export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && (error === signal.reason || (error as Error).cause === signal.reason);
}

/** What the caller hears whose signal has ended a message's way in: the signal's reason, as from everything else. */
export function asAborted(signal: AbortSignal | undefined): (error: unknown) => never {
  return (error) => {
    throw isAbort(error, signal) ? signal?.reason : error;
  };
}
