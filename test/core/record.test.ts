import { describe, expect, it } from "vitest";
import { attemptOf, isReady, outcomeOf } from "../../src/core/lifecycle.ts";
import { asRecord, formatState, isEnded, topState } from "../../src/core/record.ts";
import { park } from "../../src/core/parking.ts";
import { AT, begin, begun, cancel, delay, expire, failed, lived, NOW, succeeded, taskOf } from "./life.ts";

const task = taskOf({ retry: { attempts: 2 } });

describe("a state for people", () => {
  it.each([
    ["done", "done", "done"],
    [{ undo: "ready" }, "undo", "undo.ready"],
    [{ a: { b: "c" } }, "a", "a.b.c"],
    [{ a: "b", c: "d" }, "a,c", "a.b,c.d"],
    [{ a: {}, c: { d: {} } }, "a,c", "a,c.d"],
    [{}, "", ""],
  ])("%j is in %s, at %s", (value, top, path) => {
    expect(topState(value)).toBe(top);
    expect(formatState(value)).toBe(path);
  });
});

describe("a stored value", () => {
  it("is a record only in a version that is known", () => {
    const { record } = begun(task).actor;
    expect(asRecord(record)).toBe(record);
    for (const value of [null, undefined, 5, "x", [], {}, { v: 0 }, { v: 2 }, { v: "1" }, { ...record, v: 2 }])
      expect(() => asRecord(value)).toThrow(expect.objectContaining({ code: "bad_payload" }));
  });
});

describe("a task's record", () => {
  const lives = {
    "undo.ready": lived(task, []),
    "undo.delayed": lived(task, [delay], { delayMs: 10 }),
    "undo.retrying": lived(task, [begin, failed]),
    doing: lived(task, [begin]),
    done: lived(task, [begin, (actor) => succeeded(actor, { bytes: 3 })]),
    failed: lived(task, [cancel]),
    expired: lived(task, [expire]),
  };

  it.each(Object.entries(lives))("is in %s, and knows whether it may begin and whether it has ended", (path, { actor }) => {
    expect(formatState(actor.record.value)).toBe(path);
    expect(isReady(task, actor.record)).toBe(path === "undo.ready");
    expect(isEnded(actor.record)).toBe(["done", "failed", "expired"].includes(path));
  });

  it("may not begin while it is parked", () => {
    const parked = { reason: "crashed", error: { name: "Error", message: "m" }, at: NOW };
    expect(isReady(task, park(lives["undo.ready"].actor, parked, AT).actor.record)).toBe(false);
  });

  it("counts attempts from what the machine said, plus the runs after crashes", () => {
    expect(attemptOf({ attempt: 2 }, 0)).toBe(2);
    expect(attemptOf({ attempt: 2 }, 3)).toBe(5);
    for (const input of [undefined, null, "x", {}, { attempt: "2" }]) expect(attemptOf(input, 1)).toBe(2);
  });

  it("tells how it ended", () => {
    const outcome = (state: keyof typeof lives) => outcomeOf("resize", "42", lives[state].actor.record);
    expect(outcome("done")).toEqual({ type: "resize", id: "42", state: "done", output: { bytes: 3 }, attempt: 1 });
    expect(outcome("failed")).toMatchObject({ state: "failed", error: { code: "cancelled" }, attempt: 1 });
    expect(outcome("expired")).toMatchObject({ state: "expired", error: { code: "expired" }, attempt: 1 });
    expect(outcome("failed")).not.toHaveProperty("output");
  });

  it("tells no error of an attempt that failed before it was done, and no output that there is not", () => {
    const second = lived(task, [
      begin,
      failed,
      (actor) => ({ kind: "timer", timer: Object.keys(actor.record.timers)[0] ?? "", generation: 2 }),
      begin,
      succeeded,
    ]);
    expect(outcomeOf("resize", "42", second.actor.record)).toEqual({ type: "resize", id: "42", state: "done", attempt: 2 });
  });
});
