import { isId, isType, type Address } from "./address.ts";
import { marked, type Actor, type Turn, type TurnAt } from "./actor.ts";
import { NO_EFFECTS, without } from "./draft.ts";
import type { Effect } from "./effect.ts";
import type { ActorEvent, Envelope } from "./envelope.ts";
import { repliesAfter } from "./asking.ts";
import type { ActorRecord } from "./record.ts";
import { heldFor } from "./held.ts";
import { refOfActivity, targetOf, type RefText } from "./ref.ts";

type Later = Exclude<Envelope, { kind: "start" }>;

/**
 * Envelopes that pass an actor without its machine hearing of them: a delayed send that has come due, an event for work of its own,
 * the book of systemIds that the root of a tree keeps, and leave to go on after it was set aside. Undefined where it is none of these, or too late.
 */
export function pass(address: Address, actor: Actor, envelope: Later, at: TurnAt): Turn | undefined {
  const { record } = actor;
  const changed = (after: Partial<ActorRecord>, ...effects: readonly Effect[]): Turn => ({
    actor: {
      ...actor,
      record: {
        ...record,
        ...after,
        ...repliesAfter(record, effects),
        marks: marked(record, at),
        revision: record.revision + 1,
        epoch: at.epoch,
        updatedAt: at.now,
      },
    },
    effects,
    kind: "changed",
  });
  const sent = (to: RefText, event: ActorEvent, after: Partial<ActorRecord>): Turn => {
    const held = heldFor(record, record, to, event);
    if (held === undefined) return changed(after, ...sendEffects(address, record, to, event));
    return changed({ ...after, children: { ...record.children, [held.id]: held.child } });
  };
  switch (envelope.kind) {
    case "timer": {
      const timer = record.timers[envelope.timer];
      if (timer?.generation !== envelope.generation || timer.to === undefined) return undefined;
      return sent(timer.to, timer.event, { timers: without(record.timers, envelope.timer) });
    }
    case "resume": {
      const { parent, parked, ...rest } = record;
      if (parked === undefined || parent?.type !== envelope.by.type || parent.id !== envelope.by.id) return undefined;
      const marks = marked(record, at);
      const on = { ...rest, parent, marks, revision: record.revision + 1, epoch: at.epoch, updatedAt: at.now };
      return { actor: { ...actor, record: on }, effects: NO_EFFECTS, kind: "changed" };
    }
    case "hand":
      return changed({}, { kind: "hand", activity: envelope.activity, event: envelope.event });
    case "name":
      return changed({ names: renamed(record.names ?? {}, envelope) });
    case "relay": {
      const to = record.names?.[envelope.name];
      return to === undefined ? undefined : sent(to, envelope.event, {});
    }
    default:
      return undefined;
  }
}

/** What it takes to bring an event to whoever a reference names: none where there is nobody. */
export function sendEffects(address: Address, record: ActorRecord, to: string, event: ActorEvent): readonly Effect[] {
  const target = targetOf(to);
  if (target.kind === "activity" && to === refOfActivity(address, target.activity))
    return [{ kind: "hand", activity: target.activity, event }];
  if (target.kind === "asker") return [{ kind: "reply", reply: { to: target.subject, answer: event } }];
  // Nobody has such an address, and in a subject it might say more than an address: an event from outside may bring any text.
  if (target.kind !== "system") return isType(target.address.type) && isId(target.address.id) ? [{ kind: "send", to, event }] : NO_EFFECTS;
  const root = record.parent?.root;
  const known = root === undefined ? record.names?.[target.name] : undefined;
  if (known !== undefined) return sendEffects(address, record, known, event);
  return [{ kind: "relay", root: root ?? address, name: target.name, event }];
}

/** Whoever gives a name back may have lost it already: the next one begins before the last one has ended. */
function renamed(
  names: Readonly<Record<string, string>>,
  { name, ref, was }: Extract<Envelope, { kind: "name" }>,
): Readonly<Record<string, string>> {
  // What was sent without a reference may come as null.
  if (typeof ref === "string") return { ...names, [name]: ref };
  return names[name] === was ? without(names, name) : names;
}
