import type { Actor, Turn, TurnAt } from "./actor.ts";
import type { StartLane } from "./address.ts";
import { without } from "./draft.ts";
import type { ActivityRecord, ActorRecord } from "./record.ts";

/**
 * An attempt that another may run than the owner of its actor, as it is stored in the actor's record.
 *
 *            offered              take                 result, cancel, given up
 *   (none) ───────────► open ───────────► taken ─────────────────────────────────► (none)
 *                        │ ▲                │
 *                        │ └── given back ──┘   under another token
 *                        └── cancel ──────────────────────────────────────────────► (none)
 *
 * Nobody may begin it before `taken` is stored, so the owner can tell work that never began from work that did (invariant 7). What is
 * said under another token than the stored one comes from an attempt that is over.
 */
export type OfferRecord =
  | (Offered & { readonly phase: "open" })
  | (Offered & {
      readonly phase: "taken";
      /** Who runs it: a name that is unique for ever. */
      readonly worker: string;
      /** The subject on which the worker hears at once that it should stop. */
      readonly tell?: string;
    });

interface Offered {
  /** Known to whoever has the work and to nobody else: a result without it is not looked at. */
  readonly token: string;
  /** When it was offered, epoch ms. */
  readonly since: number;
  /** The queue in which it waits. */
  readonly lane: StartLane;
  /** What a host must have to run it. */
  readonly labels: readonly string[];
}

/** Part of the turn that asked for the work: no turn of its own. */
export function offered(actor: Actor, activity: string, offer: OfferRecord): Actor {
  const asked = actor.record.activities[activity];
  return asked === undefined ? actor : withActivity(actor, activity, { ...asked, offer });
}

/** The work runs here after all, or again, or never: what is said of the offer from now on comes too late. */
export function withoutOffer(actor: Actor, activity: string): Actor {
  const { offer, ...asked } = actor.record.activities[activity] ?? {};
  return offer === undefined ? actor : withActivity(actor, activity, asked as ActivityRecord);
}

/** Somebody may begin once this is stored. */
export function taken(
  actor: Actor,
  activity: string,
  { worker, tell }: { readonly worker: string; readonly tell?: string },
  at: TurnAt,
): Turn {
  const asked = actor.record.activities[activity];
  if (asked?.offer?.phase !== "open") return { actor, effects: [], kind: "unheard" };
  const offer: OfferRecord = { ...asked.offer, phase: "taken", worker, ...(tell === undefined ? {} : { tell }) };
  const { generation } = asked;
  return { ...revised(offered(actor, activity, offer), at), effects: [{ kind: "grant", activity, generation }] };
}

/** Whoever had it gives it back unbegun: it waits for a slot, or is offered, once more. */
export function givenBack(actor: Actor, activity: string, at: TurnAt): Turn {
  const asked = actor.record.activities[activity];
  if (asked?.offer === undefined) return { actor, effects: [], kind: "unheard" };
  return { ...revised(withoutOffer(actor, activity), at), effects: [{ kind: "run", activity, generation: asked.generation }] };
}

/** Nobody has begun it, and nobody is to: the task is what it was before it asked for the work. */
export function unbegun({ record }: Actor, activity: string): Actor {
  return { record: { ...record, value: { undo: "ready" }, activities: without(record.activities, activity) } };
}

/** The activity that was offered under a token. */
export function activityUnder({ activities }: ActorRecord, token: string): string | undefined {
  return Object.keys(activities).find((name) => activities[name]?.offer?.token === token);
}

function withActivity(actor: Actor, activity: string, asked: ActivityRecord): Actor {
  return { ...actor, record: { ...actor.record, activities: { ...actor.record.activities, [activity]: asked } } };
}

function revised(actor: Actor, at: TurnAt): Turn {
  const { record } = actor;
  return {
    actor: { ...actor, record: { ...record, revision: record.revision + 1, epoch: at.epoch, updatedAt: at.now } },
    effects: [],
    kind: "changed",
  };
}
