import { assign, fromCallback, fromPromise, fromTransition, sendTo, setup, type AnyActorRef } from "xstate";
import { expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

/** What work says to its actor, and to others. */
interface Heard {
  readonly heard: readonly string[];
}
const heardOf = (stand: Stand): readonly string[] | undefined => (stand.record("order", "7")?.context as Heard | undefined)?.heard;
const note = ({ context, event }: { context: Heard; event: { type: string } }): Heard => ({ heard: [...context.heard, event.type] });
const hear = { actions: "hear" } as const;

test("what work says and nobody hears changes nothing, however often, and the work is taken up again after a crash", async () => {
  const said: ((event: { readonly type: string }) => void)[] = [];
  const machine = setup({ actors: { talk: fromCallback(({ sendBack }) => void said.push(sendBack)) } }).createMachine({
    initial: "on",
    states: { on: { invoke: { id: "t", src: "talk" }, on: { heard: { actions: () => {} }, off: "off" } }, off: {} },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  const first = await stand.open();
  stand.start("order", "7");
  await stand.settle();
  for (let i = 0; i < 64; i++) {
    said[0]?.({ type: "nonsense" });
    await stand.settle();
  }
  expect(stand.record("order", "7")?.revision).toBe(1);
  expect(stand.unacknowledged).toHaveLength(1);
  first.kill();
  await stand.open();
  await stand.advance(30_000);
  expect(said).toHaveLength(2);
  stand.send("order", "7", { type: "off" });
  await stand.settle();
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("an event to a reference that work was given reaches whom it names; its own actor hears it before the work's end", async () => {
  const machine = setup({
    types: { context: {} as Heard },
    actors: {
      ask: fromPromise(async ({ input }: { input: { to: AnyActorRef } }) => input.to.send({ type: "asked" })),
      listener: setup({}).createMachine({
        on: { asked: { actions: sendTo(({ self }) => (self as unknown as { _parent: AnyActorRef })._parent, { type: "told" }) } },
      }),
    },
    actions: { hear: assign(note) },
  }).createMachine({
    context: { heard: [] },
    initial: "asking",
    on: { asked: hear, told: hear },
    invoke: { id: "l", src: "listener" },
    states: {
      asking: { invoke: { id: "a", src: "ask", input: ({ self }) => ({ to: self }), onDone: { target: "other", ...hear } } },
      other: {
        on: { next: "child" },
      },
      child: {
        invoke: { id: "b", src: "ask", input: ({ event }) => ({ to: (event as unknown as { to: AnyActorRef }).to }), onDone: hear },
      },
    },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.settle();
  expect(heardOf(stand)).toEqual(["asked", "xstate.done.actor.a"]);
  stand.send("order", "7", { type: "next", to: { troupe$ref: "order-listener/7~l~1", id: "l" } });
  await stand.settle();
  expect(heardOf(stand)?.toSorted()).toEqual(["asked", "told", "xstate.done.actor.a", "xstate.done.actor.b"]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("work that was left sends nothing any more", async () => {
  let to: AnyActorRef | undefined;
  const machine = setup({
    types: { context: {} as Heard },
    actors: { hold: fromCallback(({ input }) => void (to = (input as { to: AnyActorRef }).to)) },
    actions: { hear: assign(note) },
  }).createMachine({
    context: { heard: [] },
    initial: "on",
    on: { said: hear },
    states: { on: { invoke: { id: "h", src: "hold", input: ({ self }) => ({ to: self }) }, on: { off: "off" } }, off: {} },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.settle();
  to?.send({ type: "said" });
  await stand.settle();
  stand.send("order", "7", { type: "off" });
  await stand.settle();
  to?.send({ type: "said" });
  await stand.settle();
  expect(heardOf(stand)).toEqual(["said"]);
  expect(stand.unacknowledged).toEqual([]);
});

test.each(Array.from({ length: 40 }, (_, i) => i + 1))(
  "its host dies at step %i: what work sends by a reference arrives, at least once",
  async (moment) => {
    const listener = setup({
      types: { context: {} as Heard },
      actions: { hear: assign(note) },
    }).createMachine({ context: { heard: [] }, on: { asked: hear } });
    const machine = setup({
      types: { context: {} as Heard },
      actors: { ask: fromPromise(async ({ input }: { input: { to: AnyActorRef } }) => input.to.send({ type: "asked" })), listener },
      actions: { hear: assign(note) },
    }).createMachine({
      context: { heard: [] },
      invoke: { id: "l", src: "listener" },
      initial: "waiting",
      states: {
        waiting: { on: { next: "asking" } },
        asking: {
          invoke: { id: "a", src: "ask", input: ({ event }) => ({ to: (event as unknown as { to: AnyActorRef }).to }), onDone: hear },
        },
      },
    });
    const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
    const first = await stand.open();
    stand.start("order", "7");
    await stand.settle();
    let steps = 0;
    stand.world.onStep(() => {
      if (++steps === moment) first.kill();
    });
    stand.send("order", "7", { type: "next", to: { troupe$ref: "order-listener/7~l~1", id: "l" } });
    await stand.advance(100);
    first.kill();
    await stand.open();
    await stand.advance(60_000);
    expect(heardOf(stand)).toEqual(["xstate.done.actor.a"]);
    expect(stand.record("order-listener", "7~l~1")?.context).toMatchObject({ heard: expect.arrayContaining(["asked"]) as unknown });
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  },
);

test("transition logic that throws at its own stop is stopped all the same: it leaves no orphan", async () => {
  const logic = fromTransition((state: number, event: { type: string }) => {
    if (event.type === "xstate.stop") throw new Error("never");
    return state + 1;
  }, 0);
  const machine = setup({ actors: { logic } }).createMachine({
    initial: "on",
    states: { on: { invoke: { id: "l", src: "logic" }, on: { off: "off" } }, off: {} },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.settle();
  stand.send("order", "7", { type: "off" });
  await stand.settle();
  expect(stand.record("order-logic", "7~l~1")).toMatchObject({ status: "stopped", context: 0 });
  expect(stand.record("order-logic", "7~l~1")?.parked).toBeUndefined();
  expect(stand.unacknowledged).toEqual([]);
});
