import { toErrorRecord, TroupeError } from "../core/errors.ts";
import { failed } from "../core/failing.ts";
import { errorEvent } from "../core/family.ts";
import { setAside } from "../core/parking.ts";
import type { Unheard } from "../core/record.ts";
import { take, type Actor, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import { roomForUnheard } from "./unheard.ts";

export interface ThrowParts {
  readonly at: TurnAt;
  readonly log: Log;
  readonly maxRecordBytes: number;
}

/** The turn of a machine that threw, or asked for what cannot be stored: it parks its actor or ends it (invariant 9). */
export function turnOfThrow(activation: Activation, actor: Actor, envelope: Unheard, error: unknown, parts: ThrowParts): Turn {
  const { definition, address, key, recordBytes } = activation;
  const { at, log, maxRecordBytes } = parts;
  const without = withoutReport(activation, actor, envelope, error, at);
  if (without !== undefined) return without;
  log.error({ actor: key, err: error }, definition.onThrow === "fail" ? "the actor failed" : "the actor was parked");
  const cause = error instanceof TroupeError && error.code === "transition_threw" ? error.cause : error;
  if (definition.onThrow === "fail") return failed(definition, address, actor, cause, at);
  return setAside(actor, toErrorRecord(error), at, envelope, roomForUnheard(recordBytes, maxRecordBytes));
}

/** A plan that cannot keep what its child brought goes on as if the child had failed: otherwise it would wait for its end for ever. */
function withoutReport({ definition, address }: Activation, actor: Actor, envelope: Unheard, error: unknown, at: TurnAt): Turn | undefined {
  if (definition.kind !== "task" || envelope.kind !== "report") return undefined;
  return take(definition, address, actor, { ...envelope, event: errorEvent(envelope.child, toErrorRecord(error)) }, at);
}
