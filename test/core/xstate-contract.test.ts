import { assign, cancel, emit, fromPromise, log, raise, setup, type AnyMachineSnapshot, type AnyStateMachine } from "xstate";
import { describe, expect, it } from "vitest";
import { Scope } from "../../src/core/scope.ts";
import { stubLogic } from "../../src/core/stub.ts";

/** What core relies on in XState beyond its types. A failure here explains all others. */
const base = setup({
  actors: {
    work: fromPromise(async () => {
      throw new Error("a child was evaluated in its parent's turn");
    }),
  },
});

interface Step {
  readonly snapshot: AnyMachineSnapshot;
  readonly actions: readonly { readonly type: string; readonly params: Record<string, unknown> }[];
}

function interpreter(machine: AnyStateMachine) {
  const stubbed = machine.provide({ actors: { work: stubLogic as never } });
  const scope = new Scope(() => {});
  const step = (snapshot: AnyMachineSnapshot): Step => ({ snapshot, actions: scope.actions as unknown as Step["actions"] });
  return {
    initial: (input: unknown = {}): Step => step(stubbed.getInitialSnapshot(scope.open("t/1"), input)),
    hear: (from: Step, type: string, fields: object = {}): Step =>
      step(stubbed.transition(from.snapshot, { ...fields, type }, scope.open("t/1"))),
  };
}

const only = (step: Step, type: string): Record<string, unknown>[] =>
  step.actions.filter((action) => action.type === type).map(({ params }) => params);

describe("the actions XState collects", () => {
  const bell = interpreter(
    base.createMachine({
      id: "bell",
      initial: "off",
      context: { wait: 70 },
      states: {
        off: {
          on: {
            named: { actions: raise({ type: "ring" }, { id: "bell", delay: 50 }) },
            unnamed: { actions: raise({ type: "ring" }, { delay: 0 }) },
            silence: { actions: cancel("bell") },
            say: { actions: log("words", "label") },
            tell: { actions: emit({ type: "told" }) },
            on: "on",
          },
        },
        on: { after: { 100: "off" }, on: { off: "off" } },
      },
    }),
  );
  const { initial, hear } = bell;

  it("hold a delayed raise with its delay in ms, and its id where it has one", () => {
    expect(only(hear(initial(), "named"), "xstate.raise")).toMatchObject([{ event: { type: "ring" }, id: "bell", delay: 50 }]);
    const [unnamed] = only(hear(initial(), "unnamed"), "xstate.raise");
    expect(unnamed).toMatchObject({ event: { type: "ring" }, delay: 0 });
    expect(unnamed?.["id"]).toBeUndefined();
  });

  it("arm `after` as a delayed raise under the type of its event, and cancel it on the way out", () => {
    const id = "xstate.after.100.bell.on";
    const on = hear(initial(), "on");
    expect(only(on, "xstate.raise")).toMatchObject([{ id, event: { type: id }, delay: 100 }]);
    expect(only(hear(on, "off"), "xstate.cancel")).toEqual([{ sendId: id }]);
    expect(hear(on, id).snapshot.value).toBe("off");
  });

  it("hold cancels, logs and emitted events as data", () => {
    expect(only(hear(initial(), "silence"), "xstate.cancel")).toEqual([{ sendId: "bell" }]);
    expect(only(hear(initial(), "say"), "xstate.log")).toMatchObject([{ label: "label", value: "words" }]);
    expect(only(hear(initial(), "tell"), "xstate.emit")).toMatchObject([{ event: { type: "told" } }]);
  });

  it("hold nothing for an assign or for an event that nobody hears, whose snapshot stays the same object", () => {
    const before = initial();
    const after = hear(before, "nonsense");
    expect(after.actions).toEqual([]);
    expect(after.snapshot).toBe(before.snapshot);
    const counter = interpreter(base.createMachine({ context: { n: 0 }, on: { add: { actions: assign({ n: 1 }) } } }));
    const zero = counter.initial();
    const one = counter.hear(zero, "add");
    expect(one.actions).toEqual([]);
    expect(one.snapshot.context).toEqual({ n: 1 });
    expect(zero.snapshot.context).toEqual({ n: 0 });
  });
});

