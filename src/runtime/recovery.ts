import { toErrorRecord, TroupeError } from "../core/errors.ts";
import type { CrashPolicy } from "../core/definition.ts";
import { park, rerun } from "../core/parking.ts";
import { lacksPermit, unasked } from "../core/permit.ts";
import type { ActivityRecord } from "../core/record.ts";
import { take, type Actor, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import { NOTHING, type Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import type { Obligations } from "./obligations.ts";
import { turnOfThrow } from "./throwing.ts";
import type { Timekeeper } from "./timekeeper.ts";

/** After so many crashes during one attempt the work itself is suspected, and a person has to look. */
const MOST_RERUNS = 20;

export interface RecoveryParts {
  readonly obligations: Obligations;
  readonly timekeeper: Timekeeper;
  readonly at: TurnAt;
  /** A timer that the server keeps is overdue. Absent where overdue ones are heard in another place. */
  readonly ring: ((timer: string, generation: number) => void) | undefined;
  readonly apply: (turn: Turn) => void;
  readonly log: Log;
  readonly maxRecordBytes: number;
}

/**
 * Takes up what an actor's last host left open: right after its record was read, or when it goes on after it was set aside. Attempts
 * that were running are settled by their crash policy (invariant 7), all in one turn; timers that only the host's memory kept are armed
 * again, overdue ones at once. What goes on in this host is left alone; `causes` stand for the rest.
 */
export function recover(activation: Activation, causes: readonly Hold[], parts: RecoveryParts): void {
  const { unbegun } = activation;
  if (activation.actor?.record.parked === undefined) activation.unbegun = NOTHING;
  if (!isGoingOn(activation.actor)) return;
  takeUpTimers(activation, activation.actor, causes, parts);
  // Overdue timers have been heard meanwhile.
  const { actor } = activation;
  if (!isGoingOn(actor)) return;
  // What lacks its permit had not begun.
  if (lacksPermit(actor.record)) {
    const asking = unasked(actor, parts.at);
    if (asking !== undefined) parts.apply(asking);
    return;
  }
  for (const [name, { offer }] of Object.entries(actor.record.activities))
    if (offer !== undefined && activation.attempts.every((each) => each.name !== name)) parts.obligations.takeUp(activation, name, causes);
  const running = new Set(activation.attempts.map(({ generation }) => generation));
  const crashed = Object.entries(actor.record.activities).filter(
    ([, { generation, dueAt }]) => dueAt === undefined && !running.has(generation),
  );
  // What parks comes last: an error that the machine hears would take the actor up again.
  const parksLast = crashed.toSorted(([, one], [, other]) => Number(parks(activation, one)) - Number(parks(activation, other)));
  let folded: Turn | undefined;
  for (const [name] of parksLast) {
    const so = folded?.actor ?? actor;
    const waits = unbegun.includes(so.record.activities[name]?.generation ?? 0);
    const turn = waits ? begun(so, name) : afterCrash(activation, so, name, parts);
    folded = folded === undefined ? turn : { ...turn, effects: [...folded.effects, ...turn.effects], kind: "changed" };
  }
  if (folded !== undefined) parts.apply(folded);
}

/** No crash: it had not begun when its actor was set aside. */
function begun(actor: Actor, activity: string): Turn {
  const { generation = 0 } = actor.record.activities[activity] ?? {};
  return { actor, effects: [{ kind: "run", activity, generation }], kind: "changed" };
}

function isGoingOn(actor: Actor | undefined): actor is Actor {
  return actor !== undefined && actor.record.status === "active" && actor.record.parked === undefined;
}

function takeUpTimers(activation: Activation, { record }: Actor, causes: readonly Hold[], parts: RecoveryParts): void {
  const { obligations, timekeeper, at, ring } = parts;
  // Overdue ones are heard in the order in which they were due, whoever kept them: the first may withdraw the others.
  const inOrder = Object.entries(record.timers).toSorted(([, one], [, other]) => one.dueAt - other.dueAt);
  for (const [timer, { keeper, generation, dueAt }] of inOrder) {
    const isArmed = activation.alarms.some((alarm) => alarm.timer === timer && alarm.generation === generation);
    // As what a migration has just armed.
    if (isArmed) continue;
    const isOverdue = dueAt <= at.now;
    if (isOverdue && keeper === "host" && ring !== undefined) obligations.fire(activation, timer, generation, causes);
    else if (keeper === "host") obligations.arm(activation, timer, generation, dueAt, causes);
    else if (isOverdue) ring?.(timer, generation);
    else timekeeper.keep(activation.session, activation.address, timer, generation, dueAt);
  }
}

function policyOf({ definition }: Activation, { src }: ActivityRecord): CrashPolicy {
  return definition.activities.get(src)?.onCrash ?? "park";
}

function parks(activation: Activation, crashed: ActivityRecord): boolean {
  const policy = policyOf(activation, crashed);
  return policy === "park" || (policy === "rerun" && crashed.reruns >= MOST_RERUNS);
}

/** Whoever ran it is gone, or believed to be. */
export function afterCrash(
  activation: Activation,
  actor: Actor,
  name: string,
  parts: Pick<RecoveryParts, "at" | "log" | "maxRecordBytes">,
): Turn {
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
