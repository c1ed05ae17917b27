import type { AnyMachineSnapshot } from "xstate";
import { marked, type Actor, type Turn, type TurnAt } from "./actor.ts";
import { formatAddress, type Address } from "./address.ts";
import type { Subject } from "./collected.ts";
import type { Definition } from "./definition.ts";
import { Draft, WAKE, without } from "./draft.ts";
import type { Effect } from "./effect.ts";
import type { Envelope } from "./envelope.ts";
import { brief, toErrorRecord, type ErrorRecord } from "./errors.ts";
import { scopeOf } from "./interpret.ts";
import type { ActorRecord, TimerRecord } from "./record.ts";
import { ActorRef, replaced, textOf } from "./ref.ts";
import { keepWake, membersOf, restart, restartDue, stop, type Renamed } from "./restarting.ts";
import { chanceOf, retryDelayMs } from "./retry.ts";
import { inOrder, judge, placeOf, type Failure, type SupervisionRecord } from "./supervision.ts";

type Later = Exclude<Envelope, { kind: "start" }>;

/** A failure that the machine does not hear of, or one that it must: the actor as it is before it hears, and what goes with it. */
export type Supervised =
  | { readonly kind: "handled"; readonly turn: Turn }
  | { readonly kind: "escalated"; readonly actor: Actor; readonly effects: readonly Effect[] };

/**
 * A parent's answer to a child's failure, made before its machine hears anything: one turn, so that the failure is used up in the same
 * commit that asks for the restart. Undefined for whatever is no failure, or comes too late to be one.
 */
export function supervise(definition: Definition, address: Address, actor: Actor, envelope: Later, at: TurnAt): Supervised | undefined {
  const { record } = actor;
  if (envelope.kind === "timer" && envelope.timer === WAKE)
    return wake({ definition, address, before: record }, actor, envelope.generation, at);
  const failure = failureOf(record, envelope);
  if (failure === undefined) return undefined;
  const subject: Subject = { definition, address, before: record };
  return retried(subject, actor, failure, at) ?? answered(subject, actor, failure, at);
}

/** What is still to be heard: not of an older generation, not of one whose end has been heard. */
function failureOf({ children, activities, ended }: ActorRecord, envelope: Later): Failure | undefined {
  if (envelope.kind === "settled") {
    const { activity, generation, event } = envelope;
    if (activities[activity]?.generation !== generation || event.type !== `xstate.error.actor.${activity}`) return undefined;
    return { child: activity, error: toErrorRecord(event["error"]), lives: false };
  }
  if (envelope.kind !== "report") return undefined;
  const { child, generation, event } = envelope;
  const known = children?.[child];
  if (known?.generation !== generation || ended?.includes(generation) === true || event.type !== `xstate.error.actor.${child}`)
    return undefined;
  return { child, error: toErrorRecord(event["error"]), lives: envelope.lives === true };
}

/** Work that has attempts left has not failed yet. */
function retried(subject: Subject, actor: Actor, { child, error }: Failure, at: TurnAt): Supervised | undefined {
  const activity = actor.record.activities[child];
  const retry = activity === undefined ? undefined : subject.definition.activities.get(activity.src)?.retry;
  if (activity === undefined || retry === undefined || error.retryable === false) return undefined;
  const failures = (activity.failures ?? 0) + 1;
  if (failures >= retry.attempts) return undefined;
  const draft = new Draft(actor.record, actor.record, at.now);
  const earlierReruns = (activity.earlierReruns ?? 0) + activity.reruns;
  draft.activities = { ...draft.activities, [child]: { ...activity, failures, ...(earlierReruns === 0 ? {} : { earlierReruns }) } };
  const delayMs = retryDelayMs(retry, failures, chanceOf(`${formatAddress(subject.address)} ${child}:${failures}`));
  restart(subject, draft, [child], delayMs === 0 ? undefined : at.now + delayMs);
  return handled(subject, actor, draft, { at });
}

function answered(subject: Subject, actor: Actor, failure: Failure, at: TurnAt): Supervised | undefined {
  const { definition, address } = subject;
  const { record } = actor;
  const { child, lives } = failure;
  const { supervision } = definition;
  const members = membersOf(record);
  const failed = members.find(({ id }) => id === child);
  if (supervision === undefined || failed === undefined || placeOf(supervision.members, failed) < 0)
    return escalated(subject, actor, failure);
  const error: ErrorRecord = brief(failure.error);
  const seed = formatAddress(address);
  const judged = judge(supervision, record.supervision, failure, members, { now: at.now, seed });
  const noted: SupervisionRecord = { ...judged.record, last: { ...judged.record.last, error } };
  const { verdict } = judged;
  if (verdict.kind === "escalate") return escalated(subject, { ...actor, record: { ...record, supervision: noted } }, failure);
  const draft = new Draft(record, record, at.now);
  if (verdict.kind === "resume") {
    const { type, id } = record.children?.[child] ?? address;
    draft.effect({ kind: "resume", to: { type, id }, by: address });
    return handled(subject, actor, draft, { at, noted });
  }
  forget(draft, failure);
  if (verdict.kind === "restart") {
    const renamed = restart(subject, draft, verdict.children, verdict.delayMs === 0 ? undefined : at.now + verdict.delayMs);
    return handled(subject, actor, draft, { at, noted, renamed });
  }
  if (lives) stop(subject, draft, child);
  draft.activities = without(draft.activities, child);
  return handled(subject, actor, draft, { at, noted });
}

