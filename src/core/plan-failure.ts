import { without } from "./draft.ts";
import type { ErrorRecord, Fault } from "./errors.ts";
import { counted, keysOf, type PlanBook, type PlannedChild, type PlanOrder } from "./plan-book.ts";
import { uncounted } from "./plan-progress.ts";
import { released, removed } from "./plan-order.ts";
import { chanceOf, retryDelayMs, type RetryPolicy } from "./retry.ts";

/** A child that has failed, as failure rules see it. */
export interface FailedChild extends PlannedChild {
  readonly error: ErrorRecord;
}

/**
 * What becomes of a child that has failed for good, after its own retries. Of several rules the first one counts that fits and is not
 * used up; where none does, the plan fails.
 *
 * | policy       | the child                                                                     |
 * |--------------|-------------------------------------------------------------------------------|
 * | `retry`      | begins again, with the same input, after a delay                              |
 * | `reschedule` | is replaced by others in the same commit                                      |
 * | `drop`       | is given up, and the plan goes on: what it was for is gone                    |
 * | `fail`       | fails the plan                                                                |
 */
export type FailureRule = { readonly when?: (failed: FailedChild) => boolean } & (
  | { readonly policy: "retry"; readonly retry: RetryPolicy }
  | { readonly policy: "reschedule"; readonly rounds: number; readonly replace: (failed: FailedChild) => Replacement }
  | { readonly policy: "drop" }
  | { readonly policy: "fail" }
);

export interface Replacement {
  readonly children: readonly PlannedChild[];
  /** What those that take its place are to avoid, beside what it was to avoid itself. */
  readonly exclude: readonly string[];
}

/** What is done about a failure. */
export type Verdict =
  | { readonly kind: "rest"; readonly delayMs: number }
  | { readonly kind: "replace"; readonly replacement: Replacement }
  | { readonly kind: "drop" }
  | { readonly kind: "fail" };

export function judged(rules: readonly FailureRule[], failed: FailedChild, seed: string): Verdict {
  for (const rule of rules) {
    if (rule.when !== undefined && !rule.when(failed)) continue;
    switch (rule.policy) {
      case "retry": {
        const tries = (failed.tries ?? 0) + 1;
        if (tries >= rule.retry.attempts || failed.error.retryable === false) continue;
        return { kind: "rest", delayMs: retryDelayMs(rule.retry, tries, chanceOf(`${seed}:${failed.key}:${tries}`)) };
      }
      case "reschedule":
        if ((failed.round ?? 0) >= rule.rounds) continue;
        return { kind: "replace", replacement: rule.replace(failed) };
      default:
        return { kind: rule.policy };
    }
  }
  return { kind: "fail" };
}

/** It begins again later; until then it takes nobody's room. */
export function rested(book: PlanBook, child: PlannedChild): PlanBook {
  const { told: _told, ...again } = { ...child, tries: (child.tries ?? 0) + 1 };
  return { ...uncounted(removed(book, child.key), child), resting: { ...book.resting, [child.key]: again } };
}

/** It has rested enough, and is the next to begin. */
export function rose(book: PlanBook, key: string): PlanBook {
  const child = book.resting[key];
  if (child === undefined) return book;
  return { ...book, resting: without(book.resting, key), waiting: [child, ...book.waiting] };
}

/** Others take its place: they are the next to begin, belong to its step, and whoever waited for it waits for them. */
export function replaced(
  book: PlanBook,
  child: PlannedChild,
  { children, exclude }: Replacement,
  order: PlanOrder,
): { readonly book: PlanBook; readonly faults: readonly Fault[] } {
  const others = uncounted(removed(book, child.key), child);
  const taken = keysOf(others);
  const faults: Fault[] = [];
  for (const { key } of children) {
    if (taken.has(key)) faults.push({ path: key, message: "is the key of two children" });
    taken.add(key);
  }
  if (faults.length > 0) return { book, faults };
  const excluded = [...new Set([...(child.excluded ?? []), ...exclude])];
  const instead = children.map((each) => ({
    ...each,
    round: (child.round ?? 0) + 1,
    ...(excluded.length === 0 ? {} : { excluded }),
    ...(order === "steps" ? { step: child.step ?? 0 } : {}),
  }));
  const after = released(
    others,
    child.key,
    instead.map(({ key }) => key),
  );
  return { book: counted({ ...after, waiting: [...instead, ...after.waiting] }, { total: children.length - 1 }), faults };
}
