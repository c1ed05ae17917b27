import { assign, sendTo, setup, spawnChild, type AnyActorRef } from "xstate";
import { describe, expect, test } from "vitest";
import { actorAt } from "../../src/actor-at.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { busy, kid, stage } from "./order.ts";
import { Stand } from "./stage.ts";

/** Actors where something goes wrong, or is too late. */
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

describe("what cannot be stored", () => {
  const cyclic: { self?: object } = {};
  cyclic.self = cyclic;
  const machine = setup({ types: { context: {} as { kept: unknown; n: number } }, actors: { kid } }).createMachine({
    context: { kept: "", n: 0 },
    invoke: { id: "k", src: "kid" },
    on: {
      state: { actions: assign({ kept: cyclic }) },
      message: { actions: sendTo("k", { type: "x", cyclic }) },
      firstMessage: { actions: [spawnChild("kid", { id: "other" }), sendTo("other", { type: "x", cyclic })] },
      withChild: { actions: [spawnChild("kid", { id: "other" }), assign({ kept: cyclic })] },
      large: { actions: assign({ kept: "x".repeat(5_000) }) },
      well: { actions: assign({ n: ({ context }) => context.n + 1 }) },
    },
  } as never);

  test.each([
    ["a state", "state", "bad_payload"],
    ["a message", "message", "bad_payload"],
    ["a message to a child that has just begun", "firstMessage", "bad_payload"],
    ["a state beside a child that has just begun", "withChild", "bad_payload"],
    ["a record that is too large", "large", "too_large"],
  ])("parks the actor, and nobody waits behind it: %s", async (_what, type, reason) => {
    const stand = new Stand({ maxRecordBytes: 5_000, tasks: () => [defineActor({ name: "order", machine })] });
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

test("a child that is spawned in an assign without an id parks the actor: nobody could find it again", async () => {
  const machine = setup({ types: { context: {} as { ref: unknown } }, actors: { kid } }).createMachine({
    context: { ref: undefined },
    on: { go: { actions: assign({ ref: ({ spawn }) => spawn("kid") }) } },
  });
  const stand = new Stand({ tasks: () => [defineActor({ name: "order", machine })] });
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  await stand.settle();
  expect(stand.record("order", "7")?.parked?.error.message).toMatch(/needs an id/);
  expect(stand.record("order", "7")?.children).toBeUndefined();
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
