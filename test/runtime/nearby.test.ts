import { assign, sendParent, sendTo, setup, spawnChild } from "xstate";
import { describe, expect, test } from "vitest";
import { partitionOf } from "../../src/core/placement.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand, type StandOptions, type Work } from "./stage.ts";

/** Actors of one host that hear each other's mail before it is stored. */
const TTL_MS = 3_000;
const CHILDREN = 8;

const kid = setup({}).createMachine({
  initial: "alive",
  states: {
    alive: {
      on: { ask: { actions: sendParent(({ event }) => ({ type: "answer", n: (event as unknown as { n: number }).n })) }, bye: "over" },
    },
    over: { type: "final" },
  },
});

/** Asks for a child for each number: a task that works so many milliseconds. Done when all have ended. */
function parentOf(jobs: readonly unknown[]) {
  return setup({ types: { context: {} as { ended: number } }, actors: { job: kid } }).createMachine({
    context: { ended: 0 },
    entry: jobs.map((input, i) => spawnChild("job", { id: `j${i}`, input })),
    initial: "busy",
    states: {
      busy: {
        always: { guard: ({ context }: { context: { ended: number } }) => context.ended === jobs.length, target: "over" },
        on: {
          "xstate.done.actor.*": { actions: assign({ ended: ({ context }) => context.ended + 1 }) },
          "xstate.error.actor.*": { actions: assign({ ended: ({ context }) => context.ended + 1 }) },
        },
      },
      over: { type: "final" },
    },
  } as never);
}

function stage(jobs: readonly (Work | undefined)[], options: StandOptions = {}): Stand {
  return new Stand({
    isAcquainted: true,
    tasks: (process) => [
      defineActor({ name: "family", machine: parentOf(jobs), children: { job: process.standard({ name: "rerun" }) }, history: false }),
    ],
    ...options,
  });
}

const jobs = (work: Work): readonly Work[] => Array.from({ length: CHILDREN }, () => work);
const storedBy = (stand: Stand) => stand.stepsOf("commitApplied").map(({ commit }) => commit.writes);
const mailIn = (stand: Stand): readonly string[] =>
  storedBy(stand).flatMap((writes) =>
    writes.flatMap((write) => (write.kind === "mail" ? [write.letter.headers?.["Troupe-Kind"] ?? ""] : [])),
  );

