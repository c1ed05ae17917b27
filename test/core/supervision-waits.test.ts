import { describe, expect, it } from "vitest";
import { park, resume } from "../../src/core/parking.ts";
import { WAKE } from "../../src/core/draft.ts";
import { start, take } from "../../src/core/turn.ts";
import { AT, both, crew, CREW, failure, kinds, life, NOW, ONE, SLOW } from "./crew.ts";

/** Restarts and attempts that wait, turn by turn. */
describe.each(both)("a restart that waits, %s", (_name, isStored) => {
  const supervise = { ...ONE, backoff: SLOW, restarts: { max: 9, within: "1h" } } as const;

  it("is a timer of the parent; until then the child is gone, afterwards it begins", () => {
    const crew = life({ supervise }, isStored);
    expect(crew.fails("k").effects).toMatchObject([{ kind: "arm", timer: WAKE, dueAt: NOW + 10_000, keeper: "server" }]);
    expect(crew.child("k")).toMatchObject({ dueAt: NOW + 10_000 });
    expect(crew.record.ended).toEqual([crew.child("k").generation]);
    const turn = crew.wakes({ ...AT, now: NOW + 10_000 });
    expect(turn.effects).toMatchObject([{ kind: "spawn", input: { a: 1 } }]);
    expect(crew.child("k")).not.toHaveProperty("dueAt");
    expect(crew.record).not.toHaveProperty("ended");
    expect(crew.record.timers).toEqual({});
    expect(crew.told).toEqual([]);
  });

  it("waits for the earliest of several, then for the next; a host whose clock is behind believes the timer", () => {
    const crew = life({ supervise }, isStored);
    crew.fails("k");
    expect(kinds(crew.fails("boss", {}, { ...AT, now: NOW + 3_000 }))).toEqual([]);
    expect(crew.record.timers[WAKE]?.dueAt).toBe(NOW + 10_000);
    const first = crew.wakes({ ...AT, now: NOW + 9_000 });
    expect(first.effects).toMatchObject([{ kind: "spawn" }, { kind: "arm", timer: WAKE, dueAt: NOW + 13_000, keeper: "server" }]);
    expect(crew.wakes({ ...AT, now: NOW + 20_000 }).effects).toMatchObject([
      { kind: "spawn", to: { id: crew.child("boss").id } },
      { kind: "name" },
    ]);
  });

  it("is withdrawn when the machine leaves the child, or ends", () => {
    for (const way of ["idle", "close"]) {
      const crew = life({ supervise: { ...supervise, children: ["work"] } }, isStored);
      crew.fails("w");
      expect(crew.record.timers).toHaveProperty([WAKE]);
      const left = crew.heard(way);
      expect(left.effects).toContainEqual(expect.objectContaining({ kind: "disarm", timer: WAKE }));
      expect(crew.record).toMatchObject({ timers: {}, activities: {} });
    }
  });

  it("stops the others at once, and begins them together", () => {
    const crew = life({ supervise: { ...supervise, strategy: "one-for-all" } }, isStored);
    expect(kinds(crew.fails("boss"))).toEqual(["halt", "stop", "arm"]);
    expect(kinds(crew.wakes({ ...AT, now: NOW + 10_000 }))).toEqual(["spawn", "name", "spawn", "run"]);
  });

  it("of work is not work that its host was killed at: nothing of it has begun", () => {
    const crew = life({ supervise }, isStored);
    crew.fails("w");
    expect(crew.record.activities["w"]).toMatchObject({ dueAt: NOW + 10_000, input: "hard" });
    expect(crew.wakes({ ...AT, now: NOW + 10_000 }).effects).toMatchObject([{ kind: "run", activity: "w" }]);
    expect(crew.record.activities["w"]).not.toHaveProperty("dueAt");
  });
});

it("nothing of a parked parent runs until it is taken up, and what waits goes on waiting then", () => {
  const definition = crew({ supervise: { strategy: "one-for-all" } });
  const begun = start(definition, CREW, { kind: "start", input: undefined, delayMs: 0 }, AT).actor;
  const parked = park(begun, { reason: "crashed", error: { name: "Error", message: "" }, at: NOW }, AT).actor;
  const turn = take(definition, CREW, parked, failure(parked, "k", {}), AT);
  expect(kinds(turn)).toEqual(["halt", "stop", "spawn", "name", "spawn"]);
  expect(kinds(resume(turn.actor, AT))).toEqual(["run"]);
  const slow = crew({ supervise: { ...ONE, backoff: SLOW } });
  const waiting = take(slow, CREW, begun, failure(begun, "w", {}), AT).actor;
  expect(kinds(resume(park(waiting, { reason: "crashed", error: { name: "Error", message: "" }, at: NOW }, AT).actor, AT))).toEqual([]);
});

describe.each(both)("work with attempts, %s", (_name, isStored) => {
  const retry = { attempts: 3, minDelayMs: 5_000, maxDelayMs: 60_000, factor: 2, jitter: 0 };
  const activities = { work: { retry } };

  it("is tried again before anybody hears, then the machine does", () => {
    const crew = life({ activities }, isStored);
    for (const [failures, delayMs] of [
      [1, 5_000],
      [2, 10_000],
    ] as const) {
      crew.fails("w");
      expect(crew.record.activities["w"]).toMatchObject({ failures, dueAt: NOW + delayMs });
      expect(kinds(crew.wakes({ ...AT, now: NOW + delayMs }))).toEqual(["run"]);
      expect(crew.record.activities["w"]).toMatchObject({ failures });
    }
    crew.fails("w");
    expect(crew.told).toEqual(["xstate.error.actor.w"]);
    expect(crew.record.supervision).toBeUndefined();
  });

  it("is not tried again where no attempt can help", () => {
    const crew = life({ activities }, isStored);
    const error = { name: "TerminalError", message: "hopeless", retryable: false };
    crew.fails("w", { event: { type: "xstate.error.actor.w", actorId: "w", error } });
    expect(crew.told).toEqual(["xstate.error.actor.w"]);
  });

  it("has all of them again after a restart", () => {
    const crew = life({ activities: { work: { retry: { ...retry, attempts: 2, minDelayMs: 0 } } }, supervise: ONE }, isStored);
    for (let restarts = 0; restarts < 3; restarts++) {
      expect(crew.fails("w").effects).toContainEqual(expect.objectContaining({ kind: "run", activity: "w" }));
      expect(crew.record.supervision?.restarts ?? []).toHaveLength(restarts);
      crew.fails("w");
      expect(crew.record.supervision?.restarts).toHaveLength(restarts + 1);
      expect(crew.record.activities["w"]).not.toHaveProperty("failures");
    }
    crew.fails("w");
    crew.fails("w");
    expect(crew.told).toEqual(["xstate.error.actor.w"]);
  });
});
