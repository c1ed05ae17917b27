import { toErrorRecord, TroupeError } from "../core/errors.ts";
import { park, rerun } from "../core/parking.ts";
import { take, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { Obligations } from "./obligations.ts";

/** After so many crashes during one attempt the work itself is suspected, and a person has to look. */
const MOST_RERUNS = 20;

/**
 * Takes up what an actor's last host left open. Called once, right after its record was read: attempts that were running are settled
 * by their crash policy (invariant 7), timers that only the host's memory kept are armed again, overdue ones at once.
 */
export function recover(activation: Activation, obligations: Obligations, at: TurnAt, apply: (turn: Turn) => void, log: Log): void {
  const record = activation.actor?.record;
  if (record === undefined || record.status !== "active" || record.parked !== undefined) return;
  for (const [timer, { keeper, generation, dueAt }] of Object.entries(record.timers)) {
    if (keeper === "host" && !activation.alarms.some((armed) => armed.generation === generation))
      obligations.arm(activation, timer, generation, dueAt, []);
  }
  // What a migration has just begun was not left open by anybody.
  const begun = new Set(activation.attempts.map(({ generation }) => generation));
  for (const [name, { generation }] of Object.entries(record.activities))
    if (!begun.has(generation)) apply(afterCrash(activation, name, at, log));
}

function afterCrash(activation: Activation, name: string, at: TurnAt, log: Log): Turn {
  const actor = activation.actor as NonNullable<Activation["actor"]>;
  const crashed = actor.record.activities[name] as NonNullable<(typeof actor.record.activities)[string]>;
  const policy = activation.definition.activities.get(crashed.src)?.onCrash ?? "park";
  log.info({ actor: activation.key, activity: name, reruns: crashed.reruns, policy }, "the host died during an attempt");
  if (policy === "rerun" && crashed.reruns < MOST_RERUNS) return rerun(actor, name, at);
  const words = `The host of ${activation.key} died during an attempt${policy === "rerun" ? `, ${crashed.reruns + 1} times in a row` : ""}`;
  const error = { ...toErrorRecord(new TroupeError("crashed", words, { about: activation.key })), retryable: false as const };
  if (policy !== "fail") return park(actor, { reason: "crashed", error, at: at.now }, at);
  const event = { type: `xstate.error.actor.${name}`, actorId: name, error };
  return take(
    activation.definition,
    activation.address,
    actor,
    { kind: "settled", activity: name, generation: crashed.generation, event },
    at,
  );
}
