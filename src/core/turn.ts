import type { AnyMachineSnapshot } from "xstate";
import { formatAddress, type Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import type { Effect } from "./effect.ts";
import type { ActorEvent, Envelope } from "./envelope.ts";
import { toErrorRecord, TroupeError } from "./errors.ts";
import { plainEdge, plainStart, type PlainEdge } from "./plain.ts";
import type { ActorRecord } from "./record.ts";
import { Draft, NO_EFFECTS, NOTHING, setChild, without, type CollectedAction } from "./draft.ts";
import { ChildRef, Scope } from "./scope.ts";

/**
 * A turn is one envelope applied to one actor: `(definition, actor, envelope, at) → (actor', effects)`. Pure: no clock, no chance,
 * no I/O, and the only caller of XState's transition. Nothing it returns has happened until it is committed.
 */
export interface Turn {
  readonly actor: Actor;
  readonly effects: readonly Effect[];
  /** What the machine heard; absent where it heard nothing, or nothing came from outside. */
  readonly event?: ActorEvent;
  /** What the turn made of the envelope: an unheard one changed nothing and need not be stored. */
  readonly kind: "changed" | "unheard";
}

/** An actor in memory: what is stored of it, and the snapshot that XState goes on from, made from the record when it is needed. */
export interface Actor {
  readonly record: ActorRecord;
  readonly snapshot?: AnyMachineSnapshot;
}

/** When and under which fence a turn is made, and which delivery it absorbs. */
export interface TurnAt {
  readonly now: number;
  readonly epoch: number;
  readonly mark?: { readonly source: string; readonly sequence: number };
}

type StartEnvelope = Extract<Envelope, { kind: "start" }>;

/** The first turn of an actor. @throws transition_threw */
export function start(definition: Definition, address: Address, envelope: StartEnvelope, at: TurnAt): Turn {
  const input = { input: envelope.input, delayMs: envelope.delayMs };
  const plain = plainStart(definition);
  if (plain !== undefined) {
    const record = firstRecord(
      definition,
      envelope,
      at,
      plain.value,
      guarded(address, () => plain.context(input, selfOf(definition, address))),
    );
    return { actor: { record }, effects: NO_EFFECTS, kind: "changed" };
  }
  const scope = scopeOf(definition);
  const snapshot = guarded(address, () => definition.machine.getInitialSnapshot(scope.open(formatAddress(address)), input));
  if (snapshot.status === "error") throw threw(address, snapshot.error);
  return finish(undefined, snapshot, { ...firstRecord(definition, envelope, at, {}, undefined), revision: 0 }, scope, at);
}

/** Any later turn. Late timers and results of an older generation change nothing. @throws transition_threw */
export function take(definition: Definition, address: Address, actor: Actor, envelope: Exclude<Envelope, StartEnvelope>, at: TurnAt): Turn {
  const { record } = actor;
  const heard = record.status === "active" ? hear(record, envelope) : undefined;
  if (heard === undefined) return { actor: absorb(actor, at), effects: NO_EFFECTS, kind: "unheard" };
  const edge = plainEdge(definition, record.value, heard.event.type);
  if (edge !== undefined) return follow(edge, definition, address, record, heard, at);
  const snapshot = actor.snapshot ?? snapshotOf(definition, address, record);
  const scope = scopeOf(definition);
  const next = guarded(address, () => definition.machine.transition(snapshot, heard.event, scope.open(formatAddress(address))));
  const { event, activities, timers } = heard;
  const isSpent = activities !== record.activities || timers !== record.timers;
  if (next === snapshot && !isSpent && scope.actions.length === 0)
    return { actor: absorb(actor, at), effects: NO_EFFECTS, kind: "unheard" };
  return { ...finish(snapshot, next, isSpent ? { ...record, activities, timers } : record, scope, at), event };
}

/** An actor from its stored record. The record is not changed. @throws transition_threw when the machine no longer fits */
export function revive(definition: Definition, address: Address, record: ActorRecord): Actor {
  return { record, snapshot: snapshotOf(definition, address, record) };
}

function snapshotOf(definition: Definition, address: Address, record: ActorRecord): AnyMachineSnapshot {
  const stored = {
    status: record.status,
    value: record.value,
    // XState revives what it is given in place.
    context: structuredClone(record.context),
    historyValue: structuredClone(record.historyValue ?? {}),
    output: record.output,
    error: record.error,
    children: {},
  };
  const scope = scopeOf(definition).open(formatAddress(address));
  const snapshot = guarded(address, () => definition.machine.restoreSnapshot(stored as never, scope));
  for (const [id, activity] of Object.entries(record.activities)) setChild(snapshot, id, new ChildRef(id, activity.src));
  return snapshot;
}

function firstRecord(
  definition: Definition,
  envelope: StartEnvelope,
  at: TurnAt,
  value: ActorRecord["value"],
  context: unknown,
): ActorRecord {
  return {
    v: 1,
    revision: 1,
    epoch: at.epoch,
    version: definition.version,
    shape: definition.shape,
    status: "active",
    value,
    context,
    activities: NOTHING,
    timers: NOTHING,
    marks: at.mark === undefined ? NOTHING : { [at.mark.source]: at.mark.sequence },
    generation: 0,
    createdAt: at.now,
    updatedAt: at.now,
    ...(envelope.deadlineAt === undefined ? undefined : { deadlineAt: envelope.deadlineAt }),
    ...(envelope.replyTo === undefined ? undefined : { replyTo: envelope.replyTo }),
  };
}

/** A turn along an edge that needs no interpreter. */
function follow(edge: PlainEdge, definition: Definition, address: Address, record: ActorRecord, heard: Heard, at: TurnAt): Turn {
  const { event } = heard;
  const draft = new Draft(record, heard, at.now);
  const self = selfOf(definition, address);
  for (const id of edge.stops) draft.halt(id);
  let output: unknown;
  try {
    for (const { id, src, input } of edge.invokes) draft.run(id, src, input(record.context, event, self));
    output = edge.output?.(record.context, event, self);
  } catch (cause) {
    throw threw(address, cause);
  }
  if (edge.output !== undefined) {
    for (const id in draft.activities) draft.halt(id);
    draft.disarmAll();
  }
  const after = followed(edge, record, draft, at);
  return { actor: { record: output === undefined ? after : { ...after, output } }, effects: draft.effects, kind: "changed", event };
}

/** Written out field by field: a record that is spread and then changed costs four times as much, and this is done for every turn. */
function followed(edge: PlainEdge, record: ActorRecord, draft: Draft, at: TurnAt): ActorRecord {
  const { historyValue, output, error, deadlineAt, replyTo } = record;
  const after = {
    v: record.v,
    revision: record.revision + 1,
    epoch: at.epoch,
    version: record.version,
    shape: record.shape,
    status: edge.output === undefined ? ("active" as const) : ("done" as const),
    value: edge.value,
    context: record.context,
    activities: draft.activities,
    timers: draft.timers,
    marks: at.mark === undefined ? record.marks : { ...record.marks, [at.mark.source]: at.mark.sequence },
    generation: draft.generation,
    createdAt: record.createdAt,
    updatedAt: at.now,
  };
  if (historyValue === undefined && output === undefined && error === undefined && deadlineAt === undefined && replyTo === undefined)
    return after;
  return {
    ...after,
    ...(historyValue === undefined ? undefined : { historyValue }),
    ...(output === undefined ? undefined : { output }),
    ...(error === undefined ? undefined : { error }),
    ...(deadlineAt === undefined ? undefined : { deadlineAt }),
    ...(replyTo === undefined ? undefined : { replyTo }),
  };
}

/** What an envelope brings: its event, and the record's activities and timers without the one that it uses up. */
interface Heard {
  readonly event: ActorEvent;
  readonly activities: ActorRecord["activities"];
  readonly timers: ActorRecord["timers"];
}

/** Undefined when the envelope comes too late. */
function hear(record: ActorRecord, envelope: Exclude<Envelope, StartEnvelope>): Heard | undefined {
  const { activities, timers } = record;
  switch (envelope.kind) {
    case "event":
      return { event: envelope.event, activities, timers };
    case "timer": {
      const timer = timers[envelope.timer];
      if (timer?.generation !== envelope.generation) return undefined;
      return { event: timer.event, activities, timers: without(timers, envelope.timer) };
    }
    case "settled": {
      if (activities[envelope.activity]?.generation !== envelope.generation) return undefined;
      return { event: envelope.event, activities: without(activities, envelope.activity), timers };
    }
  }
}

/** The delivery is noted as seen, and nothing else. */
export function absorb(actor: Actor, at: TurnAt): Actor {
  if (at.mark === undefined) return actor;
  return { ...actor, record: { ...actor.record, marks: { ...actor.record.marks, [at.mark.source]: at.mark.sequence } } };
}

function finish(previous: AnyMachineSnapshot | undefined, next: AnyMachineSnapshot, before: ActorRecord, scope: Scope, at: TurnAt): Turn {
  const ended = next.status !== "active";
  const draft = new Draft(before, before, at.now);
  if (!ended) draft.spawned(previous?.children ?? NOTHING, next);
  for (const action of scope.actions) draft.action(action as unknown as CollectedAction);
  for (const event of scope.emitted) draft.effect({ kind: "emit", event });
  draft.stopped(previous?.children ?? NOTHING, ended ? NOTHING : next.children);
  if (ended) draft.disarmAll();
  const record: ActorRecord = {
    ...unparked(before),
    revision: before.revision + 1,
    epoch: at.epoch,
    status: next.status,
    value: next.value,
    context: next.context,
    activities: draft.activities,
    timers: draft.timers,
    generation: draft.generation,
    marks: at.mark === undefined ? before.marks : { ...before.marks, [at.mark.source]: at.mark.sequence },
    updatedAt: at.now,
    ...(hasHistory(next) ? { historyValue: persistHistory(next) } : {}),
    ...(next.output === undefined ? {} : { output: next.output }),
    ...(next.status === "error" ? { error: toErrorRecord(next.error) } : {}),
  };
  return { actor: { record, snapshot: next }, effects: draft.effects, kind: "changed" };
}

/** Whoever sends a parked actor an event that it hears has decided about it. */
function unparked(record: ActorRecord): ActorRecord {
  if (record.parked === undefined) return record;
  const { parked: _parked, ...rest } = record;
  return rest;
}

function hasHistory(snapshot: AnyMachineSnapshot): boolean {
  for (const _key in snapshot.historyValue) return true;
  return false;
}

function persistHistory(snapshot: AnyMachineSnapshot): Record<string, { id: string }[]> {
  return Object.fromEntries(Object.entries(snapshot.historyValue).map(([id, nodes]) => [id, nodes.map((node) => ({ id: node.id }))]));
}

const scopes = new WeakMap<Definition, Scope>();

function scopeOf(definition: Definition): Scope {
  let scope = scopes.get(definition);
  if (scope === undefined) scopes.set(definition, (scope = new Scope(() => {})));
  return scope;
}

function selfOf(definition: Definition, address: Address): unknown {
  return scopeOf(definition).selfOf(formatAddress(address));
}

function guarded<T>(address: Address, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    throw threw(address, cause);
  }
}

function threw(address: Address, cause: unknown): TroupeError {
  const about = formatAddress(address);
  return new TroupeError("transition_threw", `The machine of ${about} threw: ${cause instanceof Error ? cause.message : String(cause)}`, {
    about,
    cause,
  });
}
