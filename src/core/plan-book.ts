import type { ErrorRecord } from "./errors.ts";

/**
 * A plan's book of its children: who waits, who has begun, what it would take to undo those that are done. Stored in the plan's record, so
 * it never holds more than a window of the whole: what waits is bounded by when more is asked for, what has begun by the limit, and
 * what could be undone goes to pages.
 */
export interface PlanBook {
  /** Known and not begun, in order. */
  readonly waiting: readonly PlannedChild[];
  /** Begun and not ended. A list: of objects with hundreds of keys every copy without one is dear. */
  readonly live: readonly PlannedChild[];
  /** Failed, and waiting for their next try, by key. */
  readonly resting: Readonly<Record<string, PlannedChild>>;
  /** What undoes the children that are done, the latest last; what does not fit lies on pages. */
  readonly undo: readonly Compensation[];
  /** How much that is, about. */
  readonly undoBytes: number;
  /** A reference to the page that was written last; null while there is none. */
  readonly page: object | null;
  /** Kinds of children that are on pages; absent while there are none. */
  readonly pagedKinds?: readonly string[];
  /** With ordered steps: the one that runs. */
  readonly step: number;
  readonly tally: PlanTally;
  /** What the children of children that are plans add to it; absent while there are none. */
  readonly inner?: PlanTally;
}

/** A child as the plan knows it. Made from what `expand` and `replace` describe; stored. */
export interface PlannedChild {
  /** Its name within the plan. */
  readonly key: string;
  readonly kind: string;
  readonly input: unknown;
  /** About how many bytes all this takes. */
  readonly size: number;
  readonly step?: number;
  /** Keys of children that must be done before it begins. */
  readonly after?: readonly string[];
  /** How often it has been tried before; absent for never. */
  readonly tries?: number;
  /** How many children before it were replaced on the way to this one. */
  readonly round?: number;
  /** What those that it replaces were to avoid, and what they met. */
  readonly excluded?: readonly string[];
  /** How far it has come, if it is a plan and has said so. */
  readonly told?: PlanTally;
}

/** A child that undoes another. */
export interface Compensation {
  readonly key: string;
  readonly kind: string;
  readonly input: unknown;
  readonly size: number;
  readonly step?: number;
}

/** Children of a plan by what became of them; those that were replaced are in none of it. */
export interface PlanTally {
  /** Known so far. */
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Given up, because what they were for is gone. */
  readonly dropped: number;
}

/** In which order children begin: as soon as there is room, step after step, or each after those that it names. */
export type PlanOrder = "any" | "steps" | "graph";

/** How a rollback stands, or ended. The failure that caused it is the plan's own. */
export interface Rollback {
  readonly state: "running" | "done" | "failed";
  readonly compensated: number;
  readonly failed: number;
  /** Of compensations that failed for good; the first few. */
  readonly errors: readonly ErrorRecord[];
}

/** Nobody waits, works or rests. */
export function isIdle(book: PlanBook): boolean {
  return book.waiting.length === 0 && isAlone(book);
}

/** Nobody works or rests. */
export function isAlone({ live, resting }: PlanBook): boolean {
  return live.length === 0 && isEmpty(resting);
}

export function liveChild({ live }: PlanBook, key: string): PlannedChild | undefined {
  return live.find((child) => child.key === key);
}

/** Every key in use. */
export function keysOf({ waiting, live, resting }: PlanBook): Set<string> {
  return new Set([...waiting.map(({ key }) => key), ...live.map(({ key }) => key), ...Object.keys(resting)]);
}

export function counted(book: PlanBook, change: Partial<PlanTally>): PlanBook {
  return { ...book, tally: sum(book.tally, change) };
}

export function sum(one: PlanTally, other: Partial<PlanTally>, sign: 1 | -1 = 1): PlanTally {
  return {
    total: one.total + sign * (other.total ?? 0),
    done: one.done + sign * (other.done ?? 0),
    failed: one.failed + sign * (other.failed ?? 0),
    dropped: one.dropped + sign * (other.dropped ?? 0),
  };
}

function isEmpty(map: Readonly<Record<string, unknown>>): boolean {
  for (const _key in map) return false;
  return true;
}
