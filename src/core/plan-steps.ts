import type { PlanContext, PlanCursor } from "../../machines/plan.ts";
import { TroupeError, toErrorRecord, type ErrorRecord, type Fault } from "./errors.ts";
import { counted, type Compensation, type PlanBook, type PlannedChild, type PlanOrder } from "./plan-book.ts";
import { judged, replaced, rested, rose, type FailureRule } from "./plan-failure.ts";
import { begun, faultsOfGraph, released, removed, takenIn } from "./plan-order.ts";
import { abandoned, ROLLBACK_BEGUN, rollbackEnded, undoable, undoing, undone } from "./plan-rollback.ts";

/** What a plan's definition says about its children. */
export interface PlanRules {
  readonly order: PlanOrder;
  /** Children that work at once. */
  readonly limit: number;
  /** Compensations that work at once. */
  readonly rollbackLimit: number;
  readonly kinds: ReadonlyMap<string, KindRules>;
  /** Makes one value of what the children put out. */
  readonly collect: ((collected: unknown, child: PlannedChild, output: unknown) => unknown) | undefined;
}

export interface KindRules {
  /** A task hears a cancel and tells its end; an actor is stopped, and tells nothing. */
  readonly as: "task" | "actor";
  readonly onFailure: readonly FailureRule[];
  readonly compensate: ((child: EndedChild) => Omit<Compensation, "key"> | undefined) | undefined;
  /** Whether children that have begun and failed are undone too. */
  readonly compensatesFailed: boolean;
}

/** A child that has ended, as compensations see it. */
export type EndedChild = PlannedChild &
  ({ readonly outcome: "done"; readonly output: unknown } | { readonly outcome: "failed"; readonly error: ErrorRecord });

/** What one call of `expand` brought. */
export interface Batch {
  readonly children: readonly PlannedChild[];
  readonly cursor: PlanCursor;
  readonly isOver: boolean;
}

/** What one event makes of a plan's children, as data. */
export interface PlanStep {
  readonly patch: Partial<PlanContext>;
  readonly begin?: readonly PlannedChild[];
  /** Has ended, and is forgotten. */
  readonly ended?: string;
  readonly rest?: { readonly key: string; readonly delayMs: number };
  /** Asked to end; they tell when they have. */
  readonly cancel?: readonly string[];
  /** Ended without being asked, and forgotten. */
  readonly stop?: readonly string[];
  /** Rest no more. */
  readonly withdraw?: readonly string[];
}

/** Children that may be known beyond those that have begun: below that, more are asked for. */
const FEW_WAITING = 128;

export function hasRoom({ isExpanded, book }: PlanContext, { order }: PlanRules): boolean {
  return !isExpanded && (order === "graph" || book.waiting.length < FEW_WAITING);
}

export function batchTaken(context: PlanContext, rules: PlanRules, { children, cursor, isOver }: Batch, about: string): PlanStep {
  const { book, faults } = takenIn(context.book, children, rules.order);
  const wrong = faults.length === 0 && rules.order === "graph" && isOver ? faultsOfGraph(book.waiting) : faults;
  if (wrong.length > 0) return { patch: { error: badPlan(about, wrong) } };
  const known = { cursor, isExpanded: isOver };
  if (rules.order === "graph" && !isOver) return { patch: { ...known, book } };
  return going(book, rules, known);
}

export function childDone(context: PlanContext, rules: PlanRules, key: string, output: unknown, about: string): PlanStep {
  const child = context.book.live[key];
  if (child === undefined) return { patch: {} };
  const book = released(counted(removed(context.book, key), { done: 1 }), key);
  try {
    const after = undoable(book, compensationOf(rules, { ...child, outcome: "done", output }));
    const { collect } = rules;
    const collected = collect === undefined ? {} : { collected: collect(context.collected, child, output) };
    return { ...going(after, rules, collected), ended: key };
  } catch (error) {
    return { patch: { book, error: ruleThrew(about, child, error) }, ended: key };
  }
}

export function childFailed(context: PlanContext, rules: PlanRules, key: string, error: ErrorRecord, about: string): PlanStep {
  const child = context.book.live[key];
  if (child === undefined) return { patch: {} };
  try {
    const verdict = judged(rules.kinds.get(child.kind)?.onFailure ?? [], { ...child, error }, about);
    switch (verdict.kind) {
      case "rest":
        return { ...going(rested(context.book, child), rules), ended: key, rest: { key, delayMs: verdict.delayMs } };
      case "replace": {
        const { book, faults } = replaced(undoFailed(context.book, rules, child, error), child, verdict.replacement, rules.order);
        if (faults.length > 0) return { patch: { book: removed(book, key), error: badPlan(about, faults) }, ended: key };
        return { ...going(book, rules), ended: key };
      }
      case "drop":
        return { ...going(released(counted(removed(context.book, key), { dropped: 1 }), key), rules), ended: key };
      default: {
        const book = undoFailed(counted(removed(context.book, key), { failed: 1 }), rules, child, error);
        return { patch: { book, error: childHasFailed(about, child, error) }, ended: key };
      }
    }
  } catch (thrown) {
    return { patch: { book: counted(removed(context.book, key), { failed: 1 }), error: ruleThrew(about, child, thrown) }, ended: key };
  }
}

