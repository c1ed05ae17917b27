import { toErrorRecord, TroupeError } from "../core/errors.ts";
import { failed } from "../core/failing.ts";
import { setAside } from "../core/parking.ts";
import type { Actor, Turn, TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";

/** The turn of a machine that threw, or asked for what cannot be stored: it parks its actor or ends it (invariant 9). */
export function turnOfThrow({ definition, address, key }: Activation, actor: Actor, error: unknown, at: TurnAt, log: Log): Turn {
  log.error({ actor: key, err: error }, definition.onThrow === "fail" ? "the actor failed" : "the actor was parked");
  const cause = error instanceof TroupeError && error.code === "transition_threw" ? error.cause : error;
  if (definition.onThrow === "fail") return failed(definition, address, actor, cause, at);
  return setAside(actor, toErrorRecord(error), at);
}
