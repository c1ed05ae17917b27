import type { AnyMachineSnapshot } from "xstate";
import { repliesAfter } from "./asking.ts";
import { marked, type Edge, type Turn, type TurnAt } from "./actor.ts";
import { Collected, type Children, type CollectedAction, type Subject } from "./collected.ts";
import { Draft, NOTHING } from "./draft.ts";
import type { ActorEvent } from "./envelope.ts";
import { toErrorRecord } from "./errors.ts";
import { endEvent, snapshotEvent } from "./family.ts";
import type { Heard } from "./hear.ts";
import { guarded, scopeOf } from "./interpret.ts";
import type { ActorRecord, OwedRecord } from "./record.ts";
import { keepWake, WAKE } from "./restarting.ts";
import type { Microsteps } from "./scope.ts";

/** The turn that an interpreted transition makes. @throws transition_threw for children that could not be found again */
export function finish(
  subject: Subject,
  previous: AnyMachineSnapshot | undefined,
  next: AnyMachineSnapshot,
  heard: Omit<Heard, "event"> & { readonly event?: ActorEvent },
  at: TurnAt,
): Turn {
  const { definition, address, before } = subject;
  const scope = scopeOf(definition);
  const draft = new Draft(before, heard, at.now);
  const collected = new Collected(subject, draft, scope);
  const ended = next.status !== "active";
  const children: Children = next.children ?? NOTHING;
  const earlier: Children = previous?.children ?? NOTHING;
  guarded(address, () => {
    if (ended || children !== earlier) collected.lastWords(earlier, ended ? NOTHING : children);
    if (!ended && children !== earlier) collected.spawned(earlier, next);
    for (const { to, event } of scope.sent) collected.send(to, event);
    for (const action of scope.actions) collected.action(action as unknown as CollectedAction);
  });
  for (const event of scope.emitted) draft.effect({ kind: "emit", event });
  if (ended || children !== earlier) collected.stopped(earlier, ended ? NOTHING : children);
  if (ended) draft.disarmAll();
  else if (draft.timers[WAKE] !== undefined) keepWake(draft, at.now);
  const context = collected.stored(next.context as unknown);
  if (context !== next.context) (next as { context: unknown }).context = context;
  const record = written(before, next, draft, at);
  if (record.parent !== undefined) report(subject, record, draft);
  const actor = { record, snapshot: next };
  const edges = definition.history ? edgesOf(scope.steps) : undefined;
  return heard.event === undefined
    ? { actor, effects: draft.effects, kind: "changed", edges }
    : { actor, effects: draft.effects, kind: "changed", event: heard.event, edges };
}

/** Most turns take one transition, and each is written down once for all turns. */
function edgesOf(steps: Microsteps): readonly Edge[] {
  const [first = []] = steps;
  const [only] = first;
  if (steps.length === 1 && first.length === 1 && only !== undefined) return [edgeOf(only)];
  return steps.flatMap((step) => step.map(edgeOf));
}

const edges = new WeakMap<object, Edge>();

function edgeOf(transition: Microsteps[number][number]): Edge {
  let edge = edges.get(transition);
  if (edge === undefined) {
    const { eventType, source, target = [] } = transition;
    edges.set(transition, (edge = { event: eventType, source: source.id, targets: target.map(({ id }) => id) }));
  }
  return edge;
}

/** Field by field: a record that is spread and then changed takes a fifth of a turn. What few records have is added where it is there. */
function written(before: ActorRecord, next: AnyMachineSnapshot, draft: Draft, at: TurnAt): ActorRecord {
  const owed = draft.effects.length === 0 ? NONE : draft.effects.flatMap((effect) => (effect.kind === "act" ? [effect.owed] : NONE));
  const after: ActorRecord & { kind?: "actor" } = {
    v: before.v,
    revision: before.revision + 1,
    epoch: at.epoch,
    version: before.version,
    shape: before.shape,
    status: next.status,
    value: next.value ?? {},
    context: next.context,
    activities: draft.activities,
    timers: draft.timers,
    marks: marked(before, at),
    generation: draft.generation,
    createdAt: before.createdAt,
    updatedAt: at.now,
  };
  if (before.kind !== undefined) after.kind = before.kind;
  const { output, error, parent, replyTo, deadlineAt, names, outbox } = before;
  const isPlain = output === undefined && error === undefined && parent === undefined && replyTo === undefined && deadlineAt === undefined;
  const isAlone =
    names === undefined &&
    outbox === undefined &&
    before.owed === undefined &&
    before.supervision === undefined &&
    draft.children === undefined &&
    owed.length === 0;
  const { ended } = draft;
  const replies = repliesAfter(before, draft.effects);
  if (isPlain && isAlone && replies === undefined && next.status === "active" && before.historyValue === undefined && !hasHistory(next))
    return after;
  return {
    // Whoever sends a parked actor an event that it hears has decided about it.
    ...unparked(before),
    ...after,
    ...(draft.children === undefined ? {} : { children: draft.children }),
    ...(ended === undefined ? {} : { ended }),
    ...(owed.length === 0 ? {} : { owed: [...(before.owed ?? []), ...owed] }),
    ...replies,
    ...(hasHistory(next) ? { historyValue: persistHistory(next) } : {}),
    ...(next.output === undefined ? {} : { output: next.output }),
    ...(next.status === "error" ? { error: toErrorRecord(next.error) } : {}),
  };
}

const NONE: readonly OwedRecord[] = [];

/** A parent hears of its child's end, and of every state on the way where it watches. */
function report({ definition }: Subject, record: ActorRecord, draft: Draft): void {
  const { parent } = record;
  if (parent === undefined) return;
  const event =
    record.status !== "active"
      ? endEvent(definition.kind, record, parent.child)
      : parent.watches === true
        ? snapshotEvent(definition, parent, record)
        : undefined;
  if (event !== undefined) draft.effect({ kind: "report", to: parent, event });
}

function unparked(record: ActorRecord): ActorRecord {
  const { parked: _parked, ended: _ended, ...rest } = record;
  return rest;
}

function hasHistory(snapshot: AnyMachineSnapshot): boolean {
  for (const _key in snapshot.historyValue) return true;
  return false;
}

function persistHistory(snapshot: AnyMachineSnapshot): Record<string, { id: string }[]> {
  return Object.fromEntries(Object.entries(snapshot.historyValue).map(([id, nodes]) => [id, nodes.map((node) => ({ id: node.id }))]));
}
