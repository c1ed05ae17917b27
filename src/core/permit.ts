import type { TaskContext } from "../../machines/task.ts";
import type { Actor, Turn, TurnAt } from "./actor.ts";
import type { StartLane } from "./address.ts";
import type { Definition } from "./definition.ts";
import type { Effect } from "./effect.ts";
import { topState, type ActorRecord } from "./record.ts";
import { keyOf } from "./run-limits.ts";

/*
 * A task of a limited type needs a permit for every attempt. What it wants and has is in its record and follows from its state, turn by
 * turn: it waits for one while it could begin, keeps it while it works, and gives it back with the turn that ends the attempt.
 */

/** Of a task whose type was limited when it was started. */
export interface PermitRecord {
  readonly stance: "none" | "waits" | "has";
  readonly lane: StartLane;
  /** Whose work it is; "" where the type has no keys. */
  readonly key: string;
  /** Of what it waits for or has: never the same for two, of tasks that had the same id before neither. */
  readonly name?: string;
}

/**
 * What is stored for a type's gate to see, each under its name: who waits, which permits are out, and which gate is the newest: what is
 * stored after its ticket no earlier gate has given.
 */
export interface Ticket {
  readonly stand: "wait" | "permit" | "gate";
  readonly name: string;
}

/** The first turn of a task, of a limited type. @throws bad_payload where nobody can tell its key */
export function limited(definition: Definition, turn: Turn, input: unknown, lane: StartLane, about: string): Turn {
  const { limits } = definition;
  if (limits === undefined) return turn;
  const permit: PermitRecord = { stance: "none", lane, key: keyOf(limits, input, about) };
  return { ...turn, actor: { ...turn.actor, record: { ...turn.actor.record, permit } } };
}

/** What a task asks its gate for. */
export type Wish = Extract<Effect, { kind: "queue" }>;

/**
 * What a turn has made of its task decides whether that wants a permit: what follows is stored with it. `isGiven`: the gate is at hand,
 * and gives the permit at once.
 */
export function withPermit(turn: Turn, isGiven: (wish: Wish) => boolean): Turn {
  const { record } = turn.actor;
  const { permit } = record;
  if (permit === undefined) return turn;
  const wants = wantsPermit(record);
  if (!wants && permit.stance === "none") return turn;
  if (!wants) return settled(turn, { ...without(permit), stance: "none" }, returned(permit));
  // Nothing may run without: what the turn asks for runs once the permit is there.
  if (permit.stance === "waits") return { ...turn, effects: turn.effects.filter(({ kind }) => kind !== "run") };
  if (permit.stance === "has") return turn;
  const name = `${record.createdAt}-${record.revision}`;
  const { lane, key } = permit;
  const wish: Wish = { kind: "queue", ticket: { stand: "wait", name }, lane, key, ...deadlineOf(record) };
  if (isGiven(wish)) return settled(turn, { ...permit, stance: "has", name }, [{ ...wish, ticket: { stand: "permit", name } }]);
  const effects = turn.effects.filter(({ kind }) => kind !== "run");
  return settled({ ...turn, effects }, { ...permit, stance: "waits", name }, [wish]);
}

/** The permit has come: work that waited for it begins. Undefined where it is not, or no longer, wanted. */
export function permitted(actor: Actor, name: string, at: TurnAt): Turn | undefined {
  const { record } = actor;
  const { permit } = record;
  if (permit?.stance !== "waits" || permit.name !== name) return undefined;
  const work = Object.entries(record.activities).filter(([, { dueAt }]) => dueAt === undefined);
  const runs = work.map(([activity, { generation }]): Effect => ({ kind: "run", activity, generation }));
  const marks = at.mark === undefined ? record.marks : { ...record.marks, [at.mark.source]: at.mark.sequence };
  const after = { ...record, marks, permit: { ...permit, stance: "has" as const }, revision: record.revision + 1 };
  const effects: readonly Effect[] = [{ kind: "unqueue", ticket: { stand: "wait", name } }, ...runs];
  return { actor: { ...actor, record: { ...after, epoch: at.epoch, updatedAt: at.now } }, effects, kind: "changed" };
}

/** It wants a permit and has not asked for one: it was set aside, or fits a definition again. Undefined where that is not so. */
export function unasked(actor: Actor, at: TurnAt): Turn | undefined {
  const { record } = actor;
  if (record.permit?.stance !== "none" || !wantsPermit(record)) return undefined;
  const after = { ...record, revision: record.revision + 1, epoch: at.epoch, updatedAt: at.now };
  return { actor: { ...actor, record: after }, effects: [], kind: "changed" };
}

/** Whether nothing of the task may run now, whatever its machine has asked for. */
export function lacksPermit({ permit }: ActorRecord): boolean {
  return permit !== undefined && permit.stance !== "has";
}

/** It could begin, or works. One that is set aside after a crash does not; one that is set aside otherwise may still have work running. */
function wantsPermit(record: ActorRecord): boolean {
  if (record.status !== "active") return false;
  const { value, parked } = record;
  if (topState(value) === "doing") return parked?.reason !== "crashed";
  const isReady = typeof value === "object" && value["undo"] === "ready";
  return isReady && parked === undefined && (record.context as TaskContext).delayMs === 0;
}

/** By when it is to begin: an attempt that has begun, was set aside and is to go on cannot be late any more. */
function deadlineOf({ deadlineAt, value }: ActorRecord): { readonly deadlineAt?: number } {
  return deadlineAt === undefined || topState(value) === "doing" ? {} : { deadlineAt };
}

function returned({ stance, name }: PermitRecord): readonly Effect[] {
  return name === undefined ? [] : [{ kind: "unqueue", ticket: { stand: stance === "waits" ? "wait" : "permit", name } }];
}

function without({ name: _name, ...permit }: PermitRecord): PermitRecord {
  return permit;
}

function settled(turn: Turn, permit: PermitRecord, effects: readonly Effect[]): Turn {
  const { actor } = turn;
  return { ...turn, actor: { ...actor, record: { ...actor.record, permit } }, effects: [...turn.effects, ...effects] };
}
