import { assign, fromCallback, fromPromise, sendParent, sendTo, setup, type AnyActorRef } from "xstate";
import { describe, expect, test } from "vitest";
import { playDurable } from "./durable.ts";
import { playLive } from "./live.ts";
import { enter, events, first, tracing } from "./scenes/tracing.ts";
import type { Scene, Story } from "./story.ts";

/** Where durable must tell another story than XState, as the README lists it: both are told. */
async function both(scene: Omit<Scene, "name">): Promise<{ live: Story; durable: Story }> {
  const named = { ...scene, name: "" };
  return { live: await playLive(named), durable: await playDurable(named) };
}
const traceOf = ({ states }: Story, path = "root"): unknown =>
  (states.at(-1) as Record<string, { context: { trace: unknown } }>)[path]?.context.trace;

describe("where a durable actor differs from a live one", () => {
  test("a child whose state was left is not heard of any more, though it had ended before", async () => {
    const speaker = setup({}).createMachine({
      initial: "on",
      states: { on: { on: { cancel: "off" } }, off: { type: "final", entry: sendParent({ type: "cancelled" }) } },
    });
    const { live, durable } = await both({
      machine: () =>
        setup({ ...tracing, actors: { speaker } }).createMachine({
          context: first,
          initial: "a",
          states: {
            a: { invoke: { id: "s", src: "speaker" }, on: { cancel: { actions: sendTo("s", { type: "cancel" }) }, cancelled: "b" } },
            b: { on: { "xstate.done.actor.s": { actions: "note" } } },
          },
        }),
      steps: events("cancel"),
    });
    expect(traceOf(live)).toEqual(["xstate.done.actor.s"]);
    expect(traceOf(durable)).toEqual([]);
  });

  test("what work answers to the last word of the state that leaves it comes too late; it has heard the word", async () => {
    const { live, durable } = await both({
      machine: (act) =>
        setup({
          ...tracing,
          actors: {
            talker: fromCallback(({ sendBack, receive }) =>
              receive(({ type }) => {
                act(type);
                sendBack({ type: "said" });
              }),
            ),
          },
        }).createMachine({
          context: first,
          initial: "a",
          on: { said: { actions: "note" } },
          states: { a: { invoke: { id: "t", src: "talker" }, exit: sendTo("t", { type: "last" }), on: { go: "b" } }, b: {} },
        }),
      steps: events("go"),
    });
    expect([traceOf(live), live.acted]).toEqual([["said"], ["last"]]);
    expect([traceOf(durable), durable.acted]).toEqual([[], ["last"]]);
  });

  test("a custom action that throws leaves the machine as it is: it runs after the commit", async () => {
    const { live, durable } = await both({
      machine: () =>
        setup({
          ...tracing,
          actions: {
            ...tracing.actions,
            boom: () => {
              throw new Error("boom");
            },
          },
        }).createMachine({ context: first, initial: "a", states: { a: { on: { go: { target: "b", actions: "boom" } } }, b: {} } }),
      steps: events("go"),
    });
    expect(live.states.at(-1)).toMatchObject({ root: { status: "error", value: "a" } });
    expect(durable.states.at(-1)).toMatchObject({ root: { status: "active", value: "b" } });
  });

  test("what work emits is heard by nobody: it has no address", async () => {
    const { live, durable } = await both({
      machine: () =>
        setup({
          ...tracing,
          actors: { loud: fromPromise(async ({ emit }) => emit({ type: "heard" })) },
        }).createMachine({ context: first, invoke: { id: "l", src: "loud", onDone: { actions: "note" } } }),
      steps: [],
    });
    expect(live.emitted).toEqual({ "root/l": [{ type: "heard" }] });
    expect(durable.emitted).toEqual({});
    expect(traceOf(durable)).toEqual(traceOf(live));
  });

  test("a child without an id that is spawned in an assign counts as thrown", async () => {
    const { live, durable } = await both({
      machine: () =>
        setup({ ...tracing, actors: { kid: setup({}).createMachine({}) } }).createMachine({
          context: first,
          on: { go: { actions: assign({ n: ({ spawn, context }) => (spawn("kid").id === "" ? 0 : context.n + 1) }) } },
        }),
      steps: events("go"),
    });
    expect(live.states.at(-1)).toMatchObject({ root: { status: "active", context: { n: 1 } } });
    expect(durable.states.at(-1)).toMatchObject({ root: { status: "error", context: { n: 0 } } });
  });

  test("a name that nobody has yet is found all the same by what is sent to it in the step that gives it", async () => {
    const desk = setup(tracing).createMachine({ context: first, on: { "*": { actions: "note" } } });
    const { live, durable } = await both({
      machine: () =>
        setup({ ...tracing, actors: { desk } }).createMachine({
          context: first,
          invoke: { id: "d", src: "desk", systemId: "desk" },
          entry: sendTo(({ system }) => system.get("desk") as AnyActorRef, { type: "early" }),
        }),
      steps: [],
    });
    expect(traceOf(live, "root/d")).toEqual([]);
    expect(traceOf(durable, "root/d")).toEqual(["early"]);
  });

  test("self has no snapshot to read: what a machine decides by is its context", async () => {
    const { live, durable } = await both({
      machine: () =>
        setup(tracing).createMachine({
          context: first,
          initial: "a",
          states: {
            a: {
              on: {
                go: {
                  actions: assign({ trace: ({ self }) => [(self.getSnapshot() as { value?: unknown } | undefined)?.value ?? "unknown"] }),
                },
              },
            },
          },
        }),
      steps: events("go"),
    });
    expect(traceOf(live)).toEqual(["a"]);
    expect(traceOf(durable)).toEqual(["unknown"]);
  });
});

test("a route is taken from inside; from outside it is a reserved event, and a dead letter", async () => {
  const { live, durable } = await both({
    machine: () =>
      setup(tracing).createMachine({
        context: first,
        initial: "a",
        states: { a: {}, b: { id: "b", route: {}, entry: enter("b") } },
      } as never),
    steps: [{ type: "xstate.route", to: "#b" }],
  });
  expect(traceOf(live)).toEqual(["b"]);
  expect(traceOf(durable)).toEqual([]);
});
