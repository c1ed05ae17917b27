import type { Definition } from "../../src/core/definition.ts";
import { castOf } from "../../src/define-actor.ts";
import { definePlan, type PlanOptions } from "../../src/define-plan.ts";
import { activitiesOf } from "../../src/plan-phases.ts";
import { rulesOf } from "../../src/plan-rules.ts";
import type { Errand } from "./cast.ts";

/** Plans over errands, undone where one fails for good. */

/** How the plans order their children: each its own plan, which shows more of what plans can do. */
export const ORDERS = ["any", "steps", "graph"] as const;
type Order = (typeof ORDERS)[number];
type Options = PlanOptions<{ readonly errands: readonly Errand[] }, unknown>;

const MORE: Readonly<Record<Order, Partial<Options>>> = {
  any: { rollbackConcurrency: 2 },
  steps: {
    prepare: () => "ready",
    collect: (count) => ((count as number | undefined) ?? 0) + 1,
    finish: ({ collected }) => collected,
    cleanup: () => {},
    ackOn: "expanded",
  },
  graph: {
    onFailure: {
      errand: [
        { policy: "retry", attempts: 2, minDelayMs: 300, jitter: 0 },
        {
          policy: "reschedule",
          rounds: 1,
          replace: ({ key }) => ({ children: [{ kind: "errand", key: `${key}-again`, input: { key, ms: 0, failures: 0 } }] }),
        },
      ],
    },
  },
};

function optionsOf(order: Order): Options {
  return {
    name: `trip-${order}`,
    children: { errand: "errand", undo: "undo-errand" },
    order,
    concurrency: 2,
    expand: function* ({ input: { errands } }) {
      for (const errand of errands) {
        const place = order === "steps" ? { step: errand.step ?? 0 } : order === "graph" ? { after: errand.after ?? [] } : {};
        yield { kind: "errand", key: errand.key, input: errand, ...place };
      }
    },
    compensate: { errand: ({ key }) => ({ kind: "undo", input: key }) },
    ...MORE[order],
  };
}

const PLANS = ORDERS.map((order) => {
  const options = optionsOf(order);
  return { options: options as PlanOptions<unknown, unknown>, definition: definePlan(options) };
});

/** The plans, with activities of each host's own: what a plan has yielded so far stays in its host's memory. */
export function plansOfHost(): readonly Definition[] {
  return castOf(
    PLANS.map(({ options, definition }) => ({
      ...definition,
      activities: activitiesOf(options, rulesOf(options, []), { timeoutMs: undefined, onCrash: "rerun" }),
    })),
  );
}
