import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TroupeError } from "../../src/core/errors.ts";
import type { RunLimits } from "../../src/core/run-limits.ts";
import { defineTask, type TaskOptions } from "../../src/define.ts";

const run = (): string => "done";

function faultsOf(options: Partial<TaskOptions<unknown, unknown>>): readonly string[] {
  try {
    defineTask({ name: "resize", run, ...options });
  } catch (error) {
    if (error instanceof TroupeError && error.code === "bad_options") return error.faults.map((fault) => fault.path);
    throw error;
  }
  return [];
}

describe("a task's definition", () => {
  it("has a default for everything but its name and its work", () => {
    const definition = defineTask({ name: "resize", run });
    expect(definition).toMatchObject({
      kind: "task",
      name: "resize",
      version: "1",
      history: false,
      retention: { doneMs: 3_600_000, failedMs: 86_400_000 },
    });
    expect(definition.inputSchema).toBeUndefined();
    expect(definition.activities.get("run")).toMatchObject({ run, onCrash: "rerun", timeoutMs: undefined, heartbeatTimeoutMs: undefined });
  });

  it("keeps what it is told", () => {
    const input = z.string();
    const definition = defineTask({
      name: "resize",
      run,
      version: "4",
      input,
      timeout: "30s",
      heartbeatTimeout: 500,
      onCrash: "park",
      history: true,
      retention: { done: "2m", failed: "7d" },
    });
    expect(definition).toMatchObject({
      version: "4",
      inputSchema: input,
      history: true,
      retention: { doneMs: 120_000, failedMs: 604_800_000 },
    });
    expect(definition.activities.get("run")).toMatchObject({ onCrash: "park", timeoutMs: 30_000, heartbeatTimeoutMs: 500 });
  });

  it("gives its work the task's input, not what the machine counts", () => {
    const context = { input: { url: "u" }, attempt: 2 };
    expect(defineTask({ name: "resize", run }).activities.get("run")?.input(context, { attempt: 2 })).toEqual({ url: "u" });
  });

  it.each<[string, Partial<TaskOptions<unknown, unknown>>, string]>([
    ["a name that is no type", { name: "re size" }, "name"],
    ["an empty name", { name: "" }, "name"],
    ["work that is no function", { run: "run" as never }, "run"],
    ["no attempt at all", { retry: { attempts: 0 } }, "retry.attempts"],
    ["half an attempt", { retry: { attempts: 1.5 } }, "retry.attempts"],
    ["a negative wait", { retry: { minDelayMs: -1 } }, "retry.minDelayMs"],
    ["a least wait above the most", { retry: { minDelayMs: 100_000 } }, "retry.maxDelayMs"],
    ["waits that shrink", { retry: { factor: 0.5 } }, "retry.factor"],
    ["no number", { retry: { factor: NaN } }, "retry.factor"],
    ["too much jitter", { retry: { jitter: 1.1 } }, "retry.jitter"],
    ["a timeout of nothing", { timeout: 0 }, "timeout"],
    ["a timeout that is no duration", { timeout: "soon" as never }, "timeout"],
    ["a negative heartbeat", { heartbeatTimeout: -5 }, "heartbeatTimeout"],
    ["a record kept for less than a minute", { retention: { done: "59s" } }, "retention.done"],
    ["a failed record kept for less than a minute", { retention: { failed: 1 } }, "retention.failed"],
  ])("refuses %s", (_name, options, path) => {
    expect(faultsOf(options)).toEqual([path]);
  });

  it.each([{ minDelayMs: Infinity, maxDelayMs: Infinity }, { maxDelayMs: Infinity }])("refuses what never ends: %o", (retry) => {
    expect(faultsOf({ retry })).not.toEqual([]);
  });

  it("refuses a crash policy that there is not", () => {
    expect(faultsOf({ onCrash: "restart" as never })).toEqual(["onCrash"]);
  });

  it.each<readonly [limits: RunLimits, faults: readonly string[]]>([
    [{ atOnce: 0 }, ["limits.atOnce"]],
    [{ atOnce: 1.5 }, ["limits.atOnce"]],
    [{ perSecond: 0 }, ["limits.perSecond"]],
    [{ perSecond: Infinity }, ["limits.perSecond"]],
    [{ perKey: { atOnce: 1 } }, ["limits.key"]],
    [{ key: () => "a", perKey: { perSecond: -1 } }, ["limits.perKey.perSecond"]],
    [{ key: "tenant" as never, atOnce: 1 }, ["limits.key"]],
    [{}, ["limits"]],
    [{ key: () => "a" }, ["limits"]],
    [5 as never, ["limits"]],
    [{ atOnce: 1, perSecond: 0.1, key: () => "a", perKey: { atOnce: 1, perSecond: 2 } }, []],
  ])("refuses limits that limit nothing, or make no sense: %o", (limits, faults) => {
    expect(faultsOf({ limits })).toEqual(faults);
  });

  it("reports all faults together", () => {
    expect(faultsOf({ name: "a.b", timeout: -1, retry: { attempts: 0, jitter: 2 }, retention: { done: 1 } })).toEqual([
      "name",
      "retry.attempts",
      "retry.jitter",
      "timeout",
      "retention.done",
    ]);
  });
});
