import { describe, expect, it } from "vitest";
import type { PlanBook } from "../../src/core/plan-book.ts";
import { paged, turnedBack } from "../../src/core/plan-rollback.ts";
import { definePlan } from "../../src/define-plan.ts";
import { EMPTY_BOOK } from "./plan-books.ts";

const planOf = (order: "any" | "graph" | "steps", ...kinds: readonly string[]) =>
  definePlan({ name: "plan", order, children: Object.fromEntries(kinds.map((kind) => [kind, kind])), expand: () => [] });
const child = (kind: string, more: object = {}) => ({ key: kind, kind, input: 0, size: 1, ...more });
const misfits = (plan: ReturnType<typeof planOf>, book: Partial<PlanBook>) =>
  plan.misfits?.({ book: { ...EMPTY_BOOK, ...book } }).map(({ path }) => path);

describe("what a stored plan has to do and a definition cannot", () => {
  const plan = planOf("any", "job");

  it.each([
    ["waits", { waiting: [child("chore")] }],
    ["works", { live: [child("chore")] }],
    ["rests", { resting: { chore: child("chore") } }],
    ["undoes", { undo: [child("chore")] }],
    ["undoes from a page", { page: {}, pagedKinds: ["job", "chore"] }],
  ] as const)("is a kind of children that %s", (_what, book) => {
    expect(misfits(plan, book)).toEqual(["children.chore"]);
    expect(misfits(planOf("any", "job", "chore"), book)).toEqual([]);
  });

  it("is to keep an order that children wait for", () => {
    expect(misfits(plan, { waiting: [child("job", { after: ["x"] })] })).toEqual(["order"]);
    expect(misfits(planOf("graph", "job"), { waiting: [child("job", { after: ["x"] })] })).toEqual([]);
    expect(misfits(plan, { step: 1, waiting: [child("job", { step: 2 })] })).toEqual(["order"]);
    expect(misfits(planOf("steps", "job"), { step: 1, waiting: [child("job", { step: 2 })] })).toEqual([]);
    expect(misfits(plan, { step: 2, waiting: [child("job", { step: 2 })] })).toEqual([]);
  });

  it("is anything where the record is no plan's", () => {
    expect(plan.misfits?.({ input: 1 }).map(({ path }) => path)).toEqual(["context.book"]);
  });
});

it("the kinds of children and their order are part of a plan's structure", () => {
  const shapes = [planOf("any", "a"), planOf("any", "a", "b"), planOf("any", "b"), planOf("steps", "a")].map(({ shape }) => shape);
  expect(new Set(shapes).size).toBe(4);
  expect(planOf("any", "b", "a").shape).toBe(shapes[1]);
});

it("kinds on pages are known until the last page is back", () => {
  const full = { ...EMPTY_BOOK, undo: [child("a"), ...Array.from({ length: 255 }, () => child("b"))] };
  const first = paged(full);
  const second = paged({ ...first.book, page: { troupe$ref: "plan-page/1" }, undo: full.undo.map(() => child("c")) });
  expect([first.book.pagedKinds, second.book.pagedKinds]).toEqual([
    ["a", "b"],
    ["a", "b", "c"],
  ]);
  const back = turnedBack(second.book, { undo: [], below: { troupe$ref: "plan-page/1" } });
  expect(back.pagedKinds).toEqual(["a", "b", "c"]);
  expect(turnedBack(back, { undo: [], below: null }).pagedKinds).toBeUndefined();
});