export function childRested(context: PlanContext, rules: PlanRules, key: string): PlanStep {
  return going(rose(context.book, key), rules);
}

/** The plan is broken: nothing begins any more, and who works is asked to end. */
export function childrenStopped({ book }: PlanContext, rules: PlanRules): PlanStep {
  const keys = Object.keys(book.live);
  const isActor = (key: string): boolean => rules.kinds.get(book.live[key]?.kind ?? "")?.as === "actor";
  const stop = keys.filter(isActor);
  const left = stop.reduce((rest, key) => counted(removed(rest, key), { failed: 1 }), abandoned(book));
  return { patch: { book: left }, cancel: keys.filter((key) => !isActor(key)), stop, withdraw: Object.keys(book.resting) };
}

/** While the plan waits for those that it asked to end: some are done all the same, and have to be undone. */
export function lateDone({ book }: PlanContext, rules: PlanRules, key: string, output: unknown): PlanStep {
  const child = book.live[key];
  if (child === undefined) return { patch: {} };
  const after = counted(removed(book, key), { done: 1 });
  return {
    patch: {
      book: undoable(
        after,
        safely(() => compensationOf(rules, { ...child, outcome: "done", output })),
      ),
    },
    ended: key,
  };
}

export function lateFailed({ book }: PlanContext, rules: PlanRules, key: string, error: ErrorRecord): PlanStep {
  const child = book.live[key];
  if (child === undefined) return { patch: {} };
  const after = counted(removed(book, key), { failed: 1 });
  return { patch: { book: safely(() => undoFailed(after, rules, child, error)) ?? after }, ended: key };
}

export function undoingBegun({ book, rollback }: PlanContext, rules: PlanRules): PlanStep {
  const next = undoing(book, rules.order, rules.rollbackLimit);
  return { patch: { book: next.book, rollback: rollback ?? (next.begin.length === 0 ? null : ROLLBACK_BEGUN) }, begin: next.begin };
}

export function compensationEnded(context: PlanContext, rules: PlanRules, key: string, error: ErrorRecord | undefined): PlanStep {
  const { book, rollback } = undone(context.book, context.rollback ?? ROLLBACK_BEGUN, key, error);
  const next = undoing(book, rules.order, rules.rollbackLimit);
  return { patch: { book: next.book, rollback }, begin: next.begin, ended: key };
}

export function rollbackOver({ rollback }: PlanContext): PlanStep {
  return { patch: { rollback: rollback === null ? null : rollbackEnded(rollback) } };
}

function going(book: PlanBook, { order, limit }: PlanRules, patch: Partial<PlanContext> = {}): PlanStep {
  const next = begun(book, order, limit);
  return { patch: { ...patch, book: next.book }, begin: next.begin };
}

/** Written down while the child's input and output are at hand, so that neither has to be kept. */
function compensationOf({ kinds }: PlanRules, child: EndedChild): Compensation | undefined {
  const made = kinds.get(child.kind)?.compensate?.(child);
  if (made === undefined) return undefined;
  return { key: child.key, kind: made.kind, input: made.input, ...(child.step === undefined ? {} : { step: child.step }) };
}

function undoFailed(book: PlanBook, rules: PlanRules, child: PlannedChild, error: ErrorRecord): PlanBook {
  if (rules.kinds.get(child.kind)?.compensatesFailed !== true) return book;
  return undoable(book, compensationOf(rules, { ...child, outcome: "failed", error }));
}

/** A rule that throws while its plan is broken already changes nothing about that. */
function safely<T>(rule: () => T): T | undefined {
  try {
    return rule();
  } catch {
    return undefined;
  }
}

function badPlan(about: string, faults: readonly Fault[]): ErrorRecord {
  const words = faults.map(({ path, message }) => `"${path}" ${message}`).join("; ");
  return toErrorRecord(new TroupeError("bad_plan", `The children of ${about} cannot be run: ${words}`, { about, faults }));
}

function childHasFailed(about: string, { key, kind }: PlannedChild, cause: ErrorRecord): ErrorRecord {
  const message = `Child "${key}" (${kind}) of ${about} failed: ${cause.message}`;
  return { ...toErrorRecord(new TroupeError("child_failed", message, { about })), cause };
}

function ruleThrew(about: string, { key, kind }: PlannedChild, cause: unknown): ErrorRecord {
  const message = `What ${about} says about the end of child "${key}" (${kind}) threw: ${cause instanceof Error ? cause.message : String(cause)}`;
  return toErrorRecord(new TroupeError("transition_threw", message, { about, cause }));
}
