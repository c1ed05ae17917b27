import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { expect, test } from "vitest";
import { actorAt } from "../../src/actor-at.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

/** What a context may hold, over hosts; what it may not, and what becomes of the actor. */
class Money {
  readonly cents = 5;
}

interface Context {
  readonly seen: ReadonlyMap<string, Date | AnyActorRef>;
  readonly tags: ReadonlySet<string>;
  readonly list: unknown[];
  readonly bytes: Uint8Array;
  readonly big: bigint;
  readonly none: undefined;
}

function stage() {
  const machine = setup({
    types: { context: {} as Context, events: {} as { type: "see"; word: string } | { type: "tell" | "spend" | "hide" } },
  }).createMachine({
    context: () => ({
      seen: new Map<string, Date | AnyActorRef>([["other", actorAt("order/8")]]),
      tags: new Set<string>(),
      list: [],
      bytes: new Uint8Array([1, 2]),
      big: 2n ** 70n,
      none: undefined,
    }),
    on: {
      see: {
        actions: assign({
          seen: ({ context, event }) => new Map([...context.seen, [event.word, new Date(7)]]),
          tags: ({ context, event }) => new Set([...context.tags, event.word]),
        }),
      },
      tell: { actions: sendTo(({ context }) => context.seen.get("other") as AnyActorRef, { type: "see", word: "told" }) },
      spend: { actions: assign({ list: [{ price: new Money() }] }) },
      hide: { actions: assign({ list: ({ context }) => (context.list.push(new Money()), context.list) }) },
    },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  return { stand, context: (id = "7") => stand.record("order", id)?.context as Context };
}

test("a Map, a Set, a Date, a typed array, a BigInt and an absent value are the same after every host", async () => {
  const { stand, context } = stage();
  const first = await stand.open();
  for (const id of ["7", "8"]) stand.start("order", id);
  stand.send("order", "7", { type: "see", word: "a" });
  await stand.settle();
  await first.stop();
  await stand.open();
  stand.send("order", "7", { type: "see", word: "b" });
  stand.send("order", "7", { type: "tell" });
  await stand.settle();
  expect([...context().seen]).toEqual([
    ["other", { troupe$ref: "order/8", id: "order/8" }],
    ["a", new Date(7)],
    ["b", new Date(7)],
  ]);
  expect(context()).toMatchObject({ tags: new Set(["a", "b"]), bytes: new Uint8Array([1, 2]), big: 2n ** 70n });
  expect(Object.keys(context())).toContain("none");
  expect([...context("8").tags]).toEqual(["told"]);
  stand.check();
});

test("an instance of a class parks the actor, and the error names the place", async () => {
  const { stand, context } = stage();
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "spend" });
  await stand.settle();
  expect(stand.record("order", "7")?.parked).toMatchObject({
    reason: "bad_payload",
    error: {
      message: expect.stringContaining("context.list[0].price is an instance of Money") as string,
      faults: [{ path: "context.list[0].price" }],
    },
  });
  expect(context().list).toEqual([]);
});

test("one that was put into what was stored already is not stored either: its event becomes a dead letter", async () => {
  const { stand, context } = stage();
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "see", word: "a" });
  await stand.settle();
  stand.send("order", "7", { type: "hide" });
  await stand.settle();
  expect(stand.deadLetters).toMatchObject([{ key: "order/7", code: "bad_payload" }]);
  expect(context().list).toEqual([]);
});
