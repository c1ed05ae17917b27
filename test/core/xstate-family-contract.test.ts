import {
  cancel,
  emit,
  fromObservable,
  fromPromise,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
  type AnyMachineSnapshot,
} from "xstate";
import { describe, expect, it } from "vitest";
import { ActorRef } from "../../src/core/ref.ts";
import { Scope } from "../../src/core/scope.ts";
import type { StateNode } from "../../src/core/missing.ts";
import { stubLogic } from "../../src/core/stub.ts";

/** What actors with children rely on in XState beyond its types. A failure here explains all others. */
const known = (): void => {};
const machine = setup({
  actors: { kid: fromPromise(async () => 1) },
  actions: { known },
  guards: { holds: () => true },
  delays: { soon: 10 },
}).createMachine({
  id: "m",
  initial: "a",
  entry: "known",
  states: {
    a: {
      entry: [() => {}, sendTo("k", { type: "hello" })],
      exit: "known",
      after: { soon: "b" },
      invoke: { id: "k", src: "kid", systemId: "clerk", onSnapshot: {} },
      on: {
        tell: { actions: sendTo("k", { type: "x" }, { id: "later", delay: 5 }) },
        up: { actions: sendParent({ type: "up" }) },
        drop: { actions: stopChild("k") },
        go: { guard: "holds", target: "b", actions: "known" },
      },
    },
    b: { always: { guard: "holds", target: "c" } },
    c: {},
  },
});
const stubbed = machine.provide({ actors: { kid: stubLogic as never } });
const scope = new Scope(() => {});
const parent = "order/7";
const open = () => scope.openFor("kid/1", parent);

interface Node {
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly transitions: ReadonlyMap<string, readonly { readonly actions: readonly unknown[]; readonly guard: unknown }[]>;
  readonly always: readonly { readonly guard: unknown }[];
}
const node = (name: string): Node => (stubbed.root.states as Readonly<Record<string, unknown>>)[name] as Node;
const paramsOf = (type: string) => scope.actions.filter((action) => action.type === type).map(({ params }) => params);

describe("a child that a transition makes", () => {
  const first = stubbed.getInitialSnapshot(open(), undefined) as AnyMachineSnapshot;
  const child = first.children["k"] as unknown as object;

  it("says its name in the system and whether its states are watched", () => {
    expect(child).toMatchObject({ id: "k", src: "kid", systemId: "clerk", _syncSnapshot: true });
  });

  it("is who an entry action sends to, though that comes before it is made", () => {
    expect(paramsOf("xstate.sendTo")).toMatchObject([{ to: child, event: { type: "hello" } }]);
  });

  it("is the target of a delayed send, with its name and its delay", () => {
    stubbed.transition(first, { type: "tell" }, open());
    expect(paramsOf("xstate.sendTo")).toMatchObject([{ to: child, id: "later", delay: 5 }]);
  });

  it("is gone from the children once it is stopped", () => {
    expect(stubbed.transition(first, { type: "drop" }, open()).children).toEqual({});
  });

  it("stays one of the children where our reference takes its place", () => {
    const ref = new ActorRef("kid/2", "k", scope.relay);
    const replaced = { ...first, children: { k: ref } } as unknown as typeof first;
    expect(stubbed.transition(replaced as never, { type: "nobody" }, open()).children).toEqual({ k: ref });
    stubbed.transition(replaced as never, { type: "tell" }, open());
    expect(paramsOf("xstate.sendTo")).toMatchObject([{ to: ref }]);
  });

  it("finds its parent by its own reference", () => {
    stubbed.transition(first, { type: "up" }, open());
    expect(paramsOf("xstate.sendTo")).toMatchObject([{ to: { troupe$ref: parent }, event: { type: "up" } }]);
  });
});

