import type { PlanContext, PlanCursor } from "../../machines/plan-context.ts";
import type { PlanPage } from "../../machines/plan-page.ts";
import { TroupeError, toErrorRecord, type ErrorRecord, type Fault } from "./errors.ts";
import { counted, type PlanTally, type Compensation, type PlanBook, type PlannedChild, type PlanOrder, liveChild } from "./plan-book.ts";
import { judged, replaced, rested, rose, type FailureRule } from "./plan-failure.ts";
import { begun, faultsOfGraph, released, removed, takenIn } from "./plan-order.ts";
import { encodeMsgpack } from "./codec.ts";
import { countedAs, progressDue, told } from "./plan-progress.ts";
import { abandoned, paged, ROLLBACK_BEGUN, rollbackEnded, turnedBack, unableTo, undoable, undoing, undone } from "./plan-rollback.ts";

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
  readonly compensate: ((child: EndedChild) => Pick<Compensation, "kind" | "input"> | undefined) | undefined;
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
  /** What a new page is to keep; a reference to it takes its place in the book. */
  readonly page?: PlanPage;
  /** How far the plan has come. */
  readonly tell?: PlanTally;
  /** Rest no more. */
  readonly withdraw?: readonly string[];
}

/** Children that may be known beyond those that have begun: below that, more are asked for. */
const FEW_WAITING = 128;
/** What the record may hold of children's inputs before more are asked for. */
const MOST_KNOWN_BYTES = 192 * 1024;
/** What one child may add to the record for good. */
const MOST_KEPT_BYTES = 256 * 1024;

export function hasRoom({ isExpanded, book }: PlanContext, { order }: PlanRules): boolean {
  if (isExpanded || order === "graph") return !isExpanded;
  return book.waiting.length < FEW_WAITING && sizeOf(book.waiting) + sizeOf(book.live) < MOST_KNOWN_BYTES;
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
  const child = liveChild(context.book, key);
  if (child === undefined) return { patch: {} };
  const { book, ...unable } = ended(context, rules, { ...child, outcome: "done", output }, about);
  if (unable.error !== undefined) return { patch: { book, ...unable }, ended: key };
  try {
    const { collect } = rules;
    const collected =
      collect === undefined ? {} : { collected: kept(collect(context.collected, child, output), "What was collected", about) };
    return { ...going(released(book, key), rules, collected), ended: key };
  } catch (error) {
    return { patch: { book, error: ruleThrew(about, child, error) }, ended: key };
  }
}

export function childFailed(context: PlanContext, rules: PlanRules, key: string, error: ErrorRecord, about: string): PlanStep {
  const child = liveChild(context.book, key);
  if (child === undefined) return { patch: {} };
  const failed: EndedChild = { ...child, outcome: "failed", error };
  try {
    const verdict = judged(rules.kinds.get(child.kind)?.onFailure ?? [], { ...child, error }, about);
    switch (verdict.kind) {
      case "rest":
        return { ...going(rested(context.book, child), rules), ended: key, rest: { key, delayMs: verdict.delayMs } };
      case "replace": {
        const begun = ended(context, rules, failed, about);
        const undoable = { ...context.book, undo: begun.book.undo, undoBytes: begun.book.undoBytes };
        const { book, faults } = replaced(undoable, child, verdict.replacement, rules.order);
        if (begun.error !== undefined) return { patch: begun, ended: key };
        return faults.length > 0
          ? { patch: { book: begun.book, error: badPlan(about, faults) }, ended: key }
          : { ...going(book, rules), ended: key };
      }
      case "drop":
        return { ...going(released(countedAs(removed(context.book, key), child, "dropped"), key), rules), ended: key };
      default:
        return { patch: { error: childHasFailed(about, child, error), ...ended(context, rules, failed, about) }, ended: key };
    }
  } catch (thrown) {
    return { patch: { ...ended(context, rules, failed, about), error: ruleThrew(about, child, thrown) }, ended: key };
  }
}

export function childTold({ book }: PlanContext, key: string, progress: PlanTally): PlanStep {
  return { patch: { book: told(book, key, progress) } };
}

/** The step, and what there is to tell of the plan's progress after it. */
export function withProgress(context: PlanContext, step: PlanStep): PlanStep {
  const due = step.patch.book === undefined ? undefined : progressDue({ ...context, ...step.patch });
  return due === undefined ? step : { ...step, patch: { ...step.patch, toldAt: due.settled }, tell: due.progress };
}

