import type { Fault } from "./errors.ts";
import { counted, isAlone, keysOf, type PlanBook, type PlannedChild, type PlanOrder } from "./plan-book.ts";

/** The book with more children in it, or what is wrong with them: then none of them is taken in. */
export function takenIn(
  book: PlanBook,
  children: readonly PlannedChild[],
  order: PlanOrder,
): { readonly book: PlanBook; readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  const known = keysOf(book);
  let step = book.waiting.at(-1)?.step ?? book.step;
  for (const child of children) {
    const { key } = child;
    if (known.has(key)) faults.push({ path: key, message: "is the key of two children" });
    known.add(key);
    if (order === "steps" && (child.step ?? 0) < step)
      faults.push({ path: key, message: `belongs to step ${child.step ?? 0}, after one of step ${step}` });
    step = Math.max(step, child.step ?? 0);
  }
  if (faults.length > 0) return { book, faults };
  return { book: counted({ ...book, waiting: [...book.waiting, ...children] }, { total: children.length }), faults };
}

/** What is wrong with a whole graph: children that wait for nobody, and those that wait for themselves in the end. */
export function faultsOfGraph(children: readonly PlannedChild[]): readonly Fault[] {
  const faults: Fault[] = [];
  const open = new Map(children.map((child) => [child.key, child.after?.length ?? 0]));
  const dependants = new Map<string, string[]>();
  for (const { key, after = [] } of children) {
    for (const other of after) {
      if (!open.has(other)) faults.push({ path: key, message: `waits for "${other}", which is no child of this plan` });
      dependants.set(other, [...(dependants.get(other) ?? []), key]);
    }
  }
  if (faults.length > 0) return faults;
  const free = [...open].flatMap(([key, count]) => (count === 0 ? [key] : []));
  for (let key = free.pop(); key !== undefined; key = free.pop()) {
    open.delete(key);
    for (const dependant of dependants.get(key) ?? []) {
      const left = (open.get(dependant) ?? 0) - 1;
      open.set(dependant, left);
      if (left === 0) free.push(dependant);
    }
  }
  return [...open.keys()].map((key) => ({ path: key, message: `is in, or behind, a cycle: it waits for itself in the end` }));
}

/** Who begins now: as many as there is room for, the first ones that may. */
export function begun(
  book: PlanBook,
  order: PlanOrder,
  limit: number,
): { readonly book: PlanBook; readonly begin: readonly PlannedChild[] } {
  let room = limit - book.live.length;
  if (room <= 0 || book.waiting.length === 0) return { book, begin: NONE };
  const step = order === "steps" && isAlone(book) ? (book.waiting[0]?.step ?? 0) : book.step;
  if (order === "any") return entered(book, book.waiting.slice(0, room), book.waiting.slice(room), step);
  const begin: PlannedChild[] = [];
  const waiting = book.waiting.filter((child) => {
    if (room === 0 || !mayBegin(child, order, step)) return true;
    room--;
    begin.push(child);
    return false;
  });
  return begin.length === 0 ? { book, begin: NONE } : entered(book, begin, waiting, step);
}

function entered(book: PlanBook, begin: readonly PlannedChild[], waiting: readonly PlannedChild[], step: number): ReturnType<typeof begun> {
  return { book: { ...book, waiting, step, live: [...book.live, ...begin] }, begin };
}

function mayBegin(child: PlannedChild, order: PlanOrder, step: number): boolean {
  if (order === "steps") return (child.step ?? 0) === step;
  return order !== "graph" || (child.after?.length ?? 0) === 0;
}

const NONE: readonly PlannedChild[] = [];

/** Nobody waits for this child any more, but for those that take its place. */
export function released(book: PlanBook, key: string, instead: readonly string[] = []): PlanBook {
  if (!book.waiting.some(({ after }) => after?.includes(key))) return book;
  const waiting = book.waiting.map((child) =>
    child.after?.includes(key) === true ? { ...child, after: [...child.after.filter((other) => other !== key), ...instead] } : child,
  );
  return { ...book, waiting };
}

/** Without a child that was live. */
export function removed(book: PlanBook, key: string): PlanBook {
  return { ...book, live: book.live.filter((child) => child.key !== key) };
}
