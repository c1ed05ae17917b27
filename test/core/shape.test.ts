import { fromPromise, setup, type AnyStateMachine } from "xstate";
import { describe, expect, it } from "vitest";
import { shapeOf } from "../../src/core/shape.ts";
import { stubLogic } from "../../src/core/stub.ts";
import { taskOf } from "./life.ts";

const parts = {
  actors: { work: fromPromise(async () => 1), other: fromPromise(async () => 2) },
  guards: { may: () => true, must: () => false },
};
const base = setup(parts);

const plain = {
  id: "m",
  initial: "a",
  states: {
    a: { tags: "calm", on: { go: { target: "b", guard: "may" }, stay: { target: "a", reenter: true } }, after: { 1000: "b" } },
    b: { invoke: { id: "w", src: "work", onDone: "c" } },
    c: { type: "final" },
  },
} as const;

/** The same machine with one thing changed. */
function changed(change: (config: typeof plain) => object): AnyStateMachine {
  return base.createMachine(change(structuredClone(plain)));
}

const original = changed((config) => config);

describe("the shape of a machine", () => {
  it("is sixteen hexadecimal digits, the same for the same machine", () => {
    expect(shapeOf(original)).toMatch(/^[0-9a-f]{16}$/);
    expect(shapeOf(changed((config) => config))).toBe(shapeOf(original));
  });

  const { a, b, c } = plain.states;
  it.each<[string, (config: typeof plain) => object]>([
    ["its id", (m) => ({ ...m, id: "n" })],
    ["its initial state", (m) => ({ ...m, initial: "b" })],
    ["a state's name", (m) => ({ ...m, states: { a, b: { invoke: { ...b.invoke, onDone: "d" } }, d: c } })],
    ["a state that is added", (m) => ({ ...m, states: { a, b, c, d: {} } })],
    ["what kind of state it is", (m) => ({ ...m, states: { a, b, c: {} } })],
    ["a tag", (m) => ({ ...m, states: { a: { ...a, tags: "quiet" }, b, c } })],
    ["an event's name", (m) => ({ ...m, states: { a: { ...a, on: { ...a.on, leave: "b" } }, b, c } })],
    ["a target", (m) => ({ ...m, states: { a: { ...a, on: { ...a.on, go: { target: "c", guard: "may" } } }, b, c } })],
    ["a guard's name", (m) => ({ ...m, states: { a: { ...a, on: { ...a.on, go: { target: "b", guard: "must" } } }, b, c } })],
    ["a guard that is gone", (m) => ({ ...m, states: { a: { ...a, on: { ...a.on, go: "b" } }, b, c } })],
    ["whether a state is entered again", (m) => ({ ...m, states: { a: { ...a, on: { ...a.on, stay: "a" } }, b, c } })],
    ["a delay", (m) => ({ ...m, states: { a: { ...a, after: { 2000: "b" } }, b, c } })],
    ["an invoke's id", (m) => ({ ...m, states: { a, b: { invoke: { ...b.invoke, id: "v" } }, c } })],
    ["an invoke's source", (m) => ({ ...m, states: { a, b: { invoke: { ...b.invoke, src: "other" } }, c } })],
    ["an invoke that is gone", (m) => ({ ...m, states: { a, b: {}, c } })],
    ["an `always`", (m) => ({ ...m, states: { a: { ...a, always: { target: "b", guard: "must" } }, b, c } })],
    ["history", (m) => ({ ...m, states: { a, b, c, d: { type: "history" } } })],
    ["how deep history goes", (m) => ({ ...m, states: { a, b, c, d: { type: "history", history: "deep" } } })],
  ])("changes with %s", (_name, change) => {
    expect(shapeOf(changed(change))).not.toBe(shapeOf(original));
  });

  it("differs for every one of those", () => {
    const shallow = changed((m) => ({ ...m, states: { ...m.states, d: { type: "history" } } }));
    const deep = changed((m) => ({ ...m, states: { ...m.states, d: { type: "history", history: "deep" } } }));
    expect(shapeOf(shallow)).not.toBe(shapeOf(deep));
  });

  it("does not change with code: other guards, other work, a stub, a description", () => {
    const provided = original.provide({ guards: { may: () => false }, actors: { work: stubLogic as never } });
    expect(shapeOf(provided)).toBe(shapeOf(original));
    expect(shapeOf(changed((m) => ({ ...m, description: "words" })))).toBe(shapeOf(original));
  });

  it("is the same for every task, whatever its options", () => {
    expect(taskOf({ retry: { attempts: 9 }, run: () => 9, name: "other" }).shape).toBe(taskOf().shape);
  });
});
