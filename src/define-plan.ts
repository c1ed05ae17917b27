import type { StandardSchemaV1 } from "@standard-schema/spec";
import { planMachine } from "../machines/plan.ts";
import { planPageMachine } from "../machines/plan-page.ts";
import { isType, MAX_TYPE_BYTES } from "./core/address.ts";
import type { ActivityContext, CrashPolicy, Definition } from "./core/definition.ts";
import { parseDuration, type Duration } from "./core/duration.ts";
import { TroupeError, type ErrorRecord, type Fault } from "./core/errors.ts";
import type { ChildType } from "./core/family.ts";
import type { PlanOrder, PlanTally, Rollback } from "./core/plan-book.ts";
import type { FailedChild } from "./core/plan-failure.ts";
import { forgetting } from "./core/forgetting.ts";
import { planMisfits, planShape } from "./core/plan-fit.ts";
import { planLogic, type AckOn } from "./core/plan-logic.ts";
import type { EndedChild } from "./core/plan-steps.ts";
import { DEFAULT_RETRY, type RetryPolicy } from "./core/retry.ts";
import { shapeOf } from "./core/shape.ts";
import { faultsOfRetry } from "./core/retry.ts";
import type { TaskDefinition } from "./define.ts";
import type { ChildDescription, YieldedChild } from "./plan-child.ts";
import type { ExpandContext } from "./plan-expansion.ts";
import { activitiesOf } from "./plan-phases.ts";
import { DEFAULT_LIMIT, rulesOf } from "./plan-rules.ts";
import { castWith, versioned, type VersionOptions } from "./versioning.ts";

/** What a plan is. Every field but `name`, `children` and `expand` has a default. */
export interface PlanOptions<TInput, TOutput, TPrepared = unknown, TCollected = unknown> extends VersionOptions {
  /** The type in addresses and subjects: letters, digits, _ and -. */
  readonly name: string;
  /** Standard Schemas (zod, valibot, arktype), checked where a message enters and again where it runs. */
  readonly input?: StandardSchemaV1<unknown, TInput>;
  readonly output?: StandardSchemaV1<unknown, TOutput>;
  /** The kinds of children: tasks, plans and actors, or the type of one that is defined elsewhere, such as this plan itself. */
  readonly children: Readonly<Record<string, AnyDefinition | string>>;
  /** Validates, and finds out what the rest needs; an error with `retryable: false` refuses the plan. */
  readonly prepare?: (context: ActivityContext<TInput>) => TPrepared | Promise<TPrepared>;
  /** Yields the children. Called again, with the last cursor, whenever its host has died or the plan has room for more. */
  readonly expand: (context: ExpandContext<TInput, TPrepared>) => AsyncIterable<YieldedChild> | Iterable<YieldedChild>;
  /** Makes one value of the children's outputs, one after the other. Pure: it is part of a turn, and what it makes is stored. */
  readonly collect?: (
    collected: TCollected | undefined,
    child: { readonly key: string; readonly kind: string; readonly output: unknown },
  ) => TCollected;
  /** Runs once every child has ended well; what it returns is the plan's output. Default: what was collected. */
  readonly finish?: (context: FinishContext<TInput, TPrepared, TCollected>) => TOutput | Promise<TOutput>;
  /** Runs in the end, however the plan ends; its error changes nothing about that. */
  readonly cleanup?: (context: CleanupContext<TInput, TPrepared>) => void | Promise<void>;
  /** When children begin: `any` (the default), in `steps`, or each after those that it names (`graph`). */
  readonly order?: PlanOrder;
  /** Children that work at once. Default: 64. */
  readonly concurrency?: number;
  /** By kind: what becomes of a child that has failed for good. Default: the plan fails. */
  readonly onFailure?: Readonly<Record<string, FailurePolicy | readonly FailurePolicy[]>>;
  /** By kind: the child that undoes one, if the plan fails; undefined where there is nothing to undo. */
  readonly compensate?: Readonly<Record<string, Compensate | CompensateOptions>>;
  /** Compensations that work at once. Default: 1, one after the other. */
  readonly rollbackConcurrency?: number;
  /**
   * When whoever waits for the plan (`client.run`, `Troupe-Reply`) is told: once it is `accepted`, once all of its children are known and
   * stored (`expanded`), or once it has `finished` (the default). A failure that comes later is published.
   */
  readonly ackOn?: AckOn;
  /** For prepare, expand, finish and cleanup. Default: 3 attempts, 1 s doubling to 1 min, a quarter of jitter. */
  readonly retry?: Partial<RetryPolicy>;
  /** The longest one attempt of those may take. Default: no limit. */
  readonly timeout?: Duration;
  /** What becomes of prepare, finish and cleanup when their host died; `expand` always goes on. Default: `rerun`. */
  readonly onCrash?: CrashPolicy;
  /** How long the record of a finished plan is kept. Default: an hour when done, a day otherwise; at least a minute. */
  readonly retention?: { readonly done?: Duration; readonly failed?: Duration };
  /** Keep every turn for time travel. Default: no. */
  readonly history?: boolean;
}

