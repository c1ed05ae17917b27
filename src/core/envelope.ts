import type { Address } from "./address.ts";
import { TroupeError } from "./errors.ts";
import type { ParentRecord } from "./record.ts";
import type { RefText } from "./ref.ts";

/**
 * A message as an actor sees it. A start creates the actor; an event reaches one that lives; a timer is an event the actor
 * sent to its own future; the end of an activity is the only one that never travels (it is made where the work ran).
 */
export type Envelope =
  | ({ readonly kind: "start"; readonly input: unknown; readonly parent?: ParentRecord; readonly version?: string } & StartOptions)
  /** `asker` is the subject that its sender waits on for an answer. */
  | { readonly kind: "event"; readonly event: ActorEvent; readonly asker?: string }
  | { readonly kind: "timer"; readonly timer: string; readonly generation: number }
  | { readonly kind: "settled"; readonly activity: string; readonly generation: number; readonly event: ActorEvent }
  /** A child says how it is, or how it ended; or, where it failed and `lives`, what is wrong. */
  | {
      readonly kind: "report";
      readonly child: string;
      readonly generation: number;
      readonly since?: number;
      readonly event: ActorEvent;
      readonly lives?: true;
    }
  /** Its parent ends it; heard from nobody else's. */
  | { readonly kind: "stop"; readonly by: Address }
  /** Its parent lets it go on after it was set aside; heard from nobody else's. */
  | { readonly kind: "resume"; readonly by: Address }
  /** The gate of its type lets the task's attempt begin; or, where it is `late`, tells it that its deadline has passed. */
  | { readonly kind: "permit"; readonly name: string; readonly late?: true }
  | { readonly kind: "hand"; readonly activity: string; readonly event: ActorEvent }
  | { readonly kind: "name"; readonly name: string; readonly ref: RefText | undefined; readonly was?: RefText }
  | { readonly kind: "relay"; readonly name: string; readonly event: ActorEvent };

export interface ActorEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** What a start may carry beside its input; on the wire each is a header of the same meaning. */
export interface StartOptions {
  readonly delayMs: number;
  /** Epoch ms; not started by then means expired. */
  readonly deadlineAt?: number;
  /** A subject that gets the outcome once it is committed. */
  readonly replyTo?: string;
}

/** Headers of the public protocol: fixed for ever. */
export const HEADERS = {
  contentType: "Content-Type",
  /** Milliseconds, a whole number: `1500`. */
  delay: "Troupe-Delay",
  /** RFC 3339 (`2027-01-01T00:00:00Z`) or epoch milliseconds. */
  deadline: "Troupe-Deadline",
  replyTo: "Troupe-Reply",
  /** On mail between actors: what kind of envelope the body is. Never accepted on the way in. */
  kind: "Troupe-Kind",
  /** On dead letters. */
  reason: "Troupe-Reason",
  origin: "Troupe-Origin",
  /** On work that is offered: the subject on which its owner hears whoever takes it. */
  owner: "Troupe-Owner",
  /** Names the attempt; goes with everything that is said of it. */
  token: "Troupe-Token",
  attempt: "Troupe-Attempt",
  epoch: "Troupe-Epoch",
  /** Milliseconds without a word after which the worker is believed dead. */
  silence: "Troupe-Silence",
  /** Milliseconds that the attempt may take. */
  timeout: "Troupe-Timeout",
} as const;

export const MAX_DELAY_MS = 10 * 365 * 24 * 3_600_000;

/**
 * Starts as they arrive: header text → options. Judged by when the message was sent, not by when a host got to it.
 * @throws bad_delay, bad_deadline
 */
export function readStartOptions(message: { readonly sentAt: number; header(name: string): string }, about: string): StartOptions {
  const delayText = message.header(HEADERS.delay);
  const deadlineText = message.header(HEADERS.deadline);
  const replyTo = message.header(HEADERS.replyTo);
  if (delayText === "" && deadlineText === "") return replyTo === "" ? NO_OPTIONS : { delayMs: 0, replyTo };
  return checkStartOptions(
    {
      delayMs: delayText === "" ? 0 : parseCount(delayText),
      ...(deadlineText === "" ? {} : { deadlineAt: parseInstant(deadlineText) }),
      ...(replyTo === "" ? {} : { replyTo }),
    },
    message.sentAt,
    about,
  );
}

const NO_OPTIONS: StartOptions = { delayMs: 0 };

/** @throws bad_delay, bad_deadline */
export function checkStartOptions(options: StartOptions, now: number, about: string): StartOptions {
  const { delayMs, deadlineAt } = options;
  if (!Number.isSafeInteger(delayMs) || delayMs < 0 || delayMs > MAX_DELAY_MS) {
    throw new TroupeError(
      "bad_delay",
      `The delay of ${about} is ${delayMs}: it must be a whole number of milliseconds from 0 to ${MAX_DELAY_MS}`,
      { about },
    );
  }
  if (deadlineAt === undefined) return options;
  if (!Number.isFinite(deadlineAt))
    throw new TroupeError("bad_deadline", `The deadline of ${about} is not an instant: give RFC 3339 or epoch milliseconds`, { about });
  if (deadlineAt <= now)
    throw new TroupeError("bad_deadline", `The deadline of ${about} has passed: ${deadlineAt} is not after ${now}`, { about });
  if (deadlineAt < now + delayMs) throw new TroupeError("bad_deadline", `The deadline of ${about} is before its delay ends`, { about });
  return options;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** RFC 3339 or epoch milliseconds; NaN when it is neither. */
export function parseInstant(text: string): number {
  return RFC_3339.test(text) ? Date.parse(text) : parseCount(text);
}

function parseCount(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** An event from outside. @throws bad_payload, reserved_event */
export function checkEvent(value: unknown, about: string): ActorEvent {
  if (typeof value !== "object" || value === null || !("type" in value) || typeof value.type !== "string" || value.type === "") {
    throw new TroupeError("bad_payload", `An event for ${about} must be an object with a text "type"`, { about });
  }
  if (value.type.startsWith("xstate.") || value.type.startsWith("troupe.")) {
    throw new TroupeError("reserved_event", `The event type "${value.type}" sent to ${about} is reserved`, { about });
  }
  return value as ActorEvent;
}
