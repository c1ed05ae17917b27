import { formatAddress } from "./address.ts";
import { begin } from "./birth.ts";
import type { Subject } from "./collected.ts";
import { WAKE, type Draft } from "./draft.ts";
import { release } from "./held.ts";
import type { ActorRecord } from "./record.ts";
import type { RefText } from "./ref.ts";
import type { Member } from "./supervision.ts";

/*
 * Children and work that are started again: those of one restart are all stopped, the last one first, then all begin, in order, with
 * the input they began with and a generation of their own. Nothing waits for the end of the old ones: whatever they still say is of an
 * older generation. A restart that is to come later is a time in the record, and the earliest of these times the parent's timer `WAKE`.
 */

/** Old names of children that were started again → their new ones. */
export type Renamed = ReadonlyMap<RefText, { readonly id: string; readonly text: RefText }>;

/** Whoever runs, or waits to. A child that began before its parent supervised is none: nobody knows what it began with. */
export function membersOf({ children, activities, ended }: Pick<ActorRecord, "children" | "activities" | "ended">): readonly Member[] {
  const gone = new Set(ended);
  const members: Member[] = [];
  for (const [id, { src, generation, dueAt, first }] of Object.entries(children ?? {}))
    if (first !== undefined && (!gone.has(generation) || dueAt !== undefined)) members.push({ id, src, generation });
  for (const [id, { src, generation }] of Object.entries(activities)) members.push({ id, src, generation });
  return members;
}

/** Now where `dueAt` is undefined. */
export function restart(subject: Subject, draft: Draft, ids: readonly string[], dueAt: number | undefined): Renamed {
  for (const id of ids.toReversed()) stop(subject, draft, id);
  if (dueAt === undefined) return beginAll(subject, draft, ids);
  for (const id of ids) delay(draft, id, dueAt);
  return NOBODY;
}

/** Those that are due; of these there are only such as were stopped. */
export function restartDue(subject: Subject, draft: Draft, ids: readonly string[], now: number): Renamed {
  return beginAll(
    subject,
    draft,
    ids.filter((id) => ((draft.activities[id] ?? draft.children?.[id])?.dueAt ?? Infinity) <= now),
  );
}

/** A child that lives is told to end; work is halted, and stays noted where it is to begin again. */
export function stop({ address }: Pick<Subject, "address">, draft: Draft, id: string): void {
  const activity = draft.activities[id];
  if (activity !== undefined) {
    draft.halt(id);
    draft.activities = { ...draft.activities, [id]: activity };
    return;
  }
  const child = draft.children?.[id];
  if (child === undefined || draft.hasEnded(child)) return;
  draft.effect({ kind: "stop", to: { type: child.type, id: child.id }, by: address });
  draft.end(child);
}

/** Keeps the timer at the earliest restart to come: armed, moved or withdrawn as children wait or leave. */
export function keepWake(draft: Draft, now: number): void {
  let earliest = Infinity;
  for (const { dueAt } of Object.values(draft.activities)) if (dueAt !== undefined) earliest = Math.min(earliest, dueAt);
  for (const { dueAt } of Object.values(draft.children ?? {})) if (dueAt !== undefined) earliest = Math.min(earliest, dueAt);
  const armed = draft.timers[WAKE];
  if (earliest === (armed?.dueAt ?? Infinity)) return;
  if (armed !== undefined) draft.disarm(WAKE);
  if (earliest !== Infinity) draft.arm(WAKE, { type: WAKE }, earliest - now);
}

const NOBODY: Renamed = new Map();

function beginAll(subject: Subject, draft: Draft, ids: readonly string[]): Renamed {
  const renamed = new Map<RefText, { id: string; text: RefText }>();
  for (const id of ids) {
    const activity = draft.activities[id];
    const child = draft.children?.[id];
    if (activity !== undefined) draft.run(id, activity.src, activity.input, activity.watched, activity);
    else if (child !== undefined) {
      const { src, systemId, kind } = child;
      const { input, watched = false } = child.first ?? {};
      // Its definition may have left the machine with a newer version; its address says enough.
      const type = subject.definition.children?.get(src) ?? { name: child.type, isShared: true, kind };
      const text = begin(subject, draft, { id, src, type, input, watched, ...(systemId === undefined ? {} : { systemId }) });
      renamed.set(formatAddress(child), { id, text });
      const next = draft.children?.[id];
      if (next !== undefined) release(draft, child.held, next);
    }
  }
  return renamed;
}

/** A generation of its own, so that what still runs of the old one cannot end the wait. */
function delay(draft: Draft, id: string, dueAt: number): void {
  const activity = draft.activities[id];
  if (activity !== undefined) {
    draft.activities = { ...draft.activities, [id]: { ...activity, generation: ++draft.generation, reruns: 0, dueAt } };
    return;
  }
  const child = draft.children?.[id];
  if (child !== undefined) draft.adopt(id, { ...child, dueAt });
}
