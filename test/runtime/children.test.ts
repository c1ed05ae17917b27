import { assign, createActor, fromPromise, sendTo, setup, spawnChild, stopChild, toPromise } from "xstate";
import { describe, expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import { logicOf } from "../../src/logic-of.ts";
import { busy, childOf, heard, kid, parts, stage } from "./order.ts";
import { Stand } from "./stage.ts";

/** Children as actors of their own. */
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
      since: stand.record("order", "7")?.createdAt,
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
      actors: { good: logicOf(good), bad: logicOf(bad) },
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
    const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine }), good, bad] });
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

test("logic that stands for a task says where it runs when nobody hosts it", async () => {
  const lone = createActor(logicOf(defineTask({ name: "good", run: () => 5 })), { input: undefined }).start();
  await expect(toPromise(lone)).rejects.toMatchObject({ code: "bad_options", about: "good" });
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
