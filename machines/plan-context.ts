import type { ErrorRecord } from "../src/core/errors.ts";
import type { PlanBook, PlanTally, Rollback } from "../src/core/plan-book.ts";
import type { PlanPage } from "./plan-page.ts";
import type { TaskContext } from "./task.ts";

/** What a plan knows: what every task does, and its children. Stored in its record. */
export interface PlanContext extends TaskContext {
  /** What `prepare` found out. */
  readonly prepared: unknown;
  /** Where the next call of `expand` goes on. */
  readonly cursor: PlanCursor;
  /** Everything that `expand` yields is known. */
  readonly isExpanded: boolean;
  readonly book: PlanBook;
  /** What `collect` made of the outputs so far. */
  readonly collected: unknown;
  readonly output: unknown;
  /** Null unless something had to be undone. */
  readonly rollback: Rollback | null;
  /** What the progress was, in ended children, when it was told last. */
  readonly toldAt: number;
  /** How far it had come when whoever waits was told, long before its end. */
  readonly acknowledged: "accepted" | "expanded" | null;
  /** Why cleaning up was given up; the plan ends as it would have. */
  readonly cleanupError: ErrorRecord | null;
}

/** The last cursor that `expand` gave, and how many children it has yielded since. */
export interface PlanCursor {
  readonly at: unknown;
  readonly past: number;
  /** All that it has yielded. */
  readonly count: number;
}

export type PlanEvent =
  | { readonly type: "troupe.begin" }
  | { readonly type: "troupe.delay" }
  | { readonly type: "troupe.expire" }
  /** A page gives back what is on it. */
  | ({ readonly type: "troupe.page" } & PlanPage)
  /** A child has rested after a failure. */
  | { readonly type: "troupe.rested"; readonly key: string }
  | { readonly type: "cancel"; readonly reason?: string }
  | { readonly type: `troupe.progress.${string}`; readonly actorId: string; readonly progress: PlanTally }
  | { readonly type: `xstate.done.actor.${string}`; readonly actorId: string; readonly output: unknown }
  | { readonly type: `xstate.error.actor.${string}`; readonly actorId: string; readonly error: unknown };
