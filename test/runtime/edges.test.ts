import { assign, cancel, emit, fromCallback, log, raise, sendTo, setup, spawnChild, type AnyActorRef } from "xstate";
import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import { logicOf } from "../../src/logic-of.ts";
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

test("an id that is used again has children of its own, though those of its earlier life are remembered for longer", async () => {
  const keys: string[] = [];
  const kid = setup({}).createMachine({
    initial: "on",
    states: { on: { on: { end: "off" } }, off: { type: "final" } },
    output: 5,
  });
  const machine = setup({
    actors: { kid },
    actions: { note: (info) => void keys.push((info as unknown as { key: string }).key) },
  }).createMachine({
    initial: "on",
    entry: "note",
    states: {
      on: {
        invoke: { id: "k", src: "kid", onDone: "off" },
        on: { close: "off", end: { actions: sendTo("k", { type: "end" }) } },
      },
      off: { type: "final" },
    },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  await stand.settle();
  stand.send("order", "7", { type: "close" });
  await stand.advance(2 * 3_600_000);
  expect(stand.record("order", "7")).toBeUndefined();
  expect(stand.record("order-kid", "7~k~1")?.status).toBe("stopped");
  stand.start("order", "7");
  await stand.settle();
  expect(stand.record("order-kid", "7~k~1")?.status).toBe("active");
  stand.send("order", "7", { type: "end" });
  await stand.settle();
  expect(stand.record("order", "7")?.status).toBe("done");
  expect(stand.record("order-kid", "7~k~1")?.output).toBe(5);
  expect(new Set(keys).size).toBe(2);
  expect(stand.deadLetters).toEqual([]);
  stand.check();
});

test("an action whose second host dies as well is run by the third", async () => {
  const runs: string[] = [];
  const stand = new Stand({
    tasks: (process) => {
      const work = (): unknown => {
        if (process.isDead) return undefined;
        runs.push(process.name);
        return process.name === "host-3" ? undefined : new Promise(() => {});
      };
      const machine = setup({ actions: { work: () => work() as undefined } }).createMachine({ on: { go: { actions: "work" } } });
      return [defineActor({ name: "order", machine })];
    },
  });
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  for (let i = 0; i < 3; i++) {
    const process = await stand.open();
    await stand.advance(30_000);
    if (i < 2) process.kill();
  }
  expect(runs).toEqual(["host-1", "host-2", "host-3"]);
  expect(stand.record("order", "7")?.owed).toBeUndefined();
  expect(stand.unacknowledged).toEqual([]);
});

test.each([false, true])(
  "an action sends by the references it was given, at once and later, on its first host and on the next (%s)",
  async (isNext) => {
    const kid = counting.createMachine({ context: { n: 0 }, on: { up: { actions: "up" } } });
    const stand = new Stand({
      tasks: (process) => {
        const poke = async (one: AnyActorRef, other: AnyActorRef): Promise<void> => {
          if (process.isDead || (isNext && process.name === "host-1")) return new Promise(() => {});
          one.send({ type: "up" });
          other.send({ type: "up" });
          await Promise.resolve();
          one.send({ type: "up" });
          other.send({ type: "up" });
        };
        const machine = setup({
          types: { context: {} as { kid: AnyActorRef } },
          actors: { kid },
          actions: { poke: ({ context }, params: { kid: AnyActorRef }) => poke(context.kid, params.kid) as unknown as undefined },
        }).createMachine({
          context: ({ spawn }) => ({ kid: spawn("kid", { id: "k" }) }),
          on: { poke: { actions: { type: "poke", params: ({ context }) => ({ kid: context.kid }) } } },
        });
        return [defineActor({ name: "order", machine })];
      },
    });
    const first = await stand.open();
    stand.start("order", "7");
    stand.send("order", "7", { type: "poke" });
    await stand.settle();
    if (isNext) {
      first.kill();
      await stand.open();
      await stand.advance(30_000);
    }
    expect(stand.record("order-kid", "7~k~1")?.context).toEqual({ n: 4 });
  },
);

const endless: Record<string, unknown> = {};
endless["me"] = endless;
test.each([
  ["logged", log(() => endless)],
  ["emitted", emit(() => ({ type: "told", endless }))],
])("what cannot be stored may be %s: the turn is made all the same, and once", async (_what, action) => {
  const machine = counting.createMachine({ context: { n: 0 }, on: { go: { actions: ["up", action] as never } } });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  stand.send("order", "7", { type: "go" });
  await stand.settle();
  expect(stand.record("order", "7")?.context).toEqual({ n: 2 });
  expect(stand.deadLetters).toEqual([]);
});

test("a child that ended and is forgotten is not begun again, though one of its age still works when their host dies", async () => {
  let runs = 0;
  const quick = defineTask({ name: "quick", retention: { done: "1m" }, run: () => void runs++ });
  const endless = defineTask({ name: "endless", run: () => new Promise(() => {}) });
  const machine = setup({ actors: { quick: logicOf(quick), endless: logicOf(endless) } }).createMachine({
    entry: spawnChild("endless", { id: "e", input: undefined }),
    on: { go: { actions: spawnChild("quick", { id: "q", input: undefined }) } },
  });
  const stand = new Stand({ partitions: 1, tasks: () => [defineActor({ name: "order", machine }), quick, endless] });
  const first = await stand.open();
  stand.start("order", "7");
  await stand.settle();
  stand.send("order", "7", { type: "go" });
  await stand.advance(120_000);
  expect(stand.record("quick", "order~7~q~2")).toBeUndefined();
  first.kill();
  await stand.open();
  await stand.advance(60_000);
  expect(stand.state("endless", "order~7~e~1")).toBe("doing");
  expect(runs).toBe(1);
});

test("a partition whose actors get no mail is tidied all the same", async () => {
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine: counting.createMachine({ context: { n: 0 } }) })] });
  const process = stand.launch();
  const tidied: number[] = [];
  process.attachment.store.tidy = async (partition) => void tidied.push(partition);
  void process.host.start();
  await stand.advance(10_000);
  expect(new Set(tidied)).toEqual(new Set([0, 1]));
});
