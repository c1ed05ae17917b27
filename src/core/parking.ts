import { absorb, type Actor, type Turn, type TurnAt } from "./actor.ts";
import type { Effect } from "./effect.ts";
import { brief, type ErrorRecord } from "./errors.ts";
import { errorEvent } from "./family.ts";
import type { Parked, ParentRecord } from "./record.ts";

/** Work whose host died, under a crash policy that allows it again: the same work with a generation of its own. */
export function rerun(actor: Actor, activity: string, at: TurnAt): Turn {
  const { record } = actor;
  const crashed = record.activities[activity];
  if (crashed === undefined) return { actor, effects: [], kind: "unheard" };
  const generation = record.generation + 1;
  const activities = { ...record.activities, [activity]: { ...crashed, generation, reruns: crashed.reruns + 1 } };
  const after = { ...record, activities, generation, revision: record.revision + 1, epoch: at.epoch, updatedAt: at.now };
  return { actor: { ...actor, record: after }, effects: [{ kind: "run", activity, generation }], kind: "changed" };
}

/** A custom action has run. */
export function performed(actor: Actor, key: string, at: TurnAt): Turn {
  const { owed = [], ...rest } = actor.record;
  const left = owed.filter((each) => each.key !== key);
  if (left.length === owed.length) return { actor, effects: [], kind: "unheard" };
  const after = { ...rest, ...(left.length === 0 ? {} : { owed: left }), revision: rest.revision + 1, epoch: at.epoch, updatedAt: at.now };
  return { actor: { ...actor, record: after }, effects: [], kind: "changed" };
}

/** Sets an actor aside for a person to look at: the last good record is kept and nothing of it runs until it is resumed. */
export function park(actor: Actor, parked: Parked, at: TurnAt): Turn {
  const absorbed = absorb(actor, at);
  const record = { ...absorbed.record, parked, revision: actor.record.revision + 1, epoch: at.epoch, updatedAt: at.now };
  return { actor: { ...actor, record }, effects: [], kind: "changed" };
}

/** The same for one that threw, where its parent supervises it: the parent hears of it in the same commit, and decides. */
export function setAside(actor: Actor, error: ErrorRecord, at: TurnAt): Turn {
  const turn = park(actor, { reason: error.code ?? "transition_threw", error, at: at.now }, at);
  const { parent } = actor.record;
  return parent?.supervises === true ? { ...turn, effects: [complaint(parent, error)] } : turn;
}

/** What a parent is told of a child that failed and can go on. */
export function complaint(parent: ParentRecord, error: ErrorRecord): Extract<Effect, { kind: "report" }> {
  return { kind: "report", to: parent, event: errorEvent(parent.child, brief(error)), lives: true };
}

/** Takes a parked actor up again: its unsettled work runs once more. */
export function resume(actor: Actor, at: TurnAt): Turn {
  const { parked: _parked, ...rest } = absorb(actor, at).record;
  let turn: Turn = {
    actor: { ...actor, record: { ...rest, revision: rest.revision + 1, epoch: at.epoch, updatedAt: at.now } },
    effects: [],
    kind: "changed",
  };
  for (const [activity, { dueAt }] of Object.entries(rest.activities)) {
    if (dueAt !== undefined) continue;
    const again = rerun(turn.actor, activity, at);
    turn = { ...again, effects: [...turn.effects, ...again.effects] };
  }
  return turn;
}
