import type { PlanContext } from "../machines/plan-context.ts";
import { formatAddress } from "./core/address.ts";
import type { Activity, ActivityContext } from "./core/definition.ts";
import type { ErrorRecord } from "./core/errors.ts";
import type { PlanTally, Rollback } from "./core/plan-book.ts";
import type { PlanRules } from "./core/plan-steps.ts";
import { validate } from "./core/schema.ts";
import type { CleanupContext, FinishContext, PlanOptions } from "./define-plan.ts";
import { PlanAttempt } from "./plan-attempt.ts";
import { Expansion, type ExpandInput } from "./plan-expansion.ts";

type PhaseInput = Pick<PlanContext, "input" | "prepared" | "collected" | "error" | "rollback"> & { readonly children: PlanTally };

/** What a plan does outside its turns. */
export function activitiesOf(
  options: PlanOptions<unknown, unknown>,
  { kinds }: PlanRules,
  { timeoutMs, onCrash }: Pick<Activity, "timeoutMs" | "onCrash">,
): ReadonlyMap<string, Activity> {
  const expansion = new Expansion(options.expand, new Set(kinds.keys()));
  const limits = { timeoutMs, heartbeatTimeoutMs: undefined };
  const phase = (run: (context: PhaseContext) => unknown): Activity => ({
    ...limits,
    onCrash,
    run: (context) => run(new PhaseContext(context as ActivityContext<PhaseInput>)),
    input: (context) => phaseInput(context as PlanContext),
  });
  const { prepare, finish, cleanup } = options;
  const checked = (output: unknown, about: string): unknown => validate(options.output, output, "invalid_output", about);
  return new Map([
    [
      "plan.expand",
      {
        ...limits,
        onCrash: "rerun" as const,
        run: (context) => expansion.batch(context as ActivityContext<ExpandInput>),
        input: (context) => expandInput(context as PlanContext),
      } satisfies Activity,
    ],
    ["plan.prepare", phase((context) => prepare?.(context))],
    ["plan.finish", phase(async (context) => checked(await finish?.(context), formatAddress(context.actor)))],
    ["plan.cleanup", phase((context) => cleanup?.(context))],
  ]);
}

function expandInput({ input, prepared, cursor }: PlanContext): ExpandInput {
  return { input, prepared, cursor };
}

function phaseInput({ input, prepared, collected, error, rollback, book }: PlanContext): PhaseInput {
  return { input, prepared, collected, error, rollback, children: book.tally };
}

/** A phase's context: an attempt's, with what the plan knows. */
class PhaseContext extends PlanAttempt<PhaseInput> implements FinishContext<unknown, unknown, unknown>, CleanupContext<unknown, unknown> {
  readonly collected: unknown;
  readonly children: PlanTally;
  readonly error: ErrorRecord | null;
  readonly rollback: Rollback | null;

  constructor(running: ActivityContext<PhaseInput>) {
    super(running);
    ({ collected: this.collected, children: this.children, error: this.error, rollback: this.rollback } = running.input);
  }
}
