import type { PlanContext } from "../../machines/plan-context.ts";
import type { PlanBook } from "../../src/core/plan-book.ts";
import { definePlan } from "../../src/define-plan.ts";
import { begun } from "./life.ts";

/** A plan's context before anything has happened, as its machine makes it. */
const FRESH = begun(definePlan({ name: "trip", children: { job: "job" }, expand: () => [] })).actor.record.context as PlanContext;

export const EMPTY_BOOK: PlanBook = FRESH.book;
