import { encodeRecord } from "../core/codec.ts";
import type { ActorEvent, Envelope } from "../core/envelope.ts";
import { brief, toErrorRecord, TroupeError, type ErrorRecord } from "../core/errors.ts";
import { isRetryable } from "../core/retry.ts";
import { validate } from "../core/schema.ts";
import { take, type Actor, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";
import type { Measure } from "./measure.ts";

/** What is to be known of an attempt once it has ended, whoever ran it. */
export type Trying = Pick<Attempt, "name" | "generation" | "attempt" | "holds">;

export interface EndedAttempt {
  readonly activation: Activation;
  readonly actor: Actor;
  readonly name: string;
  readonly attempt: Trying;
  readonly at: TurnAt;
  readonly maxRecordBytes: number;
  readonly measure: Measure;
}

/**
 * The turn that an attempt's end makes, and the record as bytes where its size had to be known. An output that breaks its schema,
 * or that cannot be stored, is a failure of the attempt like one that its code throws.
 */
export function turnOfEnd(ended: EndedAttempt, end: AttemptEnd, log: Log): { readonly turn: Turn; readonly bytes: Uint8Array | undefined } {
  if (end.kind === "failed") return { turn: failed(ended, end.error, log), bytes: undefined };
  const { activation, name } = ended;
  try {
    const { kind, outputSchema, children } = activation.definition;
    const output = kind === "task" ? validate(outputSchema, end.output, "invalid_output", activation.key) : end.output;
    const turn = settle(ended, { type: `xstate.done.actor.${name}`, actorId: name, output });
    // A plan's children are its attempt's doing: where they cannot be stored it has failed.
    return { turn, bytes: kind === "task" && children !== undefined ? ended.measure.check(activation, turn) : sized(ended, turn) };
  } catch (error) {
    // The work is done; it is the machine that is at fault.
    if (activation.definition.kind === "actor" && error instanceof TroupeError && error.code === "transition_threw") throw error;
    return { turn: failed(ended, error, log), bytes: undefined };
  }
}

/** What an attempt's end says to the machine. */
export function settledBy({ name, generation }: Trying, end: AttemptEnd): Extract<Envelope, { kind: "settled" }> {
  const event =
    end.kind === "failed"
      ? { type: `xstate.error.actor.${name}`, actorId: name, error: toldOf(end.error) }
      : { type: `xstate.done.actor.${name}`, actorId: name, output: end.output };
  return { kind: "settled", activity: name, generation, event };
}

function toldOf(error: unknown): ErrorRecord {
  const record = toErrorRecord(error);
  return isRetryable(error) ? record : { ...record, retryable: false };
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
  const told = toldOf(error);
  const turn = settle(ended, { type: `xstate.error.actor.${name}`, actorId: name, error: told });
  if (isStorable(ended, turn)) return turn;
  return settle(ended, { type: `xstate.error.actor.${name}`, actorId: name, error: brief(told) });
}

function isStorable({ activation, maxRecordBytes, measure }: EndedAttempt, turn: Turn): boolean {
  if (encodeRecord(turn.actor.record).length > maxRecordBytes) return false;
  try {
    measure.checkMail(activation.key, turn.effects);
    return true;
  } catch {
    return false;
  }
}

/** @throws too_large, or invalid_output for values that cannot be stored */
function sized({ activation: { key }, maxRecordBytes, measure }: EndedAttempt, turn: Turn): Uint8Array {
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
  measure.checkMail(key, turn.effects);
  return bytes;
}