describe("the children of a snapshot", () => {
  const worker = interpreter(
    base.createMachine({
      id: "worker",
      initial: "idle",
      states: {
        idle: { on: { go: "busy", pass: "passing" } },
        passing: { invoke: { id: "w", src: "work" }, always: "idle" },
        busy: {
          invoke: { id: "w", src: "work", input: { width: 3 } },
          on: {
            again: { target: "busy", reenter: true },
            look: { actions: log("looking") },
            idle: "idle",
            "xstate.done.actor.w": { actions: log("heard") },
          },
        },
      },
    }),
  );
  const busy = worker.hear(worker.initial(), "go");

  it("name what was invoked: id, source and input", () => {
    const child = busy.snapshot.children["w"] as unknown as { id: string; src: unknown; options: { input: unknown } };
    expect(child).toMatchObject({ id: "w", src: "work", options: { input: { width: 3 } } });
    expect(only(busy, "xstate.spawnChild")).toMatchObject([{ id: "w", src: "work", input: { width: 3 } }]);
  });

  it("stay the same objects until they are stopped, and are new ones on re-entry under the same id", () => {
    const child = busy.snapshot.children["w"];
    expect(worker.hear(busy, "look").snapshot.children["w"]).toBe(child);
    const again = worker.hear(busy, "again").snapshot.children["w"];
    expect(again?.id).toBe("w");
    expect(again).not.toBe(child);
    expect(worker.hear(busy, "idle").snapshot.children).not.toHaveProperty("w");
    expect(busy.snapshot.children["w"]).toBe(child);
  });

  it("hold none that a state only passed through had", () => {
    const passed = worker.hear(worker.initial(), "pass");
    expect(passed.snapshot.value).toBe("idle");
    expect(Object.keys(passed.snapshot.children)).toEqual([]);
  });

  it("keep one that is done until its state is left", () => {
    expect(worker.hear(busy, "xstate.done.actor.w", { output: 1, actorId: "w" }).snapshot.children).toHaveProperty("w");
  });
});

describe("the end of a machine", () => {
  const ender = interpreter(
    base.createMachine({
      id: "ender",
      initial: "a",
      output: ({ event }) => (event as unknown as { output: unknown }).output,
      states: {
        a: { invoke: { id: "w", src: "work", onDone: "z" } },
        z: { type: "final", output: ({ event }) => ({ got: (event as { output?: unknown }).output }) },
      },
    }),
  );

  it("says done with its output, which is made from the done event of its root", () => {
    const { snapshot } = ender.hear(ender.initial(), "xstate.done.actor.w", { output: 5, actorId: "w" });
    expect(snapshot).toMatchObject({ status: "done", value: "z", output: { got: 5 } });
  });

  it("says error where nobody hears that a child failed", () => {
    const error = { name: "Error", message: "no luck" };
    const { snapshot } = ender.hear(ender.initial(), "xstate.error.actor.w", { error, actorId: "w" });
    expect(snapshot).toMatchObject({ status: "error", error });
  });

  it("says error, and throws nothing, where the first context cannot be made", () => {
    const broken = interpreter(
      base.createMachine({
        context: () => {
          throw new RangeError("no context");
        },
      }),
    );
    expect(broken.initial().snapshot).toMatchObject({ status: "error", error: new RangeError("no context") });
  });

  it("throws what a guard throws in a later transition", () => {
    const guard = (): never => {
      throw new RangeError("no guard");
    };
    const broken = interpreter(base.createMachine({ on: { go: { guard, actions: log("never") } } }));
    expect(() => broken.hear(broken.initial(), "go")).toThrow("no guard");
  });
});

describe("a snapshot brought back", () => {
  it("brings history back from the ids of its nodes", () => {
    const machine = base.createMachine({
      id: "m",
      initial: "z",
      states: { p: { initial: "a", states: { a: {}, b: {}, h: { type: "history" } } }, z: { on: { back: "p.h" } } },
    });
    const stored = { status: "active", value: "z", context: {}, children: {}, historyValue: { "m.p.h": [{ id: "m.p.b" }] } };
    const scope = new Scope(() => {});
    const snapshot = machine.restoreSnapshot(stored as never, scope.open("t/1"));
    expect(machine.transition(snapshot, { type: "back" }, scope.open("t/1")).value).toEqual({ p: "b" });
  });
});
