import { assign, fromPromise, setup } from "xstate";
import { describe, expect, test } from "vitest";
import { encodeJson } from "../../src/core/codec.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import { crewOf, kid, tell } from "./crew.ts";
import { Stand, type StandOptions } from "./stage.ts";
import { crashes } from "./trouble.ts";

/** What a machine threw at: kept while its actor is parked, and heard once, or told to be lost. */
const TTL_MS = 3_000;

interface Note {
  readonly type: "note";
  readonly word: string;
  readonly size?: string;
}

/** Notes down what it is sent, but throws at the words in `broken`, which a deploy may mend. */
function stage(options: StandOptions & Pick<ActorOptions<never>, "onThrow"> = {}) {
  const broken = new Set<string>();
  const runs: string[] = [];
  const { onThrow = "park", ...world } = options;
  const stand = new Stand({
    ...world,
    tasks: (process) => {
      const note = ({
        context,
        event,
      }: {
        context: { words: readonly string[] };
        event: { word?: string; output?: string; type: string };
      }) => {
        const word = event.word ?? event.output ?? event.type;
        if (broken.has(word)) throw new Error(`cannot take ${word}`);
        return [...context.words, word];
      };
      const work = fromPromise(async () => {
        if (process.isDead) return new Promise<never>(() => {});
        runs.push(process.name);
        return "made";
      });
      const machine = setup({ types: { context: {} as { words: readonly string[] } }, actors: { work } }).createMachine({
        context: { words: [] },
        initial: "idle",
        on: { note: { actions: assign({ words: note as never }) }, work: ".working", wait: ".waiting" },
        states: {
          idle: {},
          working: { invoke: { id: "w", src: "work", onDone: { target: "idle", actions: assign({ words: note as never }) } } },
          waiting: { after: { 1_000: { target: "idle", actions: assign({ words: note as never }) } } },
        },
      });
      return [defineActor({ name: "book", machine, onThrow, activities: { work: { onCrash: "fail" } } })];
    },
  });
  const send = (word: string): number => stand.send("book", "1", { type: "note", word } satisfies Note);
  const record = () => stand.record("book", "1");
  const words = (): readonly string[] => (record()?.context as { words: readonly string[] } | undefined)?.words ?? [];
  return { stand, broken, runs, send, record, words };
}

async function parkedAt(...some: readonly string[]) {
  const book = stage();
  for (const word of some) book.broken.add(word);
  const host = await book.stand.open();
  book.stand.start("book", "1");
  for (const word of some) book.send(word);
  await book.stand.settle();
  return { ...book, host };
}

