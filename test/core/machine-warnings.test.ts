import { fromCallback, fromPromise, setup } from "xstate";
import { describe, expect, it } from "vitest";
import { warningsOf } from "../../src/core/machine-warnings.ts";
import { defineActor } from "../../src/define-actor.ts";
import { taskOf } from "./life.ts";

const base = setup({ actors: { work: fromPromise(async () => 1), socket: fromCallback(() => {}) }, guards: { may: () => false } });
const warned = (config: object): readonly string[] =>
  warningsOf(defineActor({ name: "m", machine: base.createMachine({ id: "m", ...config } as never) })).map(
    ({ path, message }) => `${path} ${message}`,
  );
const final = { type: "final" };

describe("states that can never be entered", () => {
  const unreachable = (config: object) =>
    warned(config).flatMap((words) => (words.includes("never be entered") ? [words.split(" ")[0]] : []));

  it("are those that no transition leads to; what lies inside is not said again", () => {
    const lost = { initial: "x", states: { x: { on: { y: "y" } }, y: {} } };
    expect(unreachable({ initial: "a", states: { a: { on: { go: "b" } }, b: final, lost } })).toEqual(["m.lost"]);
  });

  it("are also those that lead only to each other", () => {
    const states = { a: { on: { stay: "a" } }, b: { on: { go: "c" } }, c: { on: { go: "b" } } };
    expect(unreachable({ initial: "a", states })).toEqual(["m.b", "m.c"]);
  });

  it.each<[string, object]>([
    ["a guard that may never hold", { a: { on: { go: { target: "b", guard: "may" } } } }],
    ["`always`", { a: { always: { target: "b", guard: "may" } } }],
    ["`after`", { a: { after: { 10: "b" } } }],
    ["a wildcard", { a: { on: { "*": "b" } } }],
    ["the end of what is inside", { a: { initial: "x", states: { x: { on: { go: "y" } }, y: final }, onDone: "b" } }],
    ["the end of work", { a: { invoke: { id: "w", src: "work", onDone: "b", onError: "a" } } }],
    ["the failure of work", { a: { invoke: { id: "w", src: "work", onError: "b" } } }],
    ["a transition of the machine's own", { a: { on: { x: { actions: [] } } } }],
  ])("are not those that are reached by %s", (_how, states) => {
    expect(unreachable({ initial: "a", on: { jump: ".b" }, states: { ...states, b: final } })).toEqual([]);
    expect(unreachable({ initial: "a", states: { ...states, b: final } })).toEqual(_how.startsWith("a transition of") ? ["m.b"] : []);
  });

  it("are not the regions of a state that is entered, nor the parents of one that is", () => {
    const both = { type: "parallel", states: { left: { initial: "x", states: { x: {} } }, right: { initial: "y", states: { y: {} } } } };
    expect(
      unreachable({
        initial: "a",
        states: { a: { on: { go: "b.deep" } }, b: { initial: "other", states: { other: final, deep: final } }, both },
      }),
    ).toEqual(["m.b.other", "m.both"]);
    expect(unreachable({ initial: "both", states: { both } })).toEqual([]);
  });

  it("are not those that history leads to, nor history itself", () => {
    const inner = { p: {}, q: {}, r: {}, back: { type: "history" }, there: { type: "history", target: "q" } };
    expect(unreachable({ initial: "a", states: { a: { on: { go: "b.back" } }, b: { initial: "p", states: inner } } })).toEqual([
      "m.b.q",
      "m.b.r",
    ]);
    expect(unreachable({ initial: "a", states: { a: { on: { go: "b.there" } }, b: { initial: "p", states: inner } } })).toEqual([]);
  });
});

describe("dead ends", () => {
  const dead = (config: object) => warned(config).flatMap((words) => (words.includes("never left") ? [words.split(" ")[0]] : []));

  it("are states that are not final, hear nothing, and are left by nothing", () => {
    expect(dead({ initial: "a", states: { a: { on: { go: "b", end: "c", ignored: undefined } }, b: {}, c: final } })).toEqual(["m.b"]);
    expect(dead({})).toEqual(["m"]);
    const inside = { initial: "x", states: { x: {}, y: final }, onDone: "b" };
    expect(dead({ initial: "a", states: { a: inside, b: final } })).toEqual(["m.a.x"]);
  });

  it.each<[string, object]>([
    ["hear an event", { on: { x: { actions: "log" } } }],
    ["wait", { after: { 10: "b" } }],
    ["work", { invoke: { id: "w", src: "socket", onError: "b" } }],
    ["go on at once", { always: { guard: "may", target: "b" } }],
  ])("are not states that %s", (_what, state) => {
    const machine = setup({
      actors: { socket: fromCallback(() => {}) },
      guards: { may: () => true },
      actions: { log: () => {} },
    }).createMachine({
      id: "m",
      initial: "a",
      states: { a: state, b: final },
    } as never);
    expect(warningsOf(defineActor({ name: "m", machine })).filter(({ path }) => path === "m.a")).toEqual([]);
  });

  it("are not states whose parents go on, nor those beside other regions", () => {
    expect(dead({ initial: "a", states: { a: { initial: "x", states: { x: {} }, on: { go: "b" } }, b: final } })).toEqual([]);
    expect(dead({ type: "parallel", states: { l: { initial: "x", states: { x: {} } }, r: { on: { go: {} } } } })).toEqual([]);
  });
});

describe("work whose failure nobody hears", () => {
  const unheard = (config: object) => warned(config).flatMap((words) => (words.includes("no onError") ? [words.split(" ")[0]] : []));
  const over = { initial: "a", states: { a: { on: { go: "b" } }, b: final } };

  it("is invoked without onError", () => {
    expect(unheard({ ...over, invoke: { id: "w", src: "work", onDone: ".b" } })).toEqual(["m.invoke.w"]);
    expect(unheard({ initial: "a", states: { a: { invoke: { id: "w", src: "work", onDone: "b" } }, b: final } })).toEqual(["m.a.invoke.w"]);
  });

  it.each<[string, object]>([
    ["by onError", { invoke: { id: "w", src: "work", onError: ".b" } }],
    ["by a wildcard", { invoke: { id: "w", src: "work" }, on: { "*": { actions: [] }, "xstate.error.*": ".b" } }],
  ])("is not that which is heard %s", (_how, config) => {
    expect(unheard({ ...over, ...config })).toEqual([]);
  });

  it("is not that which a state around it hears", () => {
    expect(
      unheard({ initial: "a", on: { "xstate.error.actor.w": ".b" }, states: { a: { invoke: { id: "w", src: "work" } }, b: final } }),
    ).toEqual([]);
  });
});

it("says nothing of tasks, whose machine is ours", () => {
  expect(warningsOf(taskOf())).toEqual([]);
});
