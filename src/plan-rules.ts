import { TroupeError, type Fault } from "./core/errors.ts";
import type { FailedChild, FailureRule } from "./core/plan-failure.ts";
import type { KindRules, PlanRules } from "./core/plan-steps.ts";
import { DEFAULT_RETRY } from "./core/retry.ts";
import { faultsOfRetry } from "./core/retry.ts";
import type { Compensate, FailurePolicy, PlanOptions } from "./define-plan.ts";
import { MOST_BYTES, plannedChild } from "./plan-expansion.ts";

export const DEFAULT_LIMIT = 64;
const DEFAULT_ROUNDS = 3;

/** What a plan's options say about its children, in the words of the pure part; what is wrong with them is added to `faults`. */
export function rulesOf(options: PlanOptions<unknown, unknown>, faults: Fault[]): PlanRules {
  const names = new Set(Object.keys(options.children ?? {}));
  const kinds = new Map<string, KindRules>();
  for (const kind of names) {
    const child = options.children[kind];
    const compensate = options.compensate?.[kind];
    const by = typeof compensate === "object" ? compensate.by : compensate;
    kinds.set(kind, {
      as: typeof child === "object" ? child.kind : "task",
      onFailure: [options.onFailure?.[kind] ?? []]
        .flat()
        .map((policy, i) => ruleOf(policy, `onFailure.${kind}.${i}`, options.name, names, faults)),
      compensate: by === undefined ? undefined : (ended) => compensationOf(by(ended), names, options.name),
      compensatesFailed: typeof compensate === "object" && compensate.of === "begun",
    });
    if (by !== undefined && typeof by !== "function") faults.push({ path: `compensate.${kind}`, message: "must be a function" });
  }
  const { collect } = options;
  return {
    order: options.order ?? "any",
    limit: options.concurrency ?? DEFAULT_LIMIT,
    rollbackLimit: options.rollbackConcurrency ?? 1,
    kinds,
    collect: collect === undefined ? undefined : (collected, { key, kind }, output) => collect(collected, { key, kind, output }),
  };
}

function ruleOf(policy: FailurePolicy, path: string, plan: string, kinds: ReadonlySet<string>, faults: Fault[]): FailureRule {
  const when = policy.when === undefined ? {} : { when: policy.when };
  switch (policy.policy) {
    case "retry": {
      const { policy: _policy, when: _when, ...given } = policy;
      const retry = { ...DEFAULT_RETRY, ...given };
      faults.push(...faultsOfRetry(retry, path));
      return { ...when, policy: "retry", retry };
    }
    case "reschedule": {
      const { rounds = DEFAULT_ROUNDS, replace } = policy;
      if (!Number.isInteger(rounds) || rounds < 1) faults.push({ path: `${path}.rounds`, message: "must be a whole number, at least 1" });
      if (typeof replace !== "function") faults.push({ path: `${path}.replace`, message: "must be a function" });
      const made = (failed: FailedChild): ReturnType<Extract<FailureRule, { policy: "reschedule" }>["replace"]> => {
        const { children, exclude = [] } = replace(failed);
        const round = (failed.round ?? 0) + 1;
        const planned = children.map((child, i) => plannedChild(child, `${failed.key}~${round}~${i + 1}`, kinds, plan));
        const bytes = planned.reduce((sum, { size }) => sum + size, 0);
        if (bytes <= MOST_BYTES) return { exclude, children: planned };
        const words = `What takes the place of child "${failed.key}" takes ${bytes} bytes; at most ${MOST_BYTES} can be stored with it`;
        throw new TroupeError("too_large", words, { about: plan });
      };
      return { ...when, policy: "reschedule", rounds, replace: made };
    }
    case "drop":
    case "fail":
      return { ...when, policy: policy.policy };
    default:
      faults.push({ path: `${path}.policy`, message: "must be retry, reschedule, drop or fail" });
      return { policy: "fail" };
  }
}

/** @throws bad_plan where it is of no kind */
function compensationOf(made: ReturnType<Compensate>, kinds: ReadonlySet<string>, plan: string): ReturnType<KindRules["compensate"] & {}> {
  if (made === undefined) return undefined;
  if (kinds.has(made.kind)) return { kind: made.kind, input: made.input };
  throw new TroupeError("bad_plan", `A compensation of plan "${plan}" is of the unknown kind "${made.kind}"`, { about: plan });
}
