import type { StartLane } from "./core/address.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { checkStartOptions, HEADERS, parseInstant } from "./core/envelope.ts";
import { TroupeError } from "./core/errors.ts";
import type { WaitOptions } from "./limits.ts";
import type { Clock } from "./ports/clock.ts";

/** What may go with a start. */
export interface StartRequest<TInput = unknown> extends WaitOptions {
  /** The same id again is the same task. Default: a new one. */
  readonly id?: string;
  readonly input?: TInput;
  readonly priority?: StartLane;
  readonly delay?: Duration;
  /** Not started by then: `expired`. An instant, RFC 3339 or epoch ms. */
  readonly deadline?: string | number | Date;
}

/** @throws bad_delay, bad_deadline */
export function startHeaders(
  request: Pick<StartRequest, "delay" | "deadline">,
  clock: Clock,
  about: string,
): Readonly<Record<string, string>> {
  if (request.delay === undefined && request.deadline === undefined) return NO_HEADERS;
  const delayMs = request.delay === undefined ? 0 : parseDuration(request.delay);
  if (delayMs === undefined)
    throw new TroupeError("bad_delay", `The delay of ${about} is "${request.delay}", which is not a duration from now on`, { about });
  const deadlineAt = request.deadline === undefined ? undefined : instantOf(request.deadline);
  checkStartOptions({ delayMs, ...(deadlineAt === undefined ? {} : { deadlineAt }) }, clock.now(), about);
  return {
    ...(delayMs === 0 ? {} : { [HEADERS.delay]: String(delayMs) }),
    ...(deadlineAt === undefined ? {} : { [HEADERS.deadline]: String(deadlineAt) }),
  };
}

export const NO_HEADERS: Readonly<Record<string, string>> = {};

function instantOf(deadline: string | number | Date): number {
  if (deadline instanceof Date) return deadline.getTime();
  return typeof deadline === "number" ? deadline : parseInstant(deadline);
}
