import { type Turn, type TurnAt } from "./actor.ts";
import type { Address } from "./address.ts";
import type { Definition } from "./definition.ts";
import { Draft } from "./draft.ts";
import { endEvent } from "./family.ts";
import type { Heard } from "./hear.ts";
import { selfOf, threw } from "./interpret.ts";
import type { PlainEdge } from "./plain.ts";
import type { ActorRecord } from "./record.ts";

/** A turn along an edge that needs no interpreter. @throws transition_threw */
export function follow(edge: PlainEdge, definition: Definition, address: Address, record: ActorRecord, heard: Heard, at: TurnAt): Turn {
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
  const after = followed(edge, record, draft, at, output);
  if (edge.output !== undefined && record.parent !== undefined) {
    const told = endEvent(definition.kind, after, record.parent.child);
    if (told !== undefined) draft.effect({ kind: "report", to: record.parent, event: told });
  }
  const actor = { record: after };
  return definition.history
    ? { actor, effects: draft.effects, kind: "changed", event, edges: [edge.taken] }
    : { actor, effects: draft.effects, kind: "changed", event };
}

/** Written out field by field: a record that is spread and then changed costs four times as much, and this is done for every turn. */
function followed(edge: PlainEdge, record: ActorRecord, draft: Draft, at: TurnAt, output: unknown = record.output): ActorRecord {
  const { historyValue, error, permit, deadlineAt, replyTo, parent } = record;
  const after: { -readonly [Field in keyof ActorRecord]: ActorRecord[Field] } = {
    v: record.v,
    revision: record.revision + 1,
    epoch: at.epoch,
    version: record.version,
    shape: record.shape,
    status: edge.output === undefined ? "active" : "done",
    value: edge.value,
    context: record.context,
    activities: draft.activities,
    timers: draft.timers,
    marks: at.mark === undefined ? record.marks : { ...record.marks, [at.mark.source]: at.mark.sequence },
    generation: draft.generation,
    createdAt: record.createdAt,
    updatedAt: at.now,
  };
  if (historyValue !== undefined) after.historyValue = historyValue;
  if (output !== undefined) after.output = output;
  if (error !== undefined) after.error = error;
  if (permit !== undefined) after.permit = permit;
  if (deadlineAt !== undefined) after.deadlineAt = deadlineAt;
  if (replyTo !== undefined) after.replyTo = replyTo;
  if (parent !== undefined) after.parent = parent;
  return after;
}
