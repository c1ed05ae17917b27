import type { PlanContext } from "../../machines/plan-context.ts";
import { counted, liveChild, sum, type PlanBook, type PlannedChild, type PlanTally } from "./plan-book.ts";

/**
 * A plan's progress is its children's, summed: a task is one, a plan is as many as it says, and one until it has said so. `tally` counts
 * every child as one; `inner` is what those that are plans add to that.
 */
export function progressOf({ tally, inner }: PlanBook): PlanTally {
  return inner === undefined ? tally : sum(tally, inner);
}

/** A child that is a plan says how far it has come. */
export function told(book: PlanBook, key: string, progress: PlanTally): PlanBook {
  const child = liveChild(book, key);
  if (child === undefined) return book;
  const more = sum(progress, child.told ?? ONE, -1);
  return {
    ...book,
    inner: sum(book.inner ?? NONE, more),
    live: book.live.map((each) => (each === child ? { ...child, told: progress } : each)),
  };
}

/** The child is counted by how it ended; what it said of itself stays. */
export function countedAs(book: PlanBook, child: PlannedChild, outcome: "done" | "failed" | "dropped"): PlanBook {
  const after = counted(book, { [outcome]: 1 });
  return child.told === undefined ? after : { ...after, inner: sum(book.inner ?? NONE, { [outcome]: 1 }, -1) };
}

/** The child begins again, or others do in its place: what it said of itself is void. */
export function uncounted(book: PlanBook, { told }: PlannedChild): PlanBook {
  if (told === undefined) return book;
  return { ...book, inner: sum(book.inner ?? NONE, sum(told, ONE, -1), -1) };
}

/** Told about twenty times in a plan's life, and in the end. Undefined while there is too little to tell. */
export function progressDue({
  book,
  isExpanded,
  toldAt,
  rollback,
}: PlanContext): { readonly settled: number; readonly progress: PlanTally } | undefined {
  if (rollback !== null) return undefined;
  const progress = progressOf(book);
  const settled = progress.done + progress.failed + progress.dropped;
  const isAll = isExpanded && settled === progress.total;
  if (settled === toldAt || !(toldAt < 0 || isAll || settled - toldAt >= Math.max(1, progress.total / TIMES))) return undefined;
  return { settled, progress };
}

const TIMES = 20;
const ONE: PlanTally = { total: 1, done: 0, failed: 0, dropped: 0 };
const NONE: PlanTally = { total: 0, done: 0, failed: 0, dropped: 0 };
