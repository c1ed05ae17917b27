import { toErrorRecord, TroupeError } from "../core/errors.ts";
import { park, rerun } from "../core/parking.ts";
import { take, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import type { Obligations } from "./obligations.ts";
import type { Timekeeper } from "./timekeeper.ts";

/** After so many crashes during one attempt the work itself is suspected, and a person has to look. */
const MOST_RERUNS = 20;

export interface RecoveryParts {
  readonly obligations: Obligations;
  readonly timekeeper: Timekeeper;
  readonly at: TurnAt;
  readonly apply: (turn: Turn) => void;
  /** A timer that the server keeps is overdue. */
  readonly ring: (timer: string, generation: number) => void;
  readonly log: Log;
}

/**
 * Takes up what an actor's last host left open: right after its record was read, or when it goes on after it was set aside. Attempts
 * that were running are settled by their crash policy (invariant 7), timers are armed in memory again, overdue ones fire at once. What
 * goes on in this host is left alone; `causes` stand for the rest.
 */
export function recover(activation: Activation, causes: readonly Hold[], parts: RecoveryParts): void {
  const { obligations, timekeeper, at, apply, log } = parts;
  const record = activation.actor?.record;
  if (record === undefined || record.status !== "active" || record.parked !== undefined) return;
  for (const [timer, { keeper, generation, dueAt }] of Object.entries(record.timers)) {
    // What a migration has just armed is armed, and so is what goes on.
    if (activation.alarms.some((armed) => armed.generation === generation)) continue;
    if (keeper === "host") obligations.arm(activation, timer, generation, dueAt, causes);
    else if (dueAt <= at.now) parts.ring(timer, generation);
    else timekeeper.keep(activation.session, activation.address, timer, generation, dueAt);
  }
  // What a migration has just begun was not left open by anybody; what was overdue and has been heard may have changed the rest.
  const begun = new Set(activation.attempts.map(({ generation }) => generation));
  for (const [name, { generation, dueAt }] of Object.entries(activation.actor?.record.activities ?? {}))
    if (dueAt === undefined && !begun.has(generation)) apply(afterCrash(activation, name, at, log));
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