describe("a machine's nodes", () => {
  it("hold their actions in lists, names as text or with a type", () => {
    expect(stubbed.root.entry).toEqual(["known"]);
    expect(node("a").exit).toContain("known");
    expect(node("a").transitions.get("go")?.[0]).toMatchObject({ actions: ["known"], guard: "holds" });
    expect(node("b").always[0]).toMatchObject({ guard: "holds" });
  });

  it("hold functions as they were written, told from built-in ones by what those carry", () => {
    const [inline, builtIn] = node("a").entry as readonly Record<string, unknown>[];
    expect(inline).not.toHaveProperty("resolve");
    expect(builtIn?.["type"]).toBe("xstate.sendTo");
    expect(builtIn).toHaveProperty("resolve");
  });

  it("raise what comes `after` under its delay's name", () => {
    expect(node("a").entry).toContainEqual(expect.objectContaining({ type: "xstate.raise", delay: "soon" }));
  });
});

describe("built-in actions", () => {
  it("carry their options", () => {
    expect({ ...spawnChild("kid" as never, { id: "x" }) }).toMatchObject({ type: "xstate.spawnChild", id: "x", src: "kid" });
    expect({ ...raise({ type: "x" }, { delay: "soon" as never }) }).toMatchObject({ type: "xstate.raise", delay: "soon" });
    for (const action of [cancel("x"), emit({ type: "x" })]) expect(action).toHaveProperty("resolve");
  });
});

describe("logic with a start of its own", () => {
  it("has one; only promise logic is done once its promise is", () => {
    const settled = { type: "xstate.promise.resolve", data: 1 };
    expect(fromPromise(async () => 1).transition({ status: "active" } as never, settled as never, {} as never).status).toBe("done");
    const observable = fromObservable(() => ({ subscribe: () => ({ unsubscribe() {} }) }));
    expect(observable.start).toBeTypeOf("function");
    expect(observable.transition({ status: "active" } as never, settled as never, {} as never).status).toBe("active");
  });

  it("is limited in its steps by an option that is infinite unless it is set", () => {
    expect(stubbed.options.maxIterations).toBe(Infinity);
  });
});

describe("what a state would begin", () => {
  it("is told by its `after` and its invokes, and a timer's id is its event's type", () => {
    const { after, invoke } = node("a") as unknown as StateNode;
    expect(after.map(({ eventType, delay }) => ({ eventType, delay }))).toEqual([{ eventType: "xstate.after.soon.m.a", delay: "soon" }]);
    expect(invoke).toMatchObject([{ id: "k", src: "kid", systemId: "clerk", onSnapshot: {} }]);
    stubbed.getInitialSnapshot(open(), undefined);
    expect(paramsOf("xstate.raise")).toMatchObject([{ id: "xstate.after.soon.m.a", delay: 10, event: { type: "xstate.after.soon.m.a" } }]);
  });

  it("says of a state whether its states are active together", () => {
    const { root } = setup({}).createMachine({ type: "parallel", states: { x: { initial: "y", states: { y: {} } } } });
    const { x } = root.states as unknown as Record<string, { type: string; states: Record<string, { type: string }> }>;
    expect([root.type, x?.type, x?.states["y"]?.type]).toEqual(["parallel", "compound", "atomic"]);
  });

  it("has a path of keys, whatever ids there are, and history says where it leads by its configuration", () => {
    const other = setup({}).createMachine({
      id: "other",
      initial: "x",
      states: { x: { id: "own", initial: "y", states: { y: {}, h: { type: "history", target: "y" } } } },
    });
    const x = (other.root.states as Readonly<Record<string, unknown>>)["x"] as StateNode & {
      readonly initial: { readonly target: readonly { id: string }[] };
    };
    expect([x.id, x.path, x.states["y"]?.path, x.initial.target.map(({ id }) => id)]).toEqual(["own", ["x"], ["x", "y"], ["other.x.y"]]);
    expect(x.states["h"]).toMatchObject({ type: "history", config: { target: "y" } });
  });
});
