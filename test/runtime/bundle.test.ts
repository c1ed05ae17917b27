import { assign, sendParent, sendTo, setup, spawnChild, stopChild } from "xstate";
import { expect, test } from "vitest";
import { decodeBody, MSGPACK } from "../../src/core/codec.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import type { Write } from "../../src/ports/store.ts";
import { bundled } from "../../src/runtime/bundle.ts";
import { mailWrite } from "../../src/runtime/post.ts";
import { Stand } from "./stage.ts";

/** What many children say of their end travels to their parent in one message. */
const CHILDREN = 20;
const parent = { type: "order", id: "7" };
const record = { kind: "record", partition: 0, address: parent, bytes: new Uint8Array(1) } as const satisfies Write;
const said = (child: string, type: string, to = parent): Write =>
  mailWrite({ kind: "report", to: { ...to, child, generation: 1, root: to }, event: { type, text: "x".repeat(100) } }, `of ${child}`, 1);
const done = (child: string, to?: typeof parent): Write => said(child, `xstate.done.actor.${child}`, to);
const kindOf = (write: Write): string => ("letter" in write ? (write.letter.headers?.[HEADERS.kind] ?? "") : write.kind);
const childrenIn = (write: Write): readonly string[] => {
  if (kindOf(write) !== "bundle" || !("letter" in write)) return [];
  const bodies = decodeBody(write.letter.body, MSGPACK) as readonly Uint8Array[];
  return bodies.map((body) => (decodeBody(body, MSGPACK) as { child: string }).child);
};

test("last words to the same actor go together, in order, after everything else that was said, before the last record", () => {
  const other = { type: "order", id: "8" };
  const writes = [done("a"), said("b", "xstate.snapshot.b"), record, done("b"), done("c", other), record];
  const after = bundled(writes, 125);
  expect(after.map(kindOf)).toEqual(["report", "record", "report", "bundle", "record"]);
  expect(childrenIn(after[3] as Write)).toEqual(["a", "b"]);
});

test("where there is nothing to put together the writes are the same", () => {
  const writes = [done("a"), said("b", "xstate.snapshot.b"), said("c", "xstate.snapshot.c"), record];
  expect(bundled(writes, 125)).toBe(writes);
});

test("no bundle is larger than one message should be", () => {
  const after = bundled([...Array.from({ length: 1_000 }, (_, n) => done(`c${n}`)), record], 125);
  expect(after.flatMap(childrenIn)).toEqual(Array.from({ length: 1_000 }, (_, n) => `c${n}`));
  for (const write of after) expect("letter" in write ? write.letter.body.length : 0).toBeLessThan(70_000);
});

const kid = setup({ types: { input: {} as { n: number }, context: {} as { n: number } } }).createMachine({
  context: ({ input }) => input,
  initial: "alive",
  states: {
    alive: { on: { end: { target: "over", actions: sendParent(({ context }) => ({ type: "told", n: context.n })) } } },
    over: { type: "final" },
  },
});
interface Family {
  readonly told: readonly number[];
  readonly ended: readonly string[];
}
const machine = setup({ types: { context: {} as Family }, actors: { kid } }).createMachine({
  context: ({ spawn }) => {
    for (let n = 0; n < CHILDREN; n++) spawn("kid", { id: `k${n}`, input: { n } });
    return { told: [], ended: [] };
  },
  on: {
    told: { actions: assign({ told: ({ context, event }) => [...context.told, event["n"] as number] }) },
    "xstate.done.actor.*": { actions: assign({ ended: ({ context, event }) => [...context.ended, event.type.slice(18)] }) },
  },
});

/** Every child is sent its end at one instant, and the host dies at the given step after that. */
async function endAll(dieAfter = Infinity): Promise<{ stand: Stand; family: () => Family; steps: number }> {
  const stand = new Stand({ nearMail: false, tasks: () => [defineActor({ name: "order", machine })] });
  const first = await stand.open();
  stand.start("order", "7");
  await stand.settle();
  let steps = 0;
  stand.world.onStep(() => {
    if (steps++ === dieAfter) first.kill();
  });
  for (const { type, id } of Object.values(stand.record("order", "7")?.children ?? {})) stand.send(type, id, { type: "end" });
  await stand.settle();
  const context = (): Family => stand.record("order", "7")?.context as Family;
  return { stand, family: context, steps };
}

test("a parent hears of each child's end once, after all else that it said, by fewer deliveries than children", async () => {
  const { stand, family } = await endAll();
  const mail = stand.world.turns({ type: "order", id: "7" }).length;
  expect(mail).toBeGreaterThan(CHILDREN);
  expect([...family().told].sort((a, b) => a - b)).toEqual(Array.from({ length: CHILDREN }, (_, n) => n));
  expect([...family().ended].sort()).toEqual(Array.from({ length: CHILDREN }, (_, n) => `k${n}`).sort());
  const bundles = stand.stepsOf("commitApplied").flatMap(({ commit }) => commit.writes.filter((write) => kindOf(write) === "bundle"));
  expect(bundles.length).toBeGreaterThan(0);
  expect(bundles.flatMap(childrenIn).length).toBeGreaterThan(bundles.length);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("wherever its host dies: once each", async () => {
  const { steps } = await endAll();
  for (let dieAfter = 0; dieAfter < steps; dieAfter += 7) {
    const { stand, family } = await endAll(dieAfter);
    await stand.open();
    await stand.advance(30_000);
    expect([...family().ended].sort(), `after ${dieAfter} steps`).toEqual(Array.from({ length: CHILDREN }, (_, n) => `k${n}`).sort());
    expect(family().told, `after ${dieAfter} steps`).toHaveLength(CHILDREN);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  }
});

const quiet = setup({}).createMachine({ initial: "alive", states: { alive: { on: { end: "over" } }, over: { type: "final" } } });
const leaver = setup({ types: { context: {} as { ended: readonly string[] } }, actors: { quiet } }).createMachine({
  context: { ended: [] },
  entry: ["a", "b", "c"].map((id) => spawnChild("quiet", { id })),
  on: {
    // The first is left in the turn that ends all of them: nothing is heard of it any more.
    go: { actions: [...["a", "b", "c"].map((id) => sendTo(id, { type: "end" })), stopChild("a")] },
    "xstate.done.actor.*": { actions: assign({ ended: ({ context, event }) => [...context.ended, event.type.slice(18)] }) },
  },
} as never);

test("what comes in one bundle with something that is not heard is heard, also where nobody idle may stay in memory", async () => {
  const stand = new Stand({ nearMail: false, tasks: () => [defineActor({ name: "leaver", machine: leaver })] });
  await stand.open({ cacheBytes: 0 });
  stand.start("leaver", "1");
  await stand.settle();
  stand.send("leaver", "1", { type: "go" });
  await stand.settle();
  const bundles = stand.stepsOf("commitApplied").flatMap(({ commit }) => commit.writes.filter((write) => kindOf(write) === "bundle"));
  expect(bundles.map(childrenIn)).toEqual([["a", "b", "c"]]);
  expect(stand.record("leaver", "1")?.context).toEqual({ ended: ["b", "c"] });
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