/** Whoever has ended need not be stopped; new attempts are counted anew. */
function forget(draft: Draft, { child, lives }: Failure): void {
  const known = draft.children?.[child];
  if (known !== undefined && !lives) draft.end(known);
  const activity = draft.activities[child];
  if (activity === undefined) return;
  const { failures: _failures, earlierReruns: _reruns, ...rest } = activity;
  draft.activities = { ...draft.activities, [child]: rest };
}

/** The machine hears of it. A child that was set aside has no more to do: nobody else is going to decide about it. */
function escalated({ address }: Subject, actor: Actor, { child, lives }: Failure): Supervised | undefined {
  const known = actor.record.children?.[child];
  if (known === undefined || !lives) return { kind: "escalated", actor, effects: [] };
  return { kind: "escalated", actor, effects: [{ kind: "stop", to: { type: known.type, id: known.id }, by: address }] };
}

/** The time for a restart has come: said by the timer, whatever this host's clock says. */
function wake(subject: Subject, actor: Actor, generation: number, at: TurnAt): Supervised | undefined {
  const { record } = actor;
  const timer = record.timers[WAKE];
  if (timer?.generation !== generation) return undefined;
  const draft = new Draft(record, { ...record, timers: without(record.timers, WAKE) }, at.now);
  const now = Math.max(at.now, timer.dueAt);
  const members = membersOf(record);
  const order = subject.definition.supervision?.members ?? [];
  const grouped = inOrder(order, members);
  const others = members.filter((member) => !grouped.includes(member));
  const renamed = restartDue(
    subject,
    draft,
    [...grouped, ...others].map(({ id }) => id),
    now,
  );
  return handled(subject, actor, draft, { at, renamed });
}

interface Outcome {
  readonly at: TurnAt;
  readonly noted?: SupervisionRecord;
  readonly renamed?: Renamed;
}

/** The turn. References that the machine keeps to a child that was started again name the new one from now on, in delayed sends too. */
function handled({ definition }: Subject, { record, snapshot }: Actor, draft: Draft, { at, noted, renamed }: Outcome): Supervised {
  keepWake(draft, at.now);
  const { relay } = scopeOf(definition);
  const refs = new Map([...(renamed ?? [])].map(([was, { id, text }]) => [was, new ActorRef(text, id, relay)]));
  const redirected = <T>(value: T): T => (refs.size === 0 ? value : (replaced(value, (found) => refs.get(textOf(found) ?? "")) as T));
  const { ended: _before, ...kept } = record;
  const after: ActorRecord = {
    ...kept,
    revision: record.revision + 1,
    epoch: at.epoch,
    context: redirected(record.context),
    activities: draft.activities,
    timers: redirectedTimers(draft.timers, refs),
    ...(draft.children === undefined ? {} : { children: draft.children }),
    ...(draft.ended === undefined ? {} : { ended: draft.ended }),
    marks: marked(record, at),
    generation: draft.generation,
    ...(noted === undefined ? {} : { supervision: noted }),
    updatedAt: at.now,
  };
  // Nothing of a parked actor runs: whoever takes it up again runs what is noted.
  const effects = record.parked === undefined ? draft.effects : draft.effects.filter(({ kind }) => kind !== "run");
  const next = snapshot === undefined || refs.size === 0 ? snapshot : redirectedSnapshot(snapshot, refs, redirected);
  return {
    kind: "handled",
    turn: { actor: next === undefined ? { record: after } : { record: after, snapshot: next }, effects, kind: "changed" },
  };
}

function redirectedTimers(timers: ActorRecord["timers"], refs: ReadonlyMap<string, ActorRef>): ActorRecord["timers"] {
  if (refs.size === 0) return timers;
  const other = (timer: TimerRecord): TimerRecord => {
    const ref = timer.to === undefined ? undefined : refs.get(timer.to);
    return ref === undefined ? timer : { ...timer, to: ref.troupe$ref };
  };
  return Object.fromEntries(Object.entries(timers).map(([name, timer]) => [name, other(timer)]));
}

function redirectedSnapshot(
  snapshot: AnyMachineSnapshot,
  refs: ReadonlyMap<string, ActorRef>,
  redirected: <T>(value: T) => T,
): AnyMachineSnapshot {
  const children: Record<string, unknown> = { ...snapshot.children };
  for (const ref of refs.values()) children[ref.id] = ref;
  return { ...snapshot, context: redirected(snapshot.context as unknown), children };
}
