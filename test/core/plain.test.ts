import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineTask } from "../../src/define.ts";
import type { Definition } from "../../src/core/definition.ts";
import { plainEdge, plainStart } from "../../src/core/plain.ts";
import { start, take, type Actor, type Turn } from "../../src/core/turn.ts";
import type { Envelope } from "../../src/core/envelope.ts";

const address = { type: "job", id: "1" };
const definition = defineTask({ name: "job", run: () => 1, history: true, retry: { attempts: 3, jitter: 0 } });

/** The same definition for which no edge is plain: an `always` that never holds makes the interpreter decide everything. */
function interpreted(): Definition {
  const machine = Object.create(definition.machine, {
    root: { value: Object.create(definition.machine.root, { always: { value: [{}] } }) },
  }) as Definition["machine"];
  return {
    ...definition,
    machine: Object.assign(Object.create(machine), {
      transition: definition.machine.transition.bind(definition.machine),
      getInitialSnapshot: definition.machine.getInitialSnapshot.bind(definition.machine),
      restoreSnapshot: definition.machine.restoreSnapshot.bind(definition.machine),
    }) as Definition["machine"],
  };
}

const slow = interpreted();

const step = fc.constantFrom<Exclude<Envelope, { kind: "start" }> | "settle-done" | "settle-error" | "timer">(
  { kind: "event", event: { type: "troupe.begin" } },
  { kind: "event", event: { type: "troupe.delay" } },
  { kind: "event", event: { type: "troupe.expire" } },
  { kind: "event", event: { type: "cancel", reason: "why" } },
  { kind: "event", event: { type: "unknown" } },
  "settle-done",
  "settle-error",
  "timer",
);

function toEnvelope(choice: typeof step extends fc.Arbitrary<infer T> ? T : never, actor: Actor): Exclude<Envelope, { kind: "start" }> {
  if (choice === "timer") {
    const [timer = "none", { generation } = { generation: 0 }] = Object.entries(actor.record.timers)[0] ?? [];
    return { kind: "timer", timer, generation };
  }
  if (typeof choice !== "string") return choice;
  const generation = actor.record.activities["run"]?.generation ?? 0;
  const event =
    choice === "settle-done"
      ? { type: "xstate.done.actor.run", actorId: "run", output: { n: 1 } }
      : { type: "xstate.error.actor.run", actorId: "run", error: { name: "Error", message: "no" } };
  return { kind: "settled", activity: "run", generation, event };
}

describe("plain edges", () => {
  it("cover the way of a task that succeeds at once, and nothing that looks at data", () => {
    expect(plainStart(definition)?.value).toEqual({ undo: "ready" });
    expect(plainEdge(definition, { undo: "ready" }, "troupe.begin")?.value).toBe("doing");
    expect(plainEdge(definition, "doing", "xstate.done.actor.run")?.value).toBe("done");
    expect(plainEdge(definition, "doing", "xstate.error.actor.run")).toBeUndefined();
    expect(plainEdge(definition, { undo: "ready" }, "cancel")).toBeUndefined();
    expect(plainEdge(definition, { undo: "ready" }, "troupe.delay")).toBeUndefined();
    expect(plainStart(slow)).toBeUndefined();
    expect(plainEdge(slow, "doing", "xstate.done.actor.run")).toBeUndefined();
  });

  it("lead to the same records and effects as the interpreter, for any events in any order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.nat(10_000), (choices, delayMs) => {
        const begun = { kind: "start", input: { a: 1 }, delayMs } as const;
        let at = { now: 1_000, epoch: 3, mark: { source: "in.normal", sequence: 1 } };
        let fast: Turn = start(definition, address, begun, at);
        let sure: Turn = start(slow, address, begun, at);
        expect(fast.actor.record).toEqual(sure.actor.record);
        for (const choice of choices) {
          at = { now: at.now + 10, epoch: 3, mark: { source: "in.event", sequence: at.mark.sequence + 1 } };
          const envelope = toEnvelope(choice, fast.actor);
          fast = take(definition, address, fast.actor, envelope, at);
          sure = take(slow, address, sure.actor, envelope, at);
          expect(fast.actor.record).toEqual(sure.actor.record);
          expect(fast.effects).toEqual(sure.effects);
          expect(fast.edges).toEqual(sure.edges);
          expect(fast.kind).toBe(sure.kind);
        }
      }),
      { numRuns: 300 },
    );
  });
});
