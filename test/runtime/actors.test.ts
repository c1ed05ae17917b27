import { assign, fromPromise, raise, sendParent, sendTo, setup, spawnChild, stopChild, type AnyActorRef } from "xstate";
import { describe, expect, test } from "vitest";
import { actorAt } from "../../src/actor-at.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import { Stand } from "./stage.ts";

/** Actors where something goes wrong, or is too late. */
const kid = setup({}).createMachine({
  id: "kid",
  initial: "alive",
  states: { alive: { on: { end: "over", ask: { actions: sendParent({ type: "told" }) } } }, over: { type: "final" } },
});
const parts = setup({
  types: { context: {} as { heard: readonly string[] } },
  actors: { kid, job: fromPromise(async () => "by the machine's own logic") },
  actions: {
    hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }),
    keep: assign({ heard: ({ context, event }) => [...context.heard, (event as unknown as { error: { code: string } }).error.code] }),
  },
});
const parent = parts.createMachine({
  context: { heard: [] },
  initial: "idle",
  on: {
    told: { actions: "hear" },
    boom: {
      actions: assign(() => {
        throw new Error("boom");
      }),
    },
    loop: { actions: raise({ type: "loop" }) },
    lost: { actions: sendTo("nobody", { type: "x" }) },
  },
  states: {
    idle: { on: { go: "busy" } },
    busy: {
      invoke: { id: "k", src: "kid", onDone: { target: "idle", actions: "hear" }, onError: { target: "idle", actions: "keep" } },
      on: { end: { actions: sendTo("k", { type: "end" }) }, again: { target: "busy", reenter: true }, close: "closed" },
    },
    closed: { type: "final" },
  },
});
const stage = (): Stand => new Stand({ tasks: () => [defineActor({ name: "order", machine: parent })] });

async function busy(stand: Stand): Promise<void> {
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  await stand.settle();
}

