import type { AnyMachineSnapshot } from "xstate";
import { repliesAfter } from "./asking.ts";
import { marked, type Edge, type Turn, type TurnAt } from "./actor.ts";
import { Collected, type Children, type CollectedAction, type Subject } from "./collected.ts";
import { Draft, NOTHING, WAKE } from "./draft.ts";
import type { ActorEvent } from "./envelope.ts";
import { toErrorRecord } from "./errors.ts";
import { endEvent, snapshotEvent } from "./family.ts";
import type { Heard } from "./hear.ts";
import { guarded, scopeOf } from "./interpret.ts";
import type { ActorRecord, OwedRecord } from "./record.ts";
import { keepWake } from "./restarting.ts";
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

/** Field by field: a record that is spread and then changed takes a fifth of a turn. */
function written(before: ActorRecord, next: AnyMachineSnapshot, draft: Draft, at: TurnAt): ActorRecord {
  const after: Writable = {
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
  keep(after, before);
  const owed = draft.effects.length === 0 ? NONE : draft.effects.flatMap((effect) => (effect.kind === "act" ? [effect.owed] : NONE));
  const { children, ended } = draft;
  const replies = repliesAfter(before, draft.effects)?.replies;
  if (children !== undefined) after.children = children;
  if (ended !== undefined) after.ended = ended;
  if (owed.length > 0) after.owed = [...(before.owed ?? []), ...owed];
  if (replies !== undefined) after.replies = replies;
  if (hasHistory(next)) after.historyValue = persistHistory(next);
  if (next.output !== undefined) after.output = next.output;
  if (next.status === "error") after.error = toErrorRecord(next.error);
  return after;
}

type Writable = { -readonly [Field in keyof ActorRecord]: ActorRecord[Field] };

/** What few records have. Not that it was set aside: whoever sends a parked actor an event that it hears has decided about it. */
function keep(after: Writable, before: ActorRecord): void {
  if (before.kind !== undefined) after.kind = before.kind;
  if (before.historyValue !== undefined) after.historyValue = before.historyValue;
  if (before.output !== undefined) after.output = before.output;
  if (before.error !== undefined) after.error = before.error;
  if (before.parent !== undefined) after.parent = before.parent;
  if (before.names !== undefined) after.names = before.names;
  if (before.supervision !== undefined) after.supervision = before.supervision;
  if (before.owed !== undefined) after.owed = before.owed;
  if (before.replies !== undefined) after.replies = before.replies;
  if (before.outbox !== undefined) after.outbox = before.outbox;
  if (before.permit !== undefined) after.permit = before.permit;
  if (before.deadlineAt !== undefined) after.deadlineAt = before.deadlineAt;
  if (before.replyTo !== undefined) after.replyTo = before.replyTo;
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

function hasHistory(snapshot: AnyMachineSnapshot): boolean {
  for (const _key in snapshot.historyValue) return true;
  return false;
}

function persistHistory(snapshot: AnyMachineSnapshot): Record<string, { id: string }[]> {
  return Object.fromEntries(Object.entries(snapshot.historyValue).map(([id, nodes]) => [id, nodes.map((node) => ({ id: node.id }))]));
}
