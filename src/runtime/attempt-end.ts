import { encodeRecord } from "../core/codec.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { brief, toErrorRecord, TroupeError } from "../core/errors.ts";
import { isRetryable } from "../core/retry.ts";
import { validate } from "../core/schema.ts";
import { take, type Actor, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";

export interface EndedAttempt {
  readonly activation: Activation;
  readonly actor: Actor;
  readonly name: string;
  readonly attempt: Attempt;
  readonly at: TurnAt;
  readonly maxRecordBytes: number;
  /** @throws too_large, bad_payload for what a parent is told and no message can hold */
  readonly checkMail: (effects: Turn["effects"]) => void;
}

/**
 * The turn that an attempt's end makes, and the record as bytes where its size had to be known. An output that breaks its schema,
 * or that cannot be stored, is a failure of the attempt like one that its code throws.
 */
export function turnOfEnd(ended: EndedAttempt, end: AttemptEnd, log: Log): { readonly turn: Turn; readonly bytes: Uint8Array | undefined } {
  if (end.kind === "failed") return { turn: failed(ended, end.error, log), bytes: undefined };
  const { activation, name } = ended;
  try {
    const { kind, outputSchema } = activation.definition;
    const output = kind === "task" ? validate(outputSchema, end.output, "invalid_output", activation.key) : end.output;
    const turn = settle(ended, { type: `xstate.done.actor.${name}`, actorId: name, output });
    return { turn, bytes: sized(ended, turn) };
  } catch (error) {
    return { turn: failed(ended, error, log), bytes: undefined };
  }
}

function settle({ activation, actor, name, attempt, at }: EndedAttempt, event: ActorEvent): Turn {
  return take(
    activation.definition,
    activation.address,
    actor,
    { kind: "settled", activity: name, generation: attempt.generation, event },
    at,
  );
}

function failed(ended: EndedAttempt, error: unknown, log: Log): Turn {
  const { activation, name, attempt } = ended;
  log.debug({ actor: activation.key, attempt: attempt.attempt, err: error }, "an attempt failed");
  const record = toErrorRecord(error);
  const told = isRetryable(error) ? record : { ...record, retryable: false as const };
  const turn = settle(ended, { type: `xstate.error.actor.${name}`, actorId: name, error: told });
  if (isStorable(ended, turn)) return turn;
  return settle(ended, { type: `xstate.error.actor.${name}`, actorId: name, error: brief(told) });
}

function isStorable({ maxRecordBytes, checkMail }: EndedAttempt, turn: Turn): boolean {
  if (encodeRecord(turn.actor.record).length > maxRecordBytes) return false;
  try {
    checkMail(turn.effects);
    return true;
  } catch {
    return false;
  }
}

/** @throws too_large, or invalid_output for values that cannot be stored */
function sized({ activation: { key }, maxRecordBytes, checkMail }: EndedAttempt, turn: Turn): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = encodeRecord(turn.actor.record);
  } catch (cause) {
    throw new TroupeError("invalid_output", `The output of ${key} cannot be stored: ${(cause as Error).message}`, { about: key, cause });
  }
  if (bytes.length > maxRecordBytes)
    throw new TroupeError("too_large", `The record of ${key} would have ${bytes.length} bytes; ${maxRecordBytes} is the most`, {
      about: key,
    });
  checkMail(turn.effects);
  return bytes;
}