describe("retry", () => {
  test("hears what the machine threw at, all of it and in order, before anything else", async () => {
    const { stand, broken, send, record, words } = await parkedAt("one", "two");
    expect(record()?.parked?.unheard).toMatchObject([{ event: { word: "one" } }, { event: { word: "two" } }]);
    expect(stand.unacknowledged).toEqual([]);
    broken.clear();
    stand.send("book", "1", { type: "retry" });
    send("three");
    await stand.settle();
    expect(words()).toEqual(["one", "two", "three"]);
    expect(record()?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
    stand.check();
  });

  test("parks it again with what it throws at once more and with what came after that", async () => {
    const { stand, broken, record, words } = await parkedAt("one", "two", "three");
    broken.delete("one");
    stand.send("book", "1", { type: "retry" });
    await stand.settle();
    expect(words()).toEqual(["one"]);
    expect(record()?.parked).toMatchObject({ error: { message: expect.stringContaining("cannot take two") as string } });
    expect(record()?.parked?.unheard).toMatchObject([{ event: { word: "two" } }, { event: { word: "three" } }]);
    broken.clear();
    stand.send("book", "1", { type: "retry" });
    await stand.settle();
    expect(words()).toEqual(["one", "two", "three"]);
    expect(stand.deadLetters).toEqual([]);
  });

  test("brings it on another host, which may have another version of the code", async () => {
    const { stand, broken, words, host } = await parkedAt("one");
    await host.stop();
    broken.clear();
    await stand.open();
    await stand.advance(30_000);
    expect(words()).toEqual([]);
    stand.send("book", "1", { type: "retry" });
    await stand.settle();
    expect(words()).toEqual(["one"]);
  });

  test("brings the result of work again, and does not do the work twice", async () => {
    const { stand, broken, runs, record, words } = await parkedAt();
    for (const word of ["made", "xstate.error.actor.w"]) broken.add(word);
    const ends = { type: "work" };
    stand.send("book", "1", ends);
    await stand.settle();
    expect(record()?.parked?.unheard).toMatchObject([{ kind: "settled", event: { type: "xstate.done.actor.w", output: "made" } }]);
    broken.clear();
    stand.send("book", "1", { type: "retry" });
    await stand.settle();
    expect(words()).toEqual(["made"]);
    expect(record()).toMatchObject({ value: "idle", activities: {} });
    expect(runs).toEqual(["host-1"]);
    expect(stand.unacknowledged).toEqual([]);
  });

  test("brings a timer again, once", async () => {
    const { stand, broken, record, words } = await parkedAt();
    const due = "xstate.after.1000.(machine).waiting";
    broken.add(due);
    stand.send("book", "1", { type: "wait" });
    await stand.advance(1_000);
    expect(record()?.parked?.unheard).toMatchObject([{ kind: "timer" }]);
    broken.clear();
    stand.send("book", "1", { type: "retry" });
    await stand.advance(5_000);
    expect(words()).toEqual([due]);
    expect(record()?.timers).toEqual({});
    expect(stand.unacknowledged).toEqual([]);
  });
});

describe("what is not heard again", () => {
  test("becomes a dead letter when something else takes the actor up, and can be sent once more", async () => {
    const { stand, send, record, words } = await parkedAt("one");
    send("two");
    await stand.settle();
    expect(record()?.parked).toBeUndefined();
    expect(words()).toEqual(["two"]);
    expect(stand.deadLetters).toMatchObject([{ key: "book/1", code: "transition_threw" }]);
    const [letter] = stand.world.deadLetters;
    expect(JSON.parse(Buffer.from(letter?.letter.body ?? []).toString())).toEqual({ type: "note", word: "one" });
    expect(letter?.letter.headers?.[HEADERS.origin]).toBe("event");
  });

  test("is dropped on request, and becomes a dead letter", async () => {
    const { stand, send, record, words } = await parkedAt("one", "two");
    stand.send("book", "1", { type: "retry", drop: true });
    await stand.settle();
    expect(record()?.parked).toBeUndefined();
    expect(words()).toEqual([]);
    expect(stand.deadLetters.map(({ code }) => code)).toEqual(["transition_threw", "transition_threw"]);
    send("three");
    await stand.settle();
    expect(words()).toEqual(["three"]);
  });

  test("is too large to be kept: the record says so, and there is a dead letter", async () => {
    const { stand, broken, record } = await parkedAt();
    broken.add("one");
    const large = { type: "note", word: "one", size: "x".repeat(100_000) } satisfies Note;
    stand.send("book", "1", large);
    await stand.settle();
    expect(record()?.parked).toMatchObject({ reason: "transition_threw", tooLarge: 1 });
    expect(record()?.parked?.unheard).toBeUndefined();
    const [letter] = stand.world.deadLetters;
    expect(Buffer.from(letter?.letter.body ?? [])).toEqual(Buffer.from(encodeJson(large)));
  });

  test("is an ask: whoever asked was told that it was refused", async () => {
    const { stand, broken, record, words } = await parkedAt();
    broken.add("one");
    stand.raw("event", "book", "1", JSON.stringify({ type: "note", word: "one" }), { [HEADERS.replyTo]: "inbox" });
    await stand.settle();
    expect(stand.replies).toMatchObject([{ error: { code: "parked" } }]);
    expect(record()?.parked?.unheard).toBeUndefined();
    broken.clear();
    stand.send("book", "1", { type: "retry" });
    await stand.settle();
    expect(words()).toEqual([]);
    expect(record()?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
  });

  test("is what a supervised child threw at: `resume` keeps its state and drops the event", async () => {
    const { stand } = await crewOf({ directive: "resume" });
    for (const word of ["count", "boom", "count"]) tell(stand, "b", word);
    await stand.settle();
    expect(kid(stand, "b")).toMatchObject({ context: { heard: 2 } });
    expect(kid(stand, "b")?.parked).toBeUndefined();
    expect(stand.deadLetters).toEqual([]);
    stand.check();
  });
});

/** Every step at which a host may die, from the event at which the machine throws to the end of the retry. */
const CRASHES = crashes([1, 2, 3, 4]);

test.each(CRASHES)("it is heard exactly once where the host dies at $at $nth, what it sent $underWay", async ({ at, nth, underWay }) => {
  const { stand, broken, send, record, words } = stage();
  const first = await stand.open();
  stand.start("book", "1");
  await stand.settle();
  for (const word of ["one", "two"]) broken.add(word);
  let count = 0;
  stand.world.onStep((step) => {
    if (step.kind !== at || ++count !== nth || first.isDead) return;
    first.kill(underWay);
    stand.clock.after(700, () => void stand.launch().host.start());
  });
  send("one");
  send("two");
  await stand.until(() => record()?.parked?.unheard?.length === 2);
  broken.clear();
  stand.send("book", "1", { type: "retry" });
  send("three");
  await stand.until(() => words().length === 3);
  await stand.advance(TTL_MS + 30_000);
  expect(words()).toEqual(["one", "two", "three"]);
  expect(record()?.parked).toBeUndefined();
  expect(stand.deadLetters).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
