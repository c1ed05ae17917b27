import { transition, type AnyMachineSnapshot, type AnyStateMachine, type EventObject } from "xstate";
import { describe, expect, it } from "vitest";
import { taskMachine } from "../../machines/task.ts";
import { leavesOf, nameOf, shortestPaths, throughJson } from "./paths.ts";

const machine: AnyStateMachine = taskMachine.provide({ guards: { retries: ({ context }) => context.attempt < 2 } });

const TOLD = ["troupe.begin", "troupe.delay", "troupe.expire", "cancel"].map((type) => ({ type }));

/** What the world may say in a state: hosts and people always, work only while it runs, timers only while they are armed. */
function eventsIn(snapshot: AnyMachineSnapshot): readonly EventObject[] {
  const state = nameOf(snapshot.value);
  const timer = { "undo.delayed": "delay", "undo.retrying": "backoff" }[state];
  return [...TOLD, ...(state === "doing" ? WORK : []), ...(timer === undefined ? [] : [{ type: `xstate.after.${timer}.task.${state}` }])];
}

const WORK: readonly EventObject[] = [
  { type: "xstate.done.actor.run", output: 42 } as EventObject,
  { type: "xstate.error.actor.run", error: { name: "Error", message: "no luck" } } as EventObject,
];

const paths = shortestPaths({ machine, inputs: [{ input: "i", delayMs: 0 }], events: eventsIn });

describe("the task machine", () => {
  it("has exactly five states at the top", () => {
    expect(Object.keys(machine.config.states ?? {})).toEqual(["undo", "doing", "done", "failed", "expired"]);
  });

  it("reaches every state, each by the events one expects", () => {
    expect([...paths.keys()].toSorted()).toEqual([...leavesOf(machine)].toSorted());
    const ways = Object.fromEntries([...paths].map(([state, { events }]) => [state, events.map((event) => event.type)]));
    expect(ways).toEqual({
      "undo.ready": [],
      "undo.delayed": ["troupe.delay"],
      "undo.retrying": ["troupe.begin", "xstate.error.actor.run"],
      doing: ["troupe.begin"],
      done: ["troupe.begin", "xstate.done.actor.run"],
      failed: ["cancel"],
      expired: ["troupe.expire"],
    });
  });

  it.each([...paths])("is over in %s exactly if that state is final", (state, { snapshot }) => {
    expect(snapshot.status).toBe(["done", "failed", "expired"].includes(state) ? "done" : "active");
  });

  it.each([...paths].filter(([, { snapshot }]) => snapshot.status === "active"))(
    "can leave %s, and never needs a person to",
    (_state, { snapshot }) => {
      const ways = eventsIn(snapshot).filter((event) => transition(machine, snapshot, event)[0] !== snapshot);
      expect(ways.map((event) => event.type)).toContain("cancel");
      expect(ways.length).toBeGreaterThan(1);
    },
  );

  it.each([...paths])("goes on from %s as JSON just as from memory", (_state, { snapshot }) => {
    const restored = throughJson(machine, snapshot);
    expect(restored).toMatchObject({ value: snapshot.value, context: snapshot.context, status: snapshot.status });
    const heard = snapshot.status === "active" ? eventsIn(snapshot) : [];
    for (const event of heard) {
      const [live] = transition(machine, snapshot, event);
      const [stored] = transition(machine, restored, event);
      expect(stored).toMatchObject({ value: live.value, context: live.context, status: live.status });
      expect(stored.output).toEqual(live.output);
    }
  });

  it("keeps nothing in its context but plain data", () => {
    for (const { snapshot } of paths.values()) expect(JSON.parse(JSON.stringify(snapshot.context))).toEqual(snapshot.context);
  });
});
