import { describe, expect, test } from "vitest";
import { answersTo, ask, counting } from "./asking.ts";
import type { Stand } from "./stage.ts";

async function opened(): Promise<Stand> {
  const stand = counting();
  await stand.open();
  stand.start("counter", "7");
  stand.start("fragile", "7");
  await stand.settle();
  return stand;
}

describe("an ask is answered", () => {
  test("by a send to the event's replyTo, once its turn is stored", async () => {
    const stand = await opened();
    ask(stand, "count", "inbox.1");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toEqual([{ type: "counted", count: 1 }]);
    expect(stand.unacknowledged).toEqual([]);
  });

  test("and not before: an answer of a turn that is lost with its commit never leaves", async () => {
    const stand = await opened();
    const [first] = stand.processes;
    stand.world.onStep((step) => {
      if (step.kind === "commitSent") first?.kill("lost");
    });
    ask(stand, "count", "inbox.1");
    await stand.settle();
    expect(first?.isDead).toBe(true);
    expect(answersTo(stand, "inbox.1")).toEqual([]);
  });

  test("later, from another host, by a reference kept in the context", async () => {
    const stand = await opened();
    ask(stand, "count.later", "inbox.1");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toEqual([]);
    stand.processes[0]?.kill();
    await stand.open();
    stand.send("counter", "7", { type: "tell" });
    await stand.until(() => answersTo(stand, "inbox.1").length > 0);
    expect(answersTo(stand, "inbox.1")).toEqual([{ type: "counted", count: 0 }]);
  });

  test("after a delay, and by an action of the user's own", async () => {
    const stand = await opened();
    ask(stand, "count.slowly", "inbox.1");
    ask(stand, "count.act", "inbox.2");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toEqual([]);
    expect(answersTo(stand, "inbox.2")).toEqual([{ type: "counted", count: 0 }]);
    await stand.advance(600);
    expect(answersTo(stand, "inbox.1")).toEqual([{ type: "counted", count: 0 }]);
  });

  test("by an actor that ends with it", async () => {
    const stand = await opened();
    ask(stand, "count.last", "inbox.1");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toEqual([{ type: "counted", count: 0 }]);
    expect(stand.record("counter", "7")?.status).toBe("done");
  });

  test("once it begins to be, where its start is on its way", async () => {
    const stand = counting();
    ask(stand, "count", "inbox.1");
    stand.start("counter", "7");
    await stand.open();
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toEqual([{ type: "counted", count: 1 }]);
  });
});

describe("an ask that nobody will answer is told why", () => {
  test.each([
    ["there is no such actor", "counter/8", "count", "unknown_id"],
    ["nobody hosts its type", "nobody/8", "count", "unknown_type"],
    ["its state does not take the event", "counter/7", "unheard", "not_accepted"],
    ["the event is one of XState's own", "counter/7", "xstate.stop", "reserved_event"],
    ["the machine throws, and the actor is parked", "counter/7", "boom", "parked"],
    ["the machine throws, and the actor fails", "fragile/7", "boom", "not_running"],
    ["the answer cannot be written down", "counter/7", "count.odd", "parked"],
    ["the actor ends without a word", "counter/7", "close", "not_running"],
  ])("%s", async (_why, key, type, code) => {
    const stand = await opened();
    ask(stand, type, "inbox.1", key);
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toMatchObject([{ error: { code } }]);
    expect(stand.unacknowledged).toEqual([]);
  });

  test.each(["count", "cancel"])("the actor has ended before: %s", async (type) => {
    const stand = await opened();
    stand.send("counter", "7", { type: "close" });
    ask(stand, type, "inbox.1");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toMatchObject([{ error: { code: "not_running" } }]);
  });

  test("the actor is parked, and what it hears does not take it up again", async () => {
    const stand = await opened();
    stand.send("counter", "7", { type: "boom" });
    ask(stand, "unheard", "inbox.1");
    ask(stand, "count", "inbox.2");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toMatchObject([{ error: { code: "parked", cause: { code: "transition_threw" } } }]);
    expect(answersTo(stand, "inbox.2")).toEqual([{ type: "counted", count: 1 }]);
  });

  test("and hears nothing yet where an answer may still come", async () => {
    const stand = await opened();
    ask(stand, "count.silent", "inbox.1");
    await stand.settle();
    expect(answersTo(stand, "inbox.1")).toEqual([]);
  });
});

describe("an answer is not lost", () => {
  test("whichever step its host dies at: it arrives, at least once, and the turn is applied once", async () => {
    const steps = await countSteps();
    expect(steps).toBeGreaterThan(5);
    for (const underWay of ["lost", "seeded"] as const) {
      for (let at = 0; at < steps; at++) {
        const stand = await opened();
        killAtStep(stand, at, underWay);
        ask(stand, "count", "inbox.1");
        await stand.settle();
        await stand.open();
        await stand.until(() => answersTo(stand, "inbox.1").length > 0 && stand.unacknowledged.length === 0);
        const answers = answersTo(stand, "inbox.1");
        expect(new Set(answers.map((answer) => JSON.stringify(answer))), `killed at step ${at}`).toEqual(
          new Set(['{"type":"counted","count":1}']),
        );
        expect(stand.record("counter", "7")?.context).toMatchObject({ count: 1 });
        stand.check();
      }
    }
  });

  test("when the connection breaks right after the commit", async () => {
    const stand = await opened();
    const attachment = stand.processes[0]?.attachment;
    let isCut = false;
    stand.world.onStep((step) => {
      if (step.kind !== "commitAnswered" || isCut) return;
      isCut = true;
      stand.clock.soon(() => attachment?.disconnect("lost"));
    });
    ask(stand, "count", "inbox.1");
    await stand.settle();
    expect(isCut).toBe(true);
    attachment?.reconnect();
    await stand.until(() => answersTo(stand, "inbox.1").length > 0);
    expect(answersTo(stand, "inbox.1")).toContainEqual({ type: "counted", count: 1 });
    await stand.until(() => stand.unacknowledged.length === 0);
  });

  test("and does not stay in the record: the next turn stores it no longer", async () => {
    const stand = await opened();
    ask(stand, "count", "inbox.1");
    await stand.settle();
    expect(stand.record("counter", "7")?.replies).toHaveLength(1);
    stand.send("counter", "7", { type: "add" });
    await stand.settle();
    expect(stand.record("counter", "7")).toMatchObject({ context: { count: 2 } });
    expect(stand.record("counter", "7")?.replies).toBeUndefined();
  });
});

async function countSteps(): Promise<number> {
  const stand = await opened();
  const before = stand.steps.length;
  ask(stand, "count", "inbox.1");
  await stand.settle();
  return stand.steps.length - before;
}

function killAtStep(stand: Stand, at: number, underWay: "lost" | "seeded"): void {
  const [victim] = stand.processes;
  let count = 0;
  stand.world.onStep(() => {
    if (count++ === at) victim?.kill(underWay);
  });
}
