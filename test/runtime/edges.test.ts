import { assign, cancel, fromCallback, raise, setup } from "xstate";
import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import { Stand } from "./stage.ts";

/** What is rare, and must go right all the same. */
const counting = setup({
  types: { context: {} as { n: number } },
  actions: { up: assign({ n: ({ context }) => context.n + 1 }) },
});

test("an output that JSON cannot say reaches whoever waits for it in other words", async () => {
  const machine = setup({}).createMachine({
    initial: "on",
    states: { on: { on: { go: "off" } }, off: { type: "final" } },
    output: { n: 12n },
  });
  const task = defineTask({ name: "sum", run: () => 7n });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine }), task] });
  await stand.open();
  stand.start("order", "7", undefined, { headers: { [HEADERS.replyTo]: "one" } });
  stand.start("sum", "1", undefined, { headers: { [HEADERS.replyTo]: "other" } });
  await stand.settle();
  stand.send("order", "7", { type: "go" });
  await stand.settle();
  expect(stand.replies.map(({ output }) => output)).toEqual(["7", { n: "12" }]);
  expect(stand.unacknowledged).toEqual([]);
});

test("names that are given back once their root has ended are no dead letters", async () => {
  const leaf = setup({}).createMachine({});
  const kid = setup({ actors: { leaf } }).createMachine({ invoke: { id: "l", src: "leaf", systemId: "leaf" } });
  const machine = setup({ actors: { kid } }).createMachine({
    initial: "on",
    states: { on: { invoke: { id: "k", src: "kid", systemId: "kid" }, on: { end: "off" } }, off: { type: "final" } },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.settle();
  stand.send("order", "7", { type: "end" });
  await stand.settle();
  expect([...stand.world.records.keys()].map((key) => stand.record(...(key.split("/") as [string, string]))?.status)).toEqual([
    "done",
    "stopped",
    "stopped",
  ]);
  expect(stand.deadLetters).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
});

test("a timer that is set anew for sooner, and withdrawn, leaves none of its kind behind", async () => {
  const machine = counting.createMachine({
    context: { n: 0 },
    on: {
      long: { actions: raise({ type: "up" }, { id: "t", delay: 10_000 }) },
      short: { actions: raise({ type: "up" }, { id: "t", delay: 100 }) },
      forget: { actions: cancel("t") },
      up: { actions: "up" },
    },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  for (const type of ["long", "short"]) {
    stand.send("order", "7", { type });
    await stand.settle();
  }
  expect(stand.world.timers).toEqual([]);
  stand.send("order", "7", { type: "long" });
  await stand.settle();
  expect(stand.world.timers).toHaveLength(1);
  stand.send("order", "7", { type: "forget" });
  await stand.settle();
  expect(stand.world.timers).toEqual([]);
  await stand.advance(20_000);
  expect(stand.record("order", "7")?.context).toEqual({ n: 0 });
  expect(stand.unacknowledged).toEqual([]);
});

test("work that was stopped is not heard any more, also before its stop is stored", async () => {
  let say = (_event: { readonly type: string }): void => {};
  const machine = setup({
    types: { context: {} as { n: number } },
    actors: { talk: fromCallback(({ sendBack }) => void (say = sendBack)) },
    actions: { up: assign({ n: ({ context }) => context.n + 1 }) },
  }).createMachine({
    context: { n: 0 },
    initial: "on",
    on: { said: { actions: "up" } },
    states: { on: { invoke: { id: "t", src: "talk" }, on: { off: "off" } }, off: {} },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.settle();
  say({ type: "said" });
  await stand.settle();
  stand.world.onStep((step) => {
    if (step.kind === "commitReceived") say({ type: "said" });
  });
  stand.send("order", "7", { type: "off" });
  await stand.settle();
  expect(stand.record("order", "7")).toMatchObject({ value: "off", context: { n: 1 } });
});
