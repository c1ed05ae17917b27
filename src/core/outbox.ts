import type { Actor, Turn, TurnAt } from "./actor.ts";
import { isWritten, type WrittenEffect } from "./effect.ts";
import { NO_EFFECTS } from "./draft.ts";

/**
 * Mail and schedules that no commit has room for. A turn may ask for more than one batch can hold (a parent of thousands stops them
 * all; an actor ends with thousands of timers armed): what is too much waits in the sender's record, in order, and leaves with the
 * commits that follow. Until it is empty whatever else the actor sends waits behind it, so that nobody hears a later message first.
 */
export function spill(turn: Turn, room: number): Turn {
  const { record } = turn.actor;
  const waiting = record.outbox ?? [];
  let left = waiting.length > 0 ? 0 : room;
  const late: WrittenEffect[] = [];
  const effects = turn.effects.filter((effect) => {
    if (!isWritten(effect) || left-- > 0) return true;
    late.push(effect);
    return false;
  });
  if (late.length === 0) return turn;
  return { ...turn, actor: { ...turn.actor, record: { ...record, outbox: [...waiting, ...late] } }, effects, isMeasured: true };
}

/** The next of what waits. */
export function unspill(actor: Actor, most: number, at: TurnAt): Turn {
  const { outbox = [], ...rest } = actor.record;
  if (outbox.length === 0) return { actor, effects: NO_EFFECTS, kind: "unheard" };
  const left = outbox.slice(most);
  const record = {
    ...rest,
    ...(left.length === 0 ? {} : { outbox: left }),
    revision: rest.revision + 1,
    epoch: at.epoch,
    updatedAt: at.now,
  };
  return { actor: { ...actor, record }, effects: outbox.slice(0, most), kind: "changed" };
}
