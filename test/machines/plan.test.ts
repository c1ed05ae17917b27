import { describe, expect, it } from "vitest";
import type { PlanContext } from "../../machines/plan-context.ts";
import { planMachine } from "../../machines/plan.ts";
import type { Actor, Turn } from "../../src/core/turn.ts";
import { formatState, isEnded } from "../../src/core/record.ts";
import { definePlan, type PlanOptions } from "../../src/define-plan.ts";
import { begin, begun, cancel, delay, expire, failed, fired, next, succeeded } from "../core/life.ts";
import { leavesOf } from "./paths.ts";

/** The plan machine with everything that a plan can have, brought into each of its states turn by turn. */
const options: PlanOptions<unknown, unknown> = {
  name: "trip",
  children: { job: "job" },
  expand: () => [],
  prepare: () => 1,
  finish: () => 2,
  cleanup: () => {},
  compensate: { job: () => ({ kind: "job" }) },
};
const plan = definePlan(options);

type Step = (actor: Actor) => Parameters<typeof next>[2];

const phaseDone =
  (phase: string, output?: unknown): Step =>
  (actor) =>
    succeeded(actor, output, `plan.${phase}`);
const phaseFailed =
  (phase: string, error?: object): Step =>
  (actor) =>
    failed(actor, error, `plan.${phase}`);
const batch = (isOver: boolean, ...keys: readonly string[]): Step =>
  phaseDone("expand", {
    children: keys.map((key) => ({ key, kind: "job", input: null, size: 1 })),
    cursor: { at: null, past: keys.length, count: keys.length },
    isOver,
  });
const reported =
  (child: string, end: "done" | "error"): Step =>
  ({ record }) => ({
    kind: "report",
    child,
    generation: record.children?.[child]?.generation ?? -1,
    event: {
      type: `xstate.${end}.actor.${child}`,
      actorId: child,
      ...(end === "done" ? { output: 1 } : { error: { name: "Error", message: "no luck" } }),
    },
  });
const page: Step = () => ({ kind: "event", event: { type: "troupe.page", undo: [], below: null } });
const timer: Step = (actor) => fired(actor);
const many = Array.from({ length: 256 }, (_, i) => `k${i}`);
const terminal = { name: "TerminalError", message: "hopeless", retryable: false };

const RUNNING: readonly Step[] = [() => begin(), phaseDone("prepare"), batch(true, "a")];
const PAUSING: readonly Step[] = [() => begin(), phaseDone("prepare"), batch(false, ...many)];
const WAYS: Readonly<Record<string, readonly Step[]>> = {
  "undo.ready": [],
  "undo.delayed": [() => delay()],
  "doing.preparing.trying": [() => begin()],
  "doing.preparing.retrying": [() => begin(), phaseFailed("prepare")],
  "doing.expanding.trying": [() => begin(), phaseDone("prepare")],
  "doing.expanding.retrying": [() => begin(), phaseDone("prepare"), phaseFailed("expand")],
  "doing.expanding.pausing": PAUSING,
  "doing.running": RUNNING,
  "doing.finishing.trying": [...RUNNING, reported("a", "done")],
  "doing.finishing.retrying": [...RUNNING, reported("a", "done"), phaseFailed("finish")],
  "doing.rollingBack.stopping": [...RUNNING, () => cancel()],
  "doing.rollingBack.undoing": [...RUNNING, () => cancel(), reported("a", "done")],
  "doing.rollingBack.fetching": [...PAUSING, ...many.map((key) => reported(key, "done")), () => cancel()],
  "doing.cleaning.trying": [...RUNNING, reported("a", "done"), phaseDone("finish")],
  "doing.cleaning.retrying": [...RUNNING, reported("a", "done"), phaseDone("finish"), phaseFailed("cleanup")],
  done: [...RUNNING, reported("a", "done"), phaseDone("finish"), phaseDone("cleanup")],
  failed: [() => cancel()],
  expired: [() => expire()],
};
/** Passed through within a turn. */
const PASSING = ["doing.beginning", "doing.expanding.deciding", "doing.concluding", "doing.leaving", "doing.cleaning.left"];

function brought(steps: readonly Step[], definition = plan): Turn {
  return steps.reduce((turn, step) => next(definition, turn.actor, step(turn.actor)), begun(definition));
}
const stateAfter = (...steps: readonly Step[]): string => formatState(brought(steps).actor.record.value);
const contextAfter = (...steps: readonly Step[]): PlanContext => brought(steps).actor.record.context as PlanContext;

describe("the plan machine", () => {
  it("has a task's five states at the top", () => {
    expect(Object.keys(planMachine.config.states ?? {})).toEqual(["undo", "doing", "done", "failed", "expired"]);
  });

  it("is told here in every state that it can rest in", () => {
    expect([...Object.keys(WAYS), ...PASSING].toSorted()).toEqual([...leavesOf(planMachine)].toSorted());
  });

  it.each(Object.entries(WAYS))("comes into %s", (state, steps) => {
    expect(stateAfter(...steps)).toBe(state);
  });

  it.each(Object.entries(WAYS).filter(([state]) => !["done", "failed", "expired"].includes(state)))(
    "may be cancelled in %s, and ends",
    (state, steps) => {
      let turn = brought(steps);
      turn = next(plan, turn.actor, cancel());
      for (let i = 0; i < 1_000 && !isEnded(turn.actor.record); i++) {
        const { record } = turn.actor;
        const [child] = Object.keys(record.children ?? {});
        const [activity] = Object.keys(record.activities);
        const step =
          child !== undefined
            ? reported(child, "done")
            : activity !== undefined
              ? phaseDone(activity.slice(5))
              : Object.keys(record.timers).length > 0
                ? timer
                : page;
        turn = next(plan, turn.actor, step(turn.actor));
      }
      const { record } = turn.actor;
      // What is only cleaning up is done.
      expect(record.value).toBe(state.startsWith("doing.cleaning") ? "done" : "failed");
      expect([record.activities, record.timers, record.children ?? {}]).toEqual([{}, {}, {}]);
    },
  );

  it("fails where a phase does, for the phase's reason", () => {
    const fails = (steps: readonly Step[]): unknown => contextAfter(...steps).error;
    expect(fails([() => begin(), phaseFailed("prepare", terminal)])).toEqual(terminal);
    expect(fails([() => begin(), phaseDone("prepare"), phaseFailed("expand", terminal)])).toEqual(terminal);
    expect(fails([...RUNNING, reported("a", "done"), phaseFailed("finish", terminal)])).toEqual(terminal);
    expect(stateAfter(...RUNNING, reported("a", "done"), phaseFailed("finish", terminal))).toBe("doing.rollingBack.undoing");
  });

  it("is done although it cannot clean up", () => {
    const steps = [...RUNNING, reported("a", "done"), phaseDone("finish", "made"), phaseFailed("cleanup", terminal)];
    expect(stateAfter(...steps)).toBe("done");
    expect(contextAfter(...steps).cleanupError).toEqual(terminal);
    expect(brought(steps).actor.record.output).toBe("made");
  });

  it("leaves out what the plan has no code for", () => {
    const { prepare: _prepare, finish: _finish, cleanup: _cleanup, ...bare } = options;
    const turn = brought([() => begin(), batch(true)], definePlan(bare));
    expect(formatState(turn.actor.record.value)).toBe("done");
  });
});
