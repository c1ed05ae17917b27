import { assign, sendTo, setup } from "xstate";
import { expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { Stand, type StandOptions } from "./stage.ts";
import { crashes } from "./trouble.ts";

/** What is sent to a child while its restart waits. */
const TTL_MS = 3_000;
const SLOW = { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 1, jitter: 0 };

const kid = setup({
  types: { context: {} as { words: readonly string[] }, events: {} as { type: "note"; word: string; size?: string } | { type: "die" } },
}).createMachine({
  context: { words: [] },
  on: {
    note: { actions: assign({ words: ({ context, event }) => [...context.words, event.word] }) },
    die: {
      actions: assign(() => {
        throw new Error("died");
      }),
    },
  },
});

interface Tell {
  readonly type: "tell" | "later" | "named";
  readonly word: string;
  readonly size?: string;
}
const note = ({ event: { word, size } }: { event: Tell }) => ({ type: "note" as const, word, ...(size === undefined ? {} : { size }) });

function stage(options: StandOptions = {}) {
  const machine = setup({ types: { events: {} as Tell | { type: "leave" } }, actors: { kid } }).createMachine({
    initial: "busy",
    states: {
      busy: {
        invoke: { id: "k", src: "kid", systemId: "clerk" },
        on: {
          tell: { actions: sendTo("k", note as never) },
          later: { actions: sendTo("k", note as never, { delay: 2_000 }) },
          named: { actions: sendTo(({ system }) => system.get("clerk") as never, note as never) },
          leave: "idle",
        },
      },
      idle: {},
    },
  });
  const stand = new Stand({ ...options, tasks: () => [defineActor({ name: "crew", machine, supervise: { backoff: SLOW } })] });
  const idNow = (): string => stand.record("crew", "1")?.children?.["k"]?.id ?? "";
  const words = (): readonly string[] =>
    (stand.record("crew-kid", idNow())?.context as { words: readonly string[] } | undefined)?.words ?? [];
  const tell = (word: string, type: Tell["type"] = "tell"): number => stand.send("crew", "1", { type, word } satisfies Tell);
  return { stand, idNow, words, tell };
}

/** The child has thrown, and its next life waits. */
async function waiting() {
  const crew = stage();
  const host = await crew.stand.open();
  crew.stand.start("crew", "1");
  await crew.stand.settle();
  const old = crew.idNow();
  crew.stand.send("crew-kid", old, { type: "die" });
  await crew.stand.settle();
  expect(crew.stand.record("crew-kid", old)?.status).toBe("stopped");
  return { ...crew, host, old };
}

test("its parent's words reach the next one, in order, also by a systemId and after a delay, whichever host begins it", async () => {
  const { stand, words, tell, host, old, idNow } = await waiting();
  tell("one");
  tell("two", "named");
  tell("four", "later");
  tell("three");
  await stand.settle();
  expect(stand.record("crew", "1")?.children?.["k"]?.held).toHaveLength(3);
  await stand.advance(3_000);
  host.kill();
  await stand.advance(TTL_MS);
  await stand.open();
  await stand.advance(20_000);
  expect(idNow()).not.toBe(old);
  expect(words()).toEqual(["one", "two", "three", "four"]);
  tell("five");
  await stand.settle();
  expect(words()).toEqual(["one", "two", "three", "four", "five"]);
  expect(stand.record("crew", "1")?.children?.["k"]?.held).toBeUndefined();
  expect(stand.deadLetters).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("what others send to the one that has ended becomes a dead letter", async () => {
  const { stand, old, words } = await waiting();
  stand.send("crew-kid", old, { type: "note", word: "lost" });
  await stand.advance(20_000);
  expect(stand.deadLetters).toMatchObject([{ key: `crew-kid/${old}`, code: "not_running" }]);
  expect(words()).toEqual([]);
});

test("what was kept becomes dead letters where the parent leaves the state that has the child", async () => {
  const { stand, old, tell } = await waiting();
  tell("one");
  tell("two");
  stand.send("crew", "1", { type: "leave" });
  await stand.advance(60_000);
  expect(stand.deadLetters).toMatchObject([
    { key: `crew-kid/${old}`, code: "not_running" },
    { key: `crew-kid/${old}`, code: "not_running" },
  ]);
  expect(stand.record("crew", "1")?.children).toEqual({});
  expect(stand.unacknowledged).toEqual([]);
});

test("more than the parent keeps becomes a dead letter at once", async () => {
  const { stand, words } = await waiting();
  for (const word of ["one", "two", "three"]) stand.send("crew", "1", { type: "tell", word, size: "x".repeat(30_000) } satisfies Tell);
  await stand.settle();
  expect(stand.deadLetters).toHaveLength(1);
  await stand.advance(20_000);
  expect(words()).toEqual(["one", "two"]);
});

const CRASHES = crashes([1, 2, 3, 4, 5]);

test.each(CRASHES)("it arrives exactly once where the host dies at $at $nth, what it sent $underWay", async ({ at, nth, underWay }) => {
  const { stand, words, tell, host } = await waiting();
  let count = 0;
  stand.world.onStep((step) => {
    if (step.kind !== at || ++count !== nth || host.isDead) return;
    host.kill(underWay);
    stand.clock.after(700, () => void stand.launch().host.start());
  });
  for (const word of ["one", "two"]) tell(word);
  await stand.advance(60_000);
  expect(words()).toEqual(["one", "two"]);
  expect(stand.deadLetters).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
