import { assign, sendParent, sendTo, setup } from "xstate";
import type { Compensation } from "../src/core/plan-book.ts";

/**
 * A page of what undoes a plan's children, for plans of more children than a record can hold: pages lie on each other like a stack, and
 * the plan knows only the topmost.
 *
 *   kept ── give ──► given: the plan gets what is on it, and the page below
 *     └──── drop ──► dropped: so is the page below
 */
export interface PlanPage {
  /** The latest last. */
  readonly undo: readonly Compensation[];
  /** A reference to the page that was written before; null at the bottom. */
  readonly below: object | null;
}

export const planPageMachine = setup({
  types: {
    context: {} as PlanPage,
    input: {} as PlanPage,
    events: {} as { readonly type: "troupe.give" } | { readonly type: "troupe.drop" },
  },
  guards: { isBottom: ({ context }) => context.below === null },
  actions: {
    giveBack: sendParent(({ context: { undo, below } }) => ({ type: "troupe.page", undo, below })),
    dropBelow: sendTo(({ context }) => context.below as never, { type: "troupe.drop" } as never),
    forget: assign({ undo: [], below: null }),
  },
}).createMachine({
  id: "page",
  version: "1",
  context: ({ input }) => input,
  initial: "kept",
  states: {
    kept: {
      on: {
        "troupe.give": { target: "given", actions: ["giveBack", "forget"] },
        "troupe.drop": [
          { guard: "isBottom", target: "dropped", actions: "forget" },
          { target: "dropped", actions: ["dropBelow", "forget"] },
        ],
      },
    },
    given: { type: "final" },
    dropped: { type: "final" },
  },
});
