import { setup } from "xstate";
import { describe, expect, it } from "vitest";
import { formatAddress } from "../../src/core/address.ts";
import { TroupeError } from "../../src/core/errors.ts";
import {
  ADDRESS,
  begin,
  begun,
  cancel,
  definitionOf,
  delay,
  expire,
  failed,
  fired,
  heard,
  lived,
  next,
  NOW,
  succeeded,
  taskOf,
} from "./life.ts";

const noJitter = { attempts: 3, minDelayMs: 1_000, maxDelayMs: 60_000, factor: 10, jitter: 0 };
const task = taskOf({ retry: noJitter });

describe("a task's life", () => {
  it("starts in undo.ready with nothing to do", () => {
    const turn = begun(task, { width: 7 }, { deadlineAt: NOW + 5_000, replyTo: "inbox.1" });
    expect(turn).toMatchObject({ kind: "changed", effects: [] });
    expect(turn.actor.record).toEqual({
      v: 1,
      revision: 1,
      epoch: 7,
      version: "1",
      shape: task.shape,
      status: "active",
      value: { undo: "ready" },
      context: { input: { width: 7 }, attempt: 1, delayMs: 0, backoffMs: 0, error: null },
      activities: {},
      timers: {},
      marks: {},
      generation: 0,
      deadlineAt: NOW + 5_000,
      replyTo: "inbox.1",
      createdAt: NOW,
      updatedAt: NOW,
    });
  });

  it("runs its work when it begins", () => {
    const { actor } = begun(task);
    const turn = next(task, actor, begin(), { now: NOW + 9, epoch: 8 });
    expect(turn.effects).toEqual([{ kind: "run", activity: "run", generation: 1 }]);
    expect(turn.actor.record).toMatchObject({
      revision: 2,
      epoch: 8,
      value: "doing",
      generation: 1,
      activities: { run: { src: "run", generation: 1, input: { attempt: 1 }, reruns: 0 } },
      createdAt: NOW,
      updatedAt: NOW + 9,
    });
  });

  it("is done with what its work returned", () => {
    const { actor, effects } = lived(task, [begin, (actor) => succeeded(actor, { bytes: 3 })]);
    expect(actor.record).toMatchObject({ revision: 3, status: "done", value: "done", output: { bytes: 3 }, activities: {}, timers: {} });
    expect(effects.map((effect) => effect.kind)).toEqual(["run"]);
  });

  it("stores no output where its work returned nothing", () => {
    const { actor } = lived(task, [begin, (actor) => succeeded(actor)]);
    expect(actor.record.status).toBe("done");
    expect(actor.record).not.toHaveProperty("output");
  });

  it("waits out a delay before it is ready", () => {
    const started = next(task, begun(task, null, { delayMs: 2_500 }).actor, delay());
    const timer = "xstate.after.delay.task.undo.delayed";
    expect(started.actor.record.value).toEqual({ undo: "delayed" });
    expect(started.effects).toEqual([{ kind: "arm", timer, generation: 1, dueAt: NOW + 2_500, keeper: "host" }]);
    expect(next(task, started.actor, begin()).kind).toBe("unheard");
    const due = next(task, started.actor, fired(started.actor));
    expect(due.effects).toEqual([]);
    expect(due.actor.record).toMatchObject({ value: { undo: "ready" }, timers: {}, context: { delayMs: 0 } });
  });

  it("waits longer after each failure, then fails with the last error", () => {
    const error = (n: number) => ({ name: "Error", message: `failure ${n}` });
    let { actor } = lived(task, [begin]);
    const waits: number[] = [];
    for (const attempt of [1, 2]) {
      const turn = next(task, actor, failed(actor, error(attempt)));
      expect(turn.actor.record).toMatchObject({ value: { undo: "retrying" }, context: { attempt: attempt + 1, error: error(attempt) } });
      waits.push(...turn.effects.map((effect) => (effect.kind === "arm" ? effect.dueAt - NOW : NaN)));
      const ready = next(task, turn.actor, fired(turn.actor));
      expect(ready.actor.record.value).toEqual({ undo: "ready" });
      actor = next(task, ready.actor, begin()).actor;
      expect(actor.record.activities["run"]?.input).toEqual({ attempt: attempt + 1 });
    }
    expect(waits).toEqual([1_000, 10_000]);
    const last = next(task, actor, failed(actor, error(3)));
    expect(last.effects).toEqual([]);
    expect(last.actor.record).toMatchObject({ status: "done", value: "failed", context: { attempt: 3, error: error(3) } });
    expect(last.actor.record).not.toHaveProperty("output");
  });

  it("does not retry what no retry can mend", () => {
    const { actor } = lived(task, [begin, (actor) => failed(actor, { name: "TerminalError", message: "no", retryable: false })]);
    expect(actor.record).toMatchObject({ value: "failed", context: { attempt: 1, error: { name: "TerminalError" } } });
  });

  it("tries once where its policy says once", () => {
    const once = taskOf({ retry: { attempts: 1 } });
    expect(lived(once, [begin, (actor) => failed(actor)]).actor.record.value).toBe("failed");
  });

  it("waits the same time again when the same turn is made again", () => {
    const jittery = taskOf({ retry: { attempts: 2, jitter: 1 } });
    const turns = [1, 2].map(() => lived(jittery, [begin, (actor) => failed(actor)]).actor.record);
    expect(turns[0]).toEqual(turns[1]);
  });
});