/**
 * What becomes of a child that has failed after its own retries; the first of several that fits and is not used up. `retry` begins it
 * again after a delay, `reschedule` replaces it by others in one commit, `drop` gives it up because what it was for is gone, `fail`
 * fails the plan.
 */
export type FailurePolicy = { readonly when?: (failed: FailedChild) => boolean } & (
  | ({ readonly policy: "retry" } & Partial<RetryPolicy>)
  | {
      readonly policy: "reschedule";
      /** How often a child and what replaced it may be replaced. Default: 3. */
      readonly rounds?: number;
      /** `exclude` joins the `excluded` of those that take its place: hosts to avoid, for instance. */
      readonly replace: (failed: FailedChild) => { readonly children: readonly ChildDescription[]; readonly exclude?: readonly string[] };
    }
  | { readonly policy: "drop" }
  | { readonly policy: "fail" }
);

/** Called when a child is done, while its input and output are at hand; what it returns is kept and runs if the plan fails. Pure. */
export type Compensate = (child: EndedChild) => { readonly kind: string; readonly input?: unknown } | undefined;

export interface CompensateOptions {
  readonly by: Compensate;
  /** Also children that have begun and failed: `child.outcome` says which. Default: `done`. */
  readonly of: "done" | "begun";
}

export interface FinishContext<TInput, TPrepared, TCollected> extends ActivityContext<TInput> {
  readonly prepared: TPrepared;
  readonly collected: TCollected | undefined;
  readonly children: PlanTally;
}

export interface CleanupContext<TInput, TPrepared> extends ActivityContext<TInput> {
  /** Undefined where it was not prepared. */
  readonly prepared: TPrepared | undefined;
  /** Why the plan fails; null where it does not. */
  readonly error: ErrorRecord | null;
  readonly rollback: Rollback | null;
}

/** A definition whatever its types are. */
type AnyDefinition = Omit<Definition, "~types">;

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const MOST_AT_ONCE = 10_000;
const PAGE_SUFFIX = "-page";

/**
 * A durable plan: a task whose work is done by children. It is started, watched, cancelled and awaited like any task.
 * @throws bad_options listing every fault
 */
export function definePlan<TInput = unknown, TOutput = unknown, TPrepared = unknown, TCollected = unknown>(
  options: PlanOptions<TInput, TOutput, TPrepared, TCollected>,
): TaskDefinition<TInput, TOutput> {
  const faults: Fault[] = [];
  const given = options as unknown as PlanOptions<unknown, unknown>;
  const duration = (path: string, value: Duration | undefined, leastMs: number): number | undefined => {
    const ms = value === undefined ? undefined : parseDuration(value);
    if (value !== undefined && (ms === undefined || ms < leastMs))
      faults.push({ path, message: `must be a duration of at least ${leastMs} ms, such as "30s", not ${JSON.stringify(value)}` });
    return ms;
  };
  const retry = { ...DEFAULT_RETRY, ...options.retry };
  const rules = rulesOf(given, faults);
  faults.push(...faultsOfPlan(given), ...faultsOfRetry(retry, "retry"));
  const versions = versioned("task", options.name, options, faults);
  const timeoutMs = duration("timeout", options.timeout, 1);
  const doneMs = duration("retention.done", options.retention?.done, MINUTE_MS) ?? HOUR_MS;
  const failedMs = duration("retention.failed", options.retention?.failed, MINUTE_MS) ?? 24 * HOUR_MS;
  if (faults.length > 0) {
    const words = faults.map(({ path, message }) => `${path} ${message}`).join("; ");
    throw new TroupeError("bad_options", `The plan "${options.name}" is not well defined: ${words}`, { faults, about: options.name });
  }
  const { prepare, finish, cleanup } = options;
  const phases = {
    prepares: prepare !== undefined,
    finishes: finish !== undefined,
    cleans: cleanup !== undefined,
    retry,
    ackOn: options.ackOn ?? "finished",
  };
  const page = pageOf(options.name);
  const machine = forgetting(planLogic(planMachine, rules, phases));
  return {
    kind: "task",
    logic: "machine",
    name: options.name,
    ...versions,
    machine,
    shape: planShape(machine, rules),
    misfits: (context) => planMisfits(context, rules),
    activities: activitiesOf(given, rules, { timeoutMs, onCrash: options.onCrash ?? "rerun" }),
    children: new Map([
      ["plan.page", { name: page.name, isShared: false, isDetached: true, kind: "actor" }],
      ...Object.entries(options.children).map(([kind, child]) => [kind, typeOf(child)] as const),
    ]),
    cast: castWith([page], versions.versions ?? []),
    retention: { doneMs, failedMs },
    history: options.history ?? false,
    inputSchema: options.input,
    // What finish returns is checked where it is made: prepare and expand bring something else.
    outputSchema: undefined,
  };
}

