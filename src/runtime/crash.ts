import { toErrorRecord, TroupeError } from "../core/errors.ts";
import type { CrashPolicy } from "../core/definition.ts";
import { park, rerun } from "../core/parking.ts";
import type { ActivityRecord } from "../core/record.ts";
import { take, type Actor, type Turn } from "../core/turn.ts";
import type { Activation } from "./activation.ts";
import { turnOfThrow, type ThrowParts } from "./throwing.ts";

/* What becomes of an attempt whose host or worker is gone: its crash policy says (invariant 7). */

/** After so many crashes during one attempt the work itself is suspected, and a person has to look. */
const MOST_RERUNS = 20;

function policyOf({ definition }: Activation, { src }: ActivityRecord): CrashPolicy {
  return definition.activities.get(src)?.onCrash ?? "park";
}

/** Whether its crash policy sets its actor aside, so that a person looks. */
export function parks(activation: Activation, crashed: ActivityRecord): boolean {
  const policy = policyOf(activation, crashed);
  return policy === "park" || (policy === "rerun" && crashed.reruns >= MOST_RERUNS);
}

/** Whoever ran it is gone, or believed to be. */
export function afterCrash(activation: Activation, actor: Actor, name: string, parts: ThrowParts): Turn {
  const { at, log } = parts;
  const crashed = actor.record.activities[name];
  // What came of another one's end may have stopped it.
  if (crashed === undefined || actor.record.status !== "active") return { actor, effects: [], kind: "unheard" };
  const policy = policyOf(activation, crashed);
  log.info({ actor: activation.key, activity: name, reruns: crashed.reruns, policy }, "the host died during an attempt");
  if (policy === "rerun" && crashed.reruns < MOST_RERUNS) return rerun(actor, name, at);
  const words = `The host of ${activation.key} died during an attempt${policy === "rerun" ? `, ${crashed.reruns + 1} times in a row` : ""}`;
  const error = { ...toErrorRecord(new TroupeError("crashed", words, { about: activation.key })), retryable: false as const };
  if (policy !== "fail") return park(actor, { reason: "crashed", error, at: at.now }, at);
  const event = { type: `xstate.error.actor.${name}`, actorId: name, error };
  const { definition, address } = activation;
  const settled = { kind: "settled", activity: name, generation: crashed.generation, event } as const;
  try {
    return take(definition, address, actor, settled, at);
  } catch (cause) {
    return turnOfThrow(activation, actor, settled, cause, parts);
  }
}
