import type { PlanPage } from "../../machines/plan-page.ts";
import type { ErrorRecord } from "./errors.ts";
import type { Compensation, PlanBook, PlannedChild, PlanOrder, Rollback } from "./plan-book.ts";
import { removed } from "./plan-order.ts";

export const ROLLBACK_BEGUN: Rollback = { state: "running", compensated: 0, failed: 0, errors: [] };
/** Errors that a rollback remembers. */
const MOST_ERRORS = 10;

/** What would undo this child is written down, after everything that would be undone later. */
export function undoable(book: PlanBook, compensation: Compensation | undefined): PlanBook {
  if (compensation === undefined) return book;
  return { ...book, undo: [...book.undo, compensation], undoBytes: book.undoBytes + compensation.size };
}

const MOST_ON_A_PAGE = 256;
const MOST_PAGE_BYTES = 96 * 1024;

/** Where the record has no room for more of what undoes children, all that it holds goes to a page of its own. */
export function paged(book: PlanBook): { readonly book: PlanBook; readonly page?: PlanPage } {
  const { undo, undoBytes, page: below, pagedKinds = [] } = book;
  if (undo.length < MOST_ON_A_PAGE && undoBytes < MOST_PAGE_BYTES) return { book };
  const kinds = [...new Set([...pagedKinds, ...undo.map(({ kind }) => kind)])];
  return { book: { ...book, undo: [], undoBytes: 0, pagedKinds: kinds }, page: { undo, below } };
}

/** What was on the topmost page is the next to be undone. */
export function turnedBack(book: PlanBook, { undo, below }: PlanPage): PlanBook {
  if (below !== null) return { ...book, undo, page: below };
  const { pagedKinds: _none, ...rest } = book;
  return { ...rest, undo, page: null };
}

/** What was to begin never will. */
export function abandoned(book: PlanBook): PlanBook {
  return { ...book, waiting: [], resting: {} };
}

/**
 * The compensations that begin now: the latest first. No two run at once whose order could matter: of steps only those of one, of a
 * graph one at a time.
 */
export function undoing(
  book: PlanBook,
  order: PlanOrder,
  limit: number,
): { readonly book: PlanBook; readonly begin: readonly PlannedChild[] } {
  const live = book.live;
  let room = (order === "graph" ? 1 : limit) - live.length;
  const begin: PlannedChild[] = [];
  let left = book.undo.length;
  let step = live[0]?.step;
  for (; room > 0 && left > 0; room--, left--) {
    const next = book.undo[left - 1] as Compensation;
    if (order === "steps" && live.length + begin.length > 0 && next.step !== step) break;
    ({ step } = next);
    begin.push(next);
  }
  if (begin.length === 0) return { book, begin };
  return { book: { ...book, undo: book.undo.slice(0, left), live: [...book.live, ...begin] }, begin };
}

/** A compensation has ended; with an error it is counted, and the rest goes on. */
export function undone(
  book: PlanBook,
  rollback: Rollback,
  key: string,
  error: ErrorRecord | undefined,
): { readonly book: PlanBook; readonly rollback: Rollback } {
  const after = error === undefined ? { ...rollback, compensated: rollback.compensated + 1 } : unableTo(rollback, error);
  return { book: removed(book, key), rollback: after };
}

export function unableTo(rollback: Rollback, error: ErrorRecord): Rollback {
  return { ...rollback, failed: rollback.failed + 1, errors: [...rollback.errors, error].slice(0, MOST_ERRORS) };
}

export function rollbackEnded(rollback: Rollback): Rollback {
  return { ...rollback, state: rollback.failed === 0 ? "done" : "failed" };
}