/** The type of a plan's pages. What they kept is forgotten when they end. */
function pageOf(plan: string): Definition {
  return {
    kind: "actor",
    logic: "machine",
    name: `${plan}${PAGE_SUFFIX}`,
    version: "1",
    machine: forgetting(planPageMachine.provide({})),
    shape: shapeOf(planPageMachine),
    activities: new Map(),
    retention: { doneMs: MINUTE_MS, failedMs: MINUTE_MS },
    history: false,
    inputSchema: undefined,
    outputSchema: undefined,
  };
}

function typeOf(child: AnyDefinition | string): ChildType {
  return typeof child === "string" ? { name: child, isShared: true, kind: "task" } : { name: child.name, isShared: true, kind: child.kind };
}

function faultsOfPlan(options: PlanOptions<unknown, unknown>): Fault[] {
  const faults: Fault[] = [];
  const demand = (path: string, holds: boolean, message: string) => holds || faults.push({ path, message });
  const {
    name,
    children,
    order = "any",
    concurrency = DEFAULT_LIMIT,
    rollbackConcurrency = 1,
    onCrash = "rerun",
    ackOn = "finished",
  } = options;
  const mostBytes = MAX_TYPE_BYTES - PAGE_SUFFIX.length;
  demand("name", isType(`${name}${PAGE_SUFFIX}`), `must be letters, digits, _ and -, at most ${mostBytes}, not "${name}"`);
  for (const phase of ["prepare", "finish", "cleanup", "collect"] as const)
    demand(phase, options[phase] === undefined || typeof options[phase] === "function", "must be a function");
  demand("expand", typeof options.expand === "function", "must be a function");
  demand("order", ["any", "steps", "graph"].includes(order), `must be any, steps or graph, not "${order}"`);
  demand("ackOn", ["accepted", "expanded", "finished"].includes(ackOn), `must be accepted, expanded or finished, not "${ackOn}"`);
  demand("onCrash", ["rerun", "fail", "park"].includes(onCrash), `must be rerun, fail or park, not "${onCrash}"`);
  for (const [path, value] of Object.entries({ concurrency, rollbackConcurrency }))
    demand(path, Number.isInteger(value) && value >= 1 && value <= MOST_AT_ONCE, `must be a whole number from 1 to ${MOST_AT_ONCE}`);
  demand("children", Object.keys(children ?? {}).length > 0, "must have at least one kind");
  for (const [kind, child] of Object.entries(children ?? {})) {
    demand(`children.${kind}`, !kind.startsWith("plan."), 'may not begin with "plan."');
    const type: unknown = typeof child === "string" ? child : child?.name;
    demand(`children.${kind}`, typeof type === "string" && isType(type), "must be a definition, or the type of one");
  }
  for (const part of ["onFailure", "compensate"] as const)
    for (const kind of Object.keys(options[part] ?? {}))
      demand(`${part}.${kind}`, Object.hasOwn(children ?? {}, kind), "is no kind of this plan's children");
  return faults;
}