const childOf = (stand: Stand) => stand.record("order", "7")?.children?.["k"];
const heard = (stand: Stand) => (stand.record("order", "7")?.context as { heard: readonly string[] } | undefined)?.heard;
describe("a child", () => {
  test("has an address of its own, made of its parent's, and knows its parent", async () => {
    const stand = stage();
    await busy(stand);
    expect(childOf(stand)).toMatchObject({ type: "order-kid", id: "7~k~1", generation: 1, kind: "actor" });
    expect(stand.record("order-kid", "7~k~1")?.parent).toEqual({
      type: "order",
      id: "7",
      child: "k",
      generation: 1,
      root: { type: "order", id: "7" },
    });
  });

  test("that is started again is another actor; the first is stopped", async () => {
    const stand = stage();
    await busy(stand);
    stand.send("order", "7", { type: "again" });
    await stand.settle();
    expect(childOf(stand)?.id).toBe("7~k~2");
    expect(stand.record("order-kid", "7~k~1")?.status).toBe("stopped");
    expect(stand.record("order-kid", "7~k~2")?.status).toBe("active");
  });

  test("is stopped with its parent, and nothing is left behind", async () => {
    const stand = stage();
    await busy(stand);
    stand.send("order", "7", { type: "close" });
    await stand.settle();
    expect(stand.record("order", "7")?.status).toBe("done");
    expect(stand.record("order-kid", "7~k~1")?.status).toBe("stopped");
    expect(stand.unacknowledged).toEqual([]);
    expect(stand.deadLetters).toEqual([]);
  });

  test("whose parent ends in the turn that creates it is stopped after all", async () => {
    const stand = stage();
    await stand.open();
    stand.start("order", "7");
    stand.send("order", "7", { type: "go" });
    stand.send("order", "7", { type: "close" });
    await stand.settle();
    expect(stand.record("order-kid", "7~k~1")?.status).toBe("stopped");
  });

  test("whose id is in use fails, and its parent hears why", async () => {
    const stand = stage();
    await stand.open();
    stand.start("order-kid", "7~k~1");
    stand.start("order", "7");
    await stand.settle();
    stand.send("order", "7", { type: "go" });
    await stand.settle();
    expect(heard(stand)).toEqual(["id_taken"]);
    expect(stand.record("order-kid", "7~k~1")?.status).toBe("active");
  });

  test("of a type that nobody hosts fails, and its parent hears why", async () => {
    const elsewhere = defineTask({ name: "elsewhere", run: () => 1 });
    const machine = parts.createMachine({ context: { heard: [] }, invoke: { id: "k", src: "job", onError: { actions: "keep" } } });
    const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine, children: { job: elsewhere } })] });
    await stand.open();
    stand.start("order", "7");
    await stand.settle();
    expect(heard(stand)).toEqual(["unknown_type"]);
    expect(stand.deadLetters).toMatchObject([{ key: "elsewhere/order~7~k~1", code: "unknown_type" }]);
  });

  test("may be a task: its end is the task's", async () => {
    const good = defineTask({ name: "good", run: () => 5 });
    const bad = defineTask({ name: "bad", retry: { attempts: 1 }, run: () => Promise.reject(new Error("no luck")) });
    const machine = setup({
      types: { context: {} as { got: unknown } },
      actors: { good: fromPromise(async () => 0), bad: fromPromise(async () => 0) },
    }).createMachine({
      context: { got: undefined },
      initial: "a",
      states: {
        a: { invoke: { id: "g", src: "good", onDone: { target: "b", actions: assign({ got: ({ event }) => event.output }) } } },
        b: {
          invoke: {
            id: "b",
            src: "bad",
            onError: { target: "c", actions: assign({ got: ({ context, event }) => [context.got, (event.error as Error).message] }) },
          },
        },
        c: { type: "final" },
      },
    });
    const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine, children: { good, bad } }), good, bad] });
    await stand.open();
    stand.start("order", "7");
    await stand.settle();
    expect(stand.record("order", "7")).toMatchObject({ status: "done", context: { got: [5, "no luck"] } });
  });

  test("that is a task is cancelled with its parent", async () => {
    const machine = setup({ actors: { job: fromPromise(async () => "") } }).createMachine({
      initial: "a",
      states: { a: { invoke: { id: "j", src: "job", input: { endless: true } as never }, on: { stop: "b" } }, b: { type: "final" } },
    });
    const stand = new Stand({
      tasks: (process) => [defineActor({ name: "order", machine, children: { job: process.standard({ name: "rerun" }) } })],
    });
    await stand.open();
    stand.start("order", "7");
    await stand.settle();
    expect(stand.state("rerun", "order~7~j~1")).toBe("doing");
    stand.send("order", "7", { type: "stop" });
    await stand.settle();
    expect(stand.state("rerun", "order~7~j~1")).toBe("failed");
    expect(stand.running).toBe(0);
  });
});

describe("an envelope", () => {
  test.each(["xstate.done.actor.k", "xstate.stop", "xstate.after.1.x"])("from outside may not claim to be XState's: %s", async (type) => {
    const stand = stage();
    await busy(stand);
    stand.send("order", "7", { type });
    await stand.settle();
    expect(stand.state("order", "7")).toBe("busy");
    expect(stand.deadLetters).toMatchObject([{ code: "reserved_event" }]);
  });

  test("from outside may not claim to be mail", async () => {
    const stand = stage();
    await busy(stand);
    const report = { child: "k", generation: 1, event: { type: "xstate.done.actor.k" } };
    stand.raw("event", "order", "7", JSON.stringify({ kind: "report", ...report }), { [HEADERS.kind]: "report" });
    await stand.settle();
    expect(stand.state("order", "7")).toBe("busy");
  });

  test("for an actor that has ended is a dead letter", async () => {
    const stand = stage();
    await busy(stand);
    stand.send("order", "7", { type: "close" });
    stand.send("order", "7", { type: "go" });
    await stand.settle();
    expect(stand.deadLetters).toMatchObject([{ key: "order/7", code: "not_running" }]);
  });
});

describe("a machine that throws parks its actor, its last good state kept", () => {
  test.each([
    ["in an action", "boom"],
    ["because it never comes to rest", "loop"],
    ["because it sends to a child that it has not", "lost"],
  ])("%s", async (_why, type) => {
    const stand = stage();
    await busy(stand);
    stand.send("order", "7", { type });
    await stand.settle();
    expect(stand.record("order", "7")).toMatchObject({ status: "active", value: "busy", parked: { reason: "transition_threw" } });
    stand.send("order", "7", { type: "end" });
    await stand.settle();
    expect(stand.record("order", "7")).toMatchObject({ value: "idle" });
    expect(stand.record("order", "7")?.parked).toBeUndefined();
  });
});