describe("a family whose children end at once", () => {
  test("is one commit, and no mail of it is stored", async () => {
    const stand = stage(jobs({}));
    await stand.open();
    const before = storedBy(stand).length;
    stand.start("family", "1");
    await stand.settle();
    expect(stand.record("family", "1")).toMatchObject({ status: "done", context: { ended: CHILDREN } });
    expect(
      storedBy(stand)
        .slice(before)
        .map((writes) => writes.map(({ kind }) => kind)),
    ).toEqual([Array(CHILDREN + 1).fill("record")]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("sends its children over the store where its host does not know which ids there are", async () => {
    const stand = stage(jobs({}), { isAcquainted: false });
    await stand.open();
    stand.start("family", "1");
    await stand.settle();
    expect(stand.record("family", "1")?.status).toBe("done");
    expect(mailIn(stand).filter((kind) => kind === "child")).toHaveLength(CHILDREN);
  });

  test("begins no more of them than there are slots", async () => {
    const stand = stage(jobs({ ms: 10 }));
    await stand.open({ concurrency: 3 });
    stand.start("family", "1");
    await stand.advance(1_000);
    expect([stand.mostRunning, stand.record("family", "1")?.status]).toEqual([3, "done"]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });
});

describe("what near mail leaves open", () => {
  test("has a reminder in the same commit, and goes on in the next host", async () => {
    const stand = stage([{ ms: 1_000 }, {}]);
    const first = await stand.open();
    stand.start("family", "1");
    await stand.advance(500);
    expect(mailIn(stand)).toEqual(["reminder"]);
    expect(stand.unacknowledged).toEqual([expect.stringMatching(/mail\.event rerun\/family~1~j0~1$/)]);
    first.kill();
    await stand.advance(TTL_MS);
    await stand.open();
    await stand.advance(10_000);
    expect(stand.record("family", "1")?.status).toBe("done");
    expect(stand.runsOf("rerun/family~1~j0~1").map(({ host }) => host)).toEqual(["host-1", "host-2"]);
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  });

  test("and is settled before it comes needs none", async () => {
    const stand = stage([{}]);
    await stand.open();
    stand.start("family", "1");
    await stand.settle();
    expect(mailIn(stand)).toEqual([]);
  });
});

test("a commit that a lost partition refuses is refused for all who are in it: none of it shows, and all of it happens once", async () => {
  const stand = stage(jobs({}));
  await stand.open();
  const members = [["family", "1"], ...jobs({}).map((_, i) => ["rerun", `family~1~j${i}~${i + 1}`])];
  expect(new Set(members.map(([type = "", id = ""]) => partitionOf(type, id, 2))).size).toBe(2);
  stand.world.faults.failCommits({ kind: "conflict" }, { times: 1, when: ({ writes }) => writes.length > CHILDREN });
  stand.start("family", "1");
  await stand.settle();
  expect(stand.record("family", "1")).toBeUndefined();
  await stand.advance(20_000);
  expect(stand.record("family", "1")).toMatchObject({ status: "done", context: { ended: CHILDREN } });
  expect([...stand.laws.ends].filter(([key]) => key.includes("~")).map(([, ends]) => ends)).toEqual(jobs({}).map(() => ["done"]));
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});

test("a child that could not begin is what it is over the store: a dead letter, and its parent hears why", async () => {
  const stand = stage([{}, { ms: 0 }], {
    tasks: (process) => {
      const job = process.task<Work, string>({
        name: "job",
        input: {
          "~standard": {
            version: 1,
            vendor: "test",
            validate: (value) => ("ms" in (value as object) ? { issues: [{ message: "no" }] } : { value: value as Work }),
          },
        },
        run: async () => "made",
      });
      return [job, defineActor({ name: "family", machine: parentOf([{}, { ms: 0 }]), children: { job }, history: false })];
    },
  });
  await stand.open();
  stand.start("family", "1");
  await stand.advance(1_000);
  expect(stand.deadLetters).toMatchObject([{ key: "job/family~1~j1~2", code: "invalid_input" }]);
  expect(stand.record("family", "1")).toMatchObject({ status: "done", context: { ended: 2 } });
  expect(stand.unacknowledged).toEqual([]);
});

test("what is sent near does not overtake what its sender sent over the store", async () => {
  const asker = setup({ types: { context: {} as { answers: readonly number[] } }, actors: { kid } }).createMachine({
    context: { answers: [] },
    entry: [spawnChild("kid", { id: "k" }), ...[0, 1, 2].map((n) => sendTo("k", { type: "ask", n }))],
    on: {
      ask: { actions: sendTo("k", ({ event }) => event as never) },
      answer: { actions: assign({ answers: ({ context, event }) => [...context.answers, (event as unknown as { n: number }).n] }) },
    },
  } as never);
  // The child begins over the store, so what it is asked first waits for it there.
  const stand = new Stand({ maxLatencyMs: 30, tasks: () => [defineActor({ name: "asker", machine: asker })] });
  await stand.open();
  stand.start("asker", "1");
  for (const n of [3, 4, 5]) stand.send("asker", "1", { type: "ask", n });
  await stand.advance(2_000);
  expect(stand.record("asker", "1")?.context).toEqual({ answers: [0, 1, 2, 3, 4, 5] });
  stand.check();
});

const lodger = setup({}).createMachine({ initial: "in", states: { in: {} } });
const landlord = setup({ types: { context: {} as { knocks: number } }, actors: { lodger } }).createMachine({
  context: { knocks: 0 },
  invoke: { id: "lodger", src: "lodger" },
  on: { knock: { actions: [assign({ knocks: ({ context }) => context.knocks + 1 }), sendTo("lodger", { type: "knock" })] } },
});

test("a host goes on after a turn that was joint with one that came to nothing, and is a single write", async () => {
  const stand = new Stand({ isAcquainted: true, tasks: () => [defineActor({ name: "landlord", machine: landlord, history: false })] });
  await stand.open({ soonRounds: 0 });
  stand.start("landlord", "1");
  for (let i = 0; i < 3; i++) stand.send("landlord", "1", { type: "knock" });
  await stand.settle();
  stand.send("landlord", "1", { type: "knock" });
  await stand.settle();
  // Nothing that takes more than one write would be stored any more.
  stand.start("landlord", "2");
  await stand.advance(1_000);
  expect(stand.record("landlord", "1")?.context).toEqual({ knocks: 4 });
  expect(stand.record("landlord", "2")?.context).toEqual({ knocks: 0 });
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
