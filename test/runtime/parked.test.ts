import { assign, fromCallback, raise, setup } from "xstate";
import { expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import type { ActivityOptions } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

/** Actors that were set aside, and what they left open. */
const boom = (): never => {
  throw new Error("boom");
};

/** Two callbacks and a timer; `alive` holds who listens on which host. */
function stage(onCrash?: Readonly<Record<"first" | "second", ActivityOptions>>) {
  const alive: string[] = [];
  const stand = new Stand({
    tasks: (process) => {
      const listener = (name: string) =>
        fromCallback(() => {
          const words = `${name} on ${process.name}`;
          if (!process.isDead) alive.push(words);
          return () => void alive.splice(alive.indexOf(words), 1);
        });
      const machine = setup({
        types: { context: {} as { n: number; heard: readonly string[] } },
        actors: { first: listener("first"), second: listener("second") },
        actions: { up: assign({ n: ({ context }) => context.n + 1 }), boom: assign(boom) },
      }).createMachine({
        context: { n: 0, heard: [] },
        invoke: [
          { id: "a", src: "first", onError: { actions: "boom" } },
          { id: "b", src: "second", onError: { actions: "up" } },
        ],
        on: { boom: { actions: "boom" }, up: { actions: "up" }, soon: { actions: raise({ type: "up" }, { delay: 2_000 }) } },
      });
      return [defineActor({ name: "order", machine, ...(onCrash === undefined ? {} : { activities: onCrash }) })];
    },
  });
  const record = () => stand.record("order", "7");
  return { stand, alive, record, context: () => record()?.context as { n: number } };
}

test("work that runs goes on while its actor is parked, and is not begun a second time when it is resumed", async () => {
  const { stand, alive, record } = stage();
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "boom" });
  await stand.settle();
  expect(record()?.parked?.reason).toBe("transition_threw");
  stand.send("order", "7", { type: "retry", drop: true });
  await stand.settle();
  expect(record()?.parked).toBeUndefined();
  expect(alive).toEqual(["first on host-1", "second on host-1"]);
});

test.each(["up", "retry"])("whoever takes up a parked actor of another host's takes up its work and timers as well (%s)", async (type) => {
  const { stand, alive, record, context } = stage();
  const first = await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "soon" });
  stand.send("order", "7", { type: "boom" });
  await stand.settle();
  first.kill();
  alive.length = 0;
  await stand.open();
  await stand.advance(30_000);
  expect(alive).toEqual([]);
  stand.send("order", "7", { type, drop: true });
  await stand.settle();
  await stand.advance(1_000);
  expect(record()?.parked).toBeUndefined();
  expect(alive).toEqual(["first on host-2", "second on host-2"]);
  expect(context().n).toBe(type === "up" ? 2 : 1);
  expect(record()?.timers).toEqual({});
});

test("a machine that throws at what its work's crash tells it is parked; its partition goes on", async () => {
  const { stand, record } = stage({ first: { onCrash: "fail" }, second: { onCrash: "rerun" } });
  const first = await stand.open();
  stand.start("order", "7");
  await stand.settle();
  first.kill();
  const second = await stand.open();
  await stand.advance(30_000);
  stand.send("order", "8", { type: "up" });
  stand.start("order", "7");
  await stand.settle();
  expect(record()?.parked?.reason).toBe("transition_threw");
  expect(second.phases).toEqual(["running", "running"]);
});

test("where one work's crash parks and another's is an error, the actor hears the error and stays parked", async () => {
  const { stand, record, context } = stage({ first: { onCrash: "park" }, second: { onCrash: "fail" } });
  const first = await stand.open();
  stand.start("order", "7");
  await stand.settle();
  first.kill();
  await stand.open();
  await stand.advance(30_000);
  stand.send("order", "7", { type: "up" });
  await stand.settle();
  expect(record()?.parked?.reason).toBe("crashed");
  expect(context().n).toBe(2);
  expect(Object.keys(record()?.activities ?? {})).toEqual(["a"]);
});

test.each([Number.NaN, Infinity, 1e15])("a delay that no timer can have parks its actor (%d)", async (delay) => {
  const machine = setup({}).createMachine({ on: { go: { actions: raise({ type: "x" }, { delay }) } } });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  await stand.settle();
  expect(stand.record("order", "7")?.parked?.error.message).toContain(`The delay of "x" is ${delay}`);
  expect(stand.deadLetters).toEqual([]);
});

test("a delay below nothing is none", async () => {
  const machine = setup({ types: { context: {} as { n: number } } }).createMachine({
    context: { n: 0 },
    on: { go: { actions: raise({ type: "x" }, { delay: -5 }) }, x: { actions: assign({ n: 1 }) } },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  await stand.advance(1);
  expect(stand.record("order", "7")?.context).toEqual({ n: 1 });
});