test("a hundred children of one parent begin, answer and end", async () => {
  const ids = Array.from({ length: 100 }, (_, i) => `k${i}`);
  const machine = setup({ types: { context: {} as { told: number; done: number } }, actors: { kid } }).createMachine({
    context: { told: 0, done: 0 },
    entry: ids.map((id) => spawnChild("kid", { id })),
    on: {
      ask: { actions: ids.map((id) => sendTo(id, { type: "ask" })) },
      told: { actions: assign({ told: ({ context }) => context.told + 1 }) },
      end: { actions: ids.slice(1).map((id) => sendTo(id, { type: "end" })) },
      rest: { actions: stopChild("k0") },
      "xstate.done.actor.*": { actions: assign({ done: ({ context }) => context.done + 1 }) },
    },
  } as never);
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  for (const type of ["ask", "end", "rest"]) {
    stand.send("order", "7", { type });
    await stand.settle();
  }
  expect(stand.record("order", "7")?.context).toEqual({ told: 100, done: 99 });
  expect(stand.record("order-kid", "7~k0~1")?.status).toBe("stopped");
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

describe("what cannot be stored", () => {
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;
  const machine = setup({ types: { context: {} as { kept: unknown; n: number } }, actors: { kid } }).createMachine({
    context: { kept: "", n: 0 },
    invoke: { id: "k", src: "kid" },
    on: {
      state: { actions: assign({ kept: cyclic }) },
      message: { actions: sendTo("k", { type: "x", cyclic }) },
      large: { actions: assign({ kept: "x".repeat(5_000) }) },
      well: { actions: assign({ n: ({ context }) => context.n + 1 }) },
    },
  } as never);

  test.each([
    ["a state", "state", "bad_payload"],
    ["a message", "message", "bad_payload"],
    ["a record that is too large", "large", "too_large"],
  ])("parks the actor, and nobody waits behind it: %s", async (_what, type, reason) => {
    const stand = new Stand({ maxWriteBytes: 5_500, tasks: () => [defineActor({ name: "order", machine })] });
    await stand.open();
    stand.start("order", "7");
    stand.send("order", "7", { type });
    await stand.settle();
    expect(stand.record("order", "7")?.parked?.reason).toBe(reason);
    stand.send("order", "7", { type: "well" });
    await stand.settle();
    expect(stand.record("order", "7")?.context).toEqual({ kept: "", n: 1 });
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("as input of a start makes it a dead letter", async () => {
    const born = setup({}).createMachine({ context: { kept: cyclic } });
    const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine: born })] });
    await stand.open();
    stand.start("order", "7");
    await stand.settle();
    expect(stand.deadLetters).toMatchObject([{ key: "order/7", code: "bad_payload" }]);
  });
});

test("actors that are no family find each other by address, and answer whoever asked", async () => {
  const asker = setup({ types: { context: {} as { got: unknown } } }).createMachine({
    context: { got: undefined },
    on: {
      ask: {
        actions: sendTo(
          () => actorAt("stock/1"),
          ({ self }) => ({ type: "ask", from: self }),
        ),
      },
      lose: { actions: sendTo(() => actorAt("stock/2"), { type: "ask" }) },
      answer: { actions: assign({ got: ({ event }) => event["words"] as string }) },
    },
  });
  const stock = setup({}).createMachine({
    on: { ask: { actions: sendTo(({ event }) => event["from"] as AnyActorRef, { type: "answer", words: "plenty" }) } },
  });
  const stand = new Stand({
    tasks: () => [defineActor({ name: "asker", machine: asker }), defineActor({ name: "stock", machine: stock })],
  });
  await stand.open();
  stand.start("asker", "1");
  stand.start("stock", "1");
  await stand.settle();
  stand.send("asker", "1", { type: "ask" });
  stand.send("asker", "1", { type: "lose" });
  await stand.settle();
  expect(stand.record("asker", "1")?.context).toEqual({ got: "plenty" });
  expect(stand.deadLetters).toMatchObject([{ key: "stock/2", code: "unknown_id" }]);
});
