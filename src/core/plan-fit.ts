import type { AnyStateMachine } from "xstate";
import type { PlanContext } from "../../machines/plan-context.ts";
import type { Fault } from "./errors.ts";
import { hashText } from "./hash.ts";
import type { PlanBook } from "./plan-book.ts";
import type { PlanRules } from "./plan-steps.ts";
import { shapeOf } from "./shape.ts";

/*
 * Plans all have one machine: what tells the versions of a plan apart is the kinds of its children and their order. A plan that was
 * stored by another version can go on where this one has every kind of child that it still has to do with, and keeps their order.
 */

/** Beside the machine's structure, the kinds of children and their order. */
export function planShape(machine: AnyStateMachine, { kinds, order }: PlanRules): string {
  return hashText([shapeOf(machine), order, ...[...kinds.keys()].toSorted()].join("\n"));
}

/** What a stored plan has to do that this version cannot, each with its path. */
export function planMisfits(context: unknown, { kinds, order }: PlanRules): readonly Fault[] {
  const { book } = (context ?? {}) as Partial<PlanContext>;
  if (book === undefined) return [{ path: "context.book", message: "is missing: it was no plan" }];
  const faults: Fault[] = [];
  for (const kind of kindsOf(book))
    if (!kinds.has(kind))
      faults.push({ path: `children.${kind}`, message: "is a kind of children that it has begun, has to begin or is undone by" });
  const waiting = [...book.waiting, ...Object.values(book.resting)];
  if (order !== "graph" && waiting.some(({ after = [] }) => after.length > 0))
    faults.push({ path: "order", message: `is ${order}, and children wait for others` });
  if (order !== "steps" && waiting.some(({ step = 0 }) => step > book.step))
    faults.push({ path: "order", message: `is ${order}, and children wait for their step` });
  return faults;
}

function kindsOf({ waiting, live, resting, undo, pagedKinds = [] }: PlanBook): ReadonlySet<string> {
  return new Set([...[...waiting, ...live, ...Object.values(resting), ...undo].map(({ kind }) => kind), ...pagedKinds]);
}
