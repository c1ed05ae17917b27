import { assign, fromCallback, fromPromise, fromTransition, sendTo, setup, spawnChild, type AnyActorLogic } from "xstate";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { castOf, defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import { TroupeError, type ErrorCode, type Fault } from "../../src/core/errors.ts";

const kid = setup({}).createMachine({ id: "kid" });
const base = setup({
  actors: { kid, work: fromPromise(async () => 1) },
  actions: { known: () => {} },
  guards: { holds: () => true },
  delays: { soon: 10 },
});

function refusal(machine: AnyActorLogic, options: object = {}): { readonly code: ErrorCode; readonly faults: readonly Fault[] } {
  try {
    defineActor({ name: "thing", machine, ...options });
  } catch (error) {
    if (error instanceof TroupeError) return { code: error.code, faults: error.faults };
    throw error;
  }
  throw new Error("It was not refused");
}

describe("a definition of an actor", () => {
  it("keeps history and a version by default, and knows what its machine starts", () => {
    const task = defineTask({ name: "resize", run: () => 1 });
    const machine = setup({
      actors: { kid, count: fromTransition((n: number) => n, 0), work: fromPromise(async () => 1), resize: fromPromise(async () => 1) },
    }).createMachine({
      invoke: { id: "k", src: "kid" },
    });
    const definition = defineActor({ name: "order", machine, children: { resize: task } });
    expect(definition).toMatchObject({ kind: "actor", logic: "machine", name: "order", version: "1", history: true });
    expect([...definition.activities.keys()]).toEqual(["work"]);
    expect(Object.fromEntries(definition.children ?? [])).toEqual({
      resize: { name: "resize", isShared: true, kind: "task" },
      kid: { name: "order-kid", isShared: false, kind: "actor" },
      count: { name: "order-count", isShared: false, kind: "actor" },
    });
    expect(castOf([definition]).map(({ name, logic }) => [name, logic])).toEqual([
      ["order", "machine"],
      ["order-kid", "machine"],
      ["order-count", "transition"],
    ]);
  });

  it.each([
    ["names", { name: "a b" }, "name"],
    ["retention below a minute", { retention: { done: "1s" } }, "retention.done"],
    ["crash policies", { activities: { work: { onCrash: "panic" } } }, "activities.work.onCrash"],
    ["retries of work", { activities: { work: { retry: { attempts: 0 } } } }, "activities.work.retry.attempts"],
    ["strategies", { supervise: { strategy: "all" } }, "supervise.strategy"],
    ["directives", { supervise: { directive: "ignore" } }, "supervise.directive"],
    ["names of children", { supervise: { children: ["kid", "stranger"] } }, "supervise.children.1"],
    ["names of children that come twice", { supervise: { children: ["kid", "work", "kid"] } }, "supervise.children.2"],
    ["counts of restarts", { supervise: { restarts: { max: -1 } } }, "supervise.restarts.max"],
    ["counts of restarts that no record holds", { supervise: { restarts: { max: 1_001 } } }, "supervise.restarts.max"],
    ["windows", { supervise: { restarts: { within: "soon" } } }, "supervise.restarts.within"],
    ["windows of no length", { supervise: { restarts: { within: 0 } } }, "supervise.restarts.within"],
    ["backoff", { supervise: { backoff: { minDelayMs: -5 } } }, "supervise.backoff.minDelayMs"],
  ])("is refused for bad %s", (_what, options, path) => {
    expect(refusal(base.createMachine({}), options)).toMatchObject({ code: "bad_options", faults: [{ path }] });
  });

  it.each([
    ["events that are no schema", { events: { paid: {} } }, "events.paid"],
    ["events of ours", { events: { "xstate.stop": z.object({}) } }, "events.xstate.stop"],
  ])("is refused for %s", (_what, options, path) => {
    expect(refusal(base.createMachine({}), options as never)).toMatchObject({ code: "bad_options", faults: [{ path }] });
  });

  it("is refused for supervision with nobody to supervise", () => {
    expect(refusal(setup({}).createMachine({}), { supervise: {} }).faults).toMatchObject([{ path: "supervise" }]);
    expect(
      refusal(
        fromTransition((n: number) => n, 0),
        { supervise: {} },
      ).faults,
    ).toMatchObject([{ path: "supervise" }]);
  });

  it("may name whom it supervises by logic, by id of an invocation, or by id of a spawn action", () => {
    const machine = setup({ actors: { kid }, actions: { breed: spawnChild("kid", { id: "bred" }) as never } }).createMachine({
      invoke: { id: "invoked", src: "kid" },
      on: { go: { actions: spawnChild("kid", { id: "spawned" }) } },
    });
    const children = ["spawned", "bred", "invoked", "kid"];
    expect(defineActor({ name: "thing", machine, supervise: { children } }).supervision).toEqual({
      strategy: "one-for-one",
      members: children,
      directive: "restart",
      restarts: { max: 3, withinMs: 60_000 },
      backoff: undefined,
    });
    expect(defineActor({ name: "thing", machine, supervise: {} }).supervision?.members).toEqual(["kid"]);
  });
});

describe("a machine is refused, with the place, for", () => {
  const cases: readonly (readonly [what: string, machine: AnyActorLogic, path: string, words: RegExp])[] = [
    [
      "inline logic that is invoked",
      base.createMachine({ id: "m", initial: "a", states: { a: { invoke: { id: "k", src: kid } } } } as never),
      "m.a.invoke.k",
      /inline/,
    ],
    ["logic nobody registered", base.createMachine({ id: "m", invoke: { id: "k", src: "stranger" } } as never), "m.invoke.k", /stranger/],
    ["a child without an id", base.createMachine({ id: "m", entry: spawnChild("kid") } as never), "m", /id/],
    [
      "inline logic that is spawned",
      base.createMachine({ id: "m", on: { go: { actions: spawnChild(kid, { id: "k" }) } } } as never),
      "m.go",
      /inline/,
    ],
    [
      "a spawn action under a name, without an id",
      setup({ actors: { kid }, actions: { breed: spawnChild("kid") as never } }).createMachine({ id: "m" }),
      "actions.breed",
      /id/,
    ],
    ["an unknown delay of a state", base.createMachine({ id: "m", after: { someday: {} } } as never), "m", /someday/],
    [
      "an unknown delay of a send",
      base.createMachine({ id: "m", entry: sendTo(({ self }) => self, { type: "x" }, { delay: "someday" as never }) } as never),
      "m",
      /someday/,
    ],
    ["an unknown action", base.createMachine({ id: "m", on: { go: { actions: "mystery" } } } as never), "m.go", /mystery/],
    ["an unknown guard", base.createMachine({ id: "m", on: { go: { guard: "mystery", actions: "known" } } } as never), "m.go", /mystery/],
    ["promise logic in its place", fromPromise(async () => 1), "machine", /defineTask/],
    ["callback logic in its place", fromCallback(() => {}), "machine", /defineTask/],
    [
      "a child of a child",
      setup({ actors: { bad: base.createMachine({ id: "bad", entry: spawnChild("kid") } as never) } }).createMachine({ id: "m" }),
      "bad",
      /id/,
    ],
  ];
  it.each(cases)("%s", (_what, machine, path, words) => {
    const { code, faults } = refusal(machine);
    expect(code).toBe("bad_machine");
    expect(faults).toContainEqual({ path, message: expect.stringMatching(words) as string });
  });

  const invoking = { invoke: { id: "k", src: "kid" } };
  it.each([
    ["two regions", { type: "parallel", states: { a: invoking, b: invoking } }, ["m.a", "m.b"]],
    [
      "states inside two regions",
      { type: "parallel", states: { a: { initial: "x", states: { x: invoking } }, b: { initial: "y", states: { y: {}, z: invoking } } } },
      ["m.a.x", "m.b.z"],
    ],
    [
      "a region of a region beside another one",
      { type: "parallel", states: { a: { type: "parallel", states: { x: {}, y: invoking } }, b: invoking } },
      ["m.a.y", "m.b"],
    ],
    ["a state and one inside it", { initial: "a", ...invoking, states: { a: invoking } }, ["m", "m.a"]],
    ["one state twice", { invoke: [invoking.invoke, invoking.invoke] }, ["m", "m"]],
  ])("an id that %s invoke and that would run together", (_what, config, [one, other]) => {
    const { code, faults } = refusal(base.createMachine({ id: "m", ...config } as never));
    expect(code).toBe("bad_machine");
    expect(faults).toEqual([{ path: `${other}.invoke.k`, message: expect.stringContaining(`${one}.invoke.k:`) as string }]);
  });

  it.each([
    ["siblings of one region", { type: "parallel", states: { a: { initial: "x", states: { x: invoking, y: invoking } }, b: {} } }],
    ["states of which one follows the other", { initial: "x", states: { x: invoking, y: invoking } }],
    [
      "states that lie deep in such",
      { initial: "x", states: { x: { type: "parallel", states: { p: invoking, q: {} } }, y: { initial: "z", states: { z: invoking } } } },
    ],
  ])("nothing where %s invoke the same id", (_what, config) => {
    expect(() => defineActor({ name: "thing", machine: base.createMachine({ id: "m", ...config } as never) })).not.toThrow();
  });

  it("nothing where all names are known", () => {
    const machine = base.createMachine({
      id: "m",
      context: { n: 0 },
      invoke: [{ src: "kid" }, { src: "work" }],
      after: { soon: {} },
      entry: ["known", spawnChild("kid", { id: "k" }), () => {}, assign({ n: 1 })],
      always: { guard: "holds", actions: "known" },
    } as never);
    expect(defineActor({ name: "thing", machine }).name).toBe("thing");
  });
});
