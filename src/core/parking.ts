import { absorb, type Actor, type Turn, type TurnAt } from "./actor.ts";
import type { Effect } from "./effect.ts";
import { encodeRecord } from "./codec.ts";
import { brief, type ErrorRecord } from "./errors.ts";
import { errorEvent } from "./family.ts";
import type { ActorRecord, Parked, ParentRecord, Unheard } from "./record.ts";

/** Work whose host died, under a crash policy that allows it again: the same work with a generation of its own. */
export function rerun(actor: Actor, activity: string, at: TurnAt): Turn {
  const { record } = actor;
  const crashed = record.activities[activity];
  if (crashed === undefined) return { actor, effects: [], kind: "unheard" };
  const generation = record.generation + 1;
  const { offer: _offer, ...asked } = crashed;
  const activities = { ...record.activities, [activity]: { ...asked, generation, reruns: crashed.reruns + 1 } };
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
  const { unheard, tooLarge } = actor.record.parked ?? {};
  const kept = { ...(unheard === undefined ? {} : { unheard }), ...(tooLarge === undefined ? {} : { tooLarge }) };
  const record = {
    ...absorbed.record,
    parked: { ...kept, ...parked },
    revision: actor.record.revision + 1,
    epoch: at.epoch,
    updatedAt: at.now,
  };
  return { actor: { ...actor, record }, effects: [], kind: "changed" };
}

/**
 * The same for one that threw at `envelope`, which is kept in `mostBytes` at most. Where its parent supervises it, the parent hears of it
 * in the same commit, and decides: none of its answers brings the envelope again.
 */
export function setAside(actor: Actor, error: ErrorRecord, at: TurnAt, envelope: Unheard, mostBytes: number): Turn {
  const { parent, parked } = actor.record;
  const isSupervised = parent?.supervises === true;
  const kept = isSupervised ? {} : withUnheard(parked, envelope, mostBytes);
  const turn = park(actor, { reason: error.code ?? "transition_threw", error, at: at.now, ...kept }, at);
  return isSupervised ? { ...turn, effects: [complaint(parent, error)] } : turn;
}

/** Bytes of what is kept for a parked actor, together. */
export const MOST_UNHEARD_BYTES = 64 * 1024;

/** What came before, and this. An ask is not kept: whoever asked is told that it was refused, and asks again. */
function withUnheard(
  { unheard, tooLarge = 0 }: Pick<Parked, "unheard" | "tooLarge"> = {},
  envelope: Unheard,
  mostBytes: number,
): Pick<Parked, "unheard" | "tooLarge"> {
  if (envelope.kind === "event" && envelope.asker !== undefined) return {};
  const all = [...(unheard ?? []), envelope];
  return isWithin(all, mostBytes) ? { unheard: all } : { tooLarge: tooLarge + 1 };
}

function isWithin(envelopes: readonly Unheard[], mostBytes: number): boolean {
  try {
    return encodeRecord(envelopes).length <= mostBytes;
  } catch {
    return false;
  }
}

/** A parked actor that threw again at the first of what it was to hear keeps the rest too. */
export function keepUnheard(actor: Actor, rest: readonly Unheard[]): Turn {
  const { record } = actor;
  const { parked } = record;
  if (parked === undefined || rest.length === 0) return { actor, effects: [], kind: "unheard" };
  // Some of it was kept before: it has room again.
  const unheard = [...(parked.unheard ?? []), ...rest];
  return { actor: { ...actor, record: { ...record, parked: { ...parked, unheard } } }, effects: [], kind: "changed" };
}

/** What a parent is told of a child that failed and can go on. */
export function complaint(parent: ParentRecord, error: ErrorRecord): Extract<Effect, { kind: "report" }> {
  return { kind: "report", to: parent, event: errorEvent(parent.child, brief(error)), lives: true };
}

/** Takes a parked actor up again: its unsettled work runs once more, but for what runs all along under one of these generations. */
export function resume(actor: Actor, at: TurnAt, running: readonly number[] = []): Turn {
  return rerunOpen(unparked(actor, at), actor.record.activities, at, running);
}

/** Parked no more, and nothing else. */
export function unparked(actor: Actor, at: TurnAt): Turn {
  const { parked: _parked, ...rest } = absorb(actor, at).record;
  const record = { ...rest, revision: rest.revision + 1, epoch: at.epoch, updatedAt: at.now };
  return { actor: { ...actor, record }, effects: [], kind: "changed" };
}

/** The work of before that is still open, runs nowhere and waits for nothing, once more. */
export function rerunOpen(turn: Turn, before: ActorRecord["activities"], at: TurnAt, running: readonly number[]): Turn {
  let after = turn;
  for (const [activity, { generation, dueAt }] of Object.entries(before)) {
    const isOpen = after.actor.record.activities[activity]?.generation === generation;
    if (!isOpen || dueAt !== undefined || running.includes(generation)) continue;
    const again = rerun(after.actor, activity, at);
    after = { ...again, effects: [...after.effects, ...again.effects] };
  }
  return after;
}