export function childRested(context: PlanContext, rules: PlanRules, key: string): PlanStep {
  return going(rose(context.book, key), rules);
}

/** The plan is broken: nothing begins any more, and who works is asked to end. */
export function childrenStopped({ book }: PlanContext, rules: PlanRules): PlanStep {
  const isActor = ({ kind }: PlannedChild): boolean => rules.kinds.get(kind)?.as === "actor";
  const stop = book.live.filter(isActor).map(({ key }) => key);
  const left = stop.reduce((rest, key) => counted(removed(rest, key), { failed: 1 }), abandoned(book));
  return {
    patch: { book: left },
    cancel: book.live.filter((child) => !isActor(child)).map(({ key }) => key),
    stop,
    withdraw: Object.keys(book.resting),
  };
}

/** While the plan waits for those that it asked to end: some are done all the same, and have to be undone. */
export function lateDone(context: PlanContext, rules: PlanRules, key: string, output: unknown, about: string): PlanStep {
  const child = liveChild(context.book, key);
  return child === undefined ? { patch: {} } : late(context, rules, { ...child, outcome: "done", output }, about);
}

export function lateFailed(context: PlanContext, rules: PlanRules, key: string, error: ErrorRecord, about: string): PlanStep {
  const child = liveChild(context.book, key);
  return child === undefined ? { patch: {} } : late(context, rules, { ...child, outcome: "failed", error }, about);
}

function late(context: PlanContext, rules: PlanRules, child: EndedChild, about: string): PlanStep {
  const { book, rollback } = ended(context, rules, child, about);
  const { book: left, ...page } = paged(book);
  return { patch: { book: left, ...(rollback === undefined ? {} : { rollback }) }, ended: child.key, ...page };
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

export function pageTurned({ book }: PlanContext, page: PlanPage): PlanStep {
  return { patch: { book: turnedBack(book, page) } };
}

export function rollbackOver({ rollback }: PlanContext): PlanStep {
  return { patch: { rollback: rollback === null ? null : rollbackEnded(rollback) } };
}

function going(book: PlanBook, { order, limit }: PlanRules, patch: Partial<PlanContext> = {}): PlanStep {
  const next = begun(book, order, limit);
  const { book: left, ...page } = paged(next.book);
  return { patch: { ...patch, book: left }, begin: next.begin, ...page };
}

/**
 * The book without a child that has ended, and with what undoes it: written down while its input and output are at hand, so that neither
 * has to be kept. Where that cannot be said the plan is broken, and its rollback cannot be whole.
 */
function ended(
  { book, rollback }: PlanContext,
  { kinds }: PlanRules,
  child: EndedChild,
  about: string,
): Pick<PlanContext, "book"> & Partial<Pick<PlanContext, "error" | "rollback">> {
  const { outcome, key, step } = child;
  const after = countedAs(removed(book, key), child, outcome);
  const kind = kinds.get(child.kind);
  if (kind?.compensate === undefined || (outcome === "failed" && !kind.compensatesFailed)) return { book: after };
  try {
    const made = kind.compensate(child);
    if (made === undefined) return { book: after };
    const { kind: by, input } = kept(made, "What undoes a child", about);
    const size = encodeMsgpack(input).length;
    return { book: undoable(after, { key, kind: by, input, size, ...(step === undefined ? {} : { step }) }) };
  } catch (thrown) {
    const error = ruleThrew(about, child, thrown);
    return { book: after, error, rollback: unableTo(rollback ?? ROLLBACK_BEGUN, error) };
  }
}

/** @throws too_large, before the record is */
function kept<T>(value: T, what: string, about: string): T {
  const bytes = encodeMsgpack(value).length;
  if (bytes <= MOST_KEPT_BYTES) return value;
  throw new TroupeError("too_large", `${what} takes ${bytes} bytes in the record of ${about}; at most ${MOST_KEPT_BYTES} can be kept`, {
    about,
  });
}

function sizeOf(children: readonly PlannedChild[]): number {
  return children.reduce((sum, { size }) => sum + size, 0);
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
  if (cause instanceof TroupeError) return toErrorRecord(cause);
  const message = `What ${about} says about the end of child "${key}" (${kind}) threw: ${cause instanceof Error ? cause.message : String(cause)}`;
  return toErrorRecord(new TroupeError("transition_threw", message, { about, cause }));
}
