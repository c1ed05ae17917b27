import { describe, expect, test } from "vitest";
import { TroupeError } from "../../src/core/errors.ts";
import { definePlan, type PlanOptions } from "../../src/define-plan.ts";
import { defineTask } from "../../src/define.ts";

const job = defineTask({ name: "job", run: () => 1 });
const well: PlanOptions<unknown, unknown> = { name: "trip", children: { job }, expand: () => [] };

/** The paths of what is wrong with a plan that is well defined but for this. */
function faultsOf(options: object): readonly string[] {
  try {
    definePlan({ ...well, ...options });
    return [];
  } catch (error) {
    if (!(error instanceof TroupeError)) throw error;
    expect(error.code).toBe("bad_options");
    return error.faults.map(({ path }) => path);
  }
}

describe("a plan's definition", () => {
  test("is a task's, with types of children that others may start too", () => {
    const plan = definePlan({ ...well, children: { job, far: "elsewhere" } });
    expect(plan).toMatchObject({ kind: "task", name: "trip", retention: { doneMs: 3_600_000, failedMs: 86_400_000 } });
    expect(plan.children?.get("job")).toEqual({ name: "job", isShared: true, kind: "task" });
    expect(plan.children?.get("far")).toEqual({ name: "elsewhere", isShared: true, kind: "task" });
    expect(plan.cast?.map(({ name }) => name)).toEqual(["trip-page"]);
  });

  test.each([
    ["a name that is none", { name: "a b" }, ["name"]],
    ["a name that leaves no room for that of its pages", { name: "x".repeat(62) }, ["name"]],
    ["no kind of children", { children: {} }, ["children"]],
    ["a kind that would be taken for ours", { children: { "plan.page": job } }, ["children.plan.page"]],
    ["a kind that is nothing", { children: { job: undefined } }, ["children.job"]],
    ["no expand", { expand: undefined }, ["expand"]],
    ["phases that are no functions", { prepare: 1, finish: "x", cleanup: {}, collect: true }, ["prepare", "finish", "cleanup", "collect"]],
    ["an unknown order", { order: "random" }, ["order"]],
    ["limits that are none", { concurrency: 0, rollbackConcurrency: 1.5 }, ["concurrency", "rollbackConcurrency"]],
    ["policies that are none", { onCrash: "explode", ackOn: "never" }, ["ackOn", "onCrash"]],
    ["durations that are none", { timeout: "soon", retention: { done: "1s" } }, ["timeout", "retention.done"]],
    ["retries that are none", { retry: { attempts: 0 } }, ["retry.attempts"]],
    [
      "rules for children that it has not",
      { onFailure: { nobody: [] }, compensate: { nobody: () => undefined } },
      ["onFailure.nobody", "compensate.nobody"],
    ],
    [
      "rules that are none",
      { onFailure: { job: [{ policy: "hope" }, { policy: "retry", attempts: 0 }] } },
      ["onFailure.job.0.policy", "onFailure.job.1.attempts"],
    ],
    [
      "replacing that is none",
      { onFailure: { job: { policy: "reschedule", rounds: 0 } } },
      ["onFailure.job.0.rounds", "onFailure.job.0.replace"],
    ],
    ["compensating that is none", { compensate: { job: { of: "done" } } }, ["compensate.job"]],
  ])("refuses %s", (_what, options, paths) => {
    expect(faultsOf(options)).toEqual(paths);
  });
});