describe("a task that is told to end", () => {
  const retrying = [begin, failed];
  const states = [
    { state: "undo.ready", steps: [], options: {}, undone: [] },
    { state: "undo.delayed", steps: [delay], options: { delayMs: 10_000 }, undone: ["disarm"] },
    { state: "undo.retrying", steps: retrying, options: {}, undone: ["disarm"] },
    { state: "doing", steps: [begin], options: {}, undone: ["halt"] },
  ];

  it.each(states)("fails as cancelled from $state, and lets go of what it held", ({ steps, options, undone }) => {
    const { actor } = lived(task, steps, options);
    const turn = next(task, actor, heard("cancel", { reason: "changed my mind" }));
    expect(turn.effects.map((effect) => effect.kind)).toEqual(undone);
    expect(turn.actor.record).toMatchObject({ status: "done", value: "failed", activities: {}, timers: {} });
    expect(turn.actor.record.context).toMatchObject({ error: { code: "cancelled", message: "changed my mind" } });
  });

  it("names a reason of its own where the cancel gives none", () => {
    expect(lived(task, [cancel]).actor.record.context).toMatchObject({ error: { message: "The task was cancelled" } });
  });

  it.each(states.slice(0, 3))("expires from $state", ({ steps, options, undone }) => {
    const { actor } = lived(task, steps, options);
    const turn = next(task, actor, expire());
    expect(turn.effects.map((effect) => effect.kind)).toEqual(undone);
    expect(turn.actor.record).toMatchObject({ status: "done", value: "expired", timers: {}, context: { error: { code: "expired" } } });
  });

  it("does not expire once it has begun", () => {
    const { actor } = lived(task, [begin]);
    expect(next(task, actor, expire())).toMatchObject({ kind: "unheard", effects: [] });
  });

  it.each([
    { state: "done", steps: [begin, succeeded] },
    { state: "failed", steps: [cancel] },
    { state: "expired", steps: [expire] },
  ])("hears nothing more when it is $state", ({ state, steps }) => {
    const { actor } = lived(task, steps);
    expect(actor.record.value).toBe(state);
    for (const late of [begin(), cancel(), expire(), succeeded(actor), fired(actor), heard("anything")])
      expect(next(task, actor, late)).toEqual({ actor, effects: [], kind: "unheard" });
  });
});

describe("a machine that throws", () => {
  const thrown = (): never => {
    throw new RangeError("bad guard");
  };
  const thrower = { ...task, machine: task.machine.provide({ guards: { retries: thrown } }) };

  it("is reported with its actor, from its first turn on", () => {
    const broken = definitionOf(setup({}).createMachine({ context: thrown }));
    const failure = catching(() => begun(broken));
    expect(failure).toBeInstanceOf(TroupeError);
    expect(failure).toMatchObject({ code: "transition_threw", about: "resize/42", message: expect.stringContaining("bad guard") });
  });

  it("leaves the actor as it was, and other actors of its definition unharmed", () => {
    const { actor } = lived(thrower, [begin]);
    const before = structuredClone(actor.record);
    expect(catching(() => next(thrower, actor, failed(actor)))).toMatchObject({ code: "transition_threw", about: formatAddress(ADDRESS) });
    expect(actor.record).toEqual(before);
    expect(next(thrower, actor, succeeded(actor, 1)).actor.record.value).toBe("done");
  });
});

function catching(step: () => unknown): Error {
  try {
    step();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
