import * as fc from "fast-check";
import { assign, sendParent, sendTo, setup, spawnChild, type AnyStateMachine } from "xstate";
import { expect, test } from "vitest";
import { isEnded } from "../../src/core/record.ts";
import { defineActor } from "../../src/define-actor.ts";
import type { Process } from "./process.ts";
import { Stand, type Work } from "./stage.ts";
import { eachSource, launchInTrouble, setting, type Setting } from "./trouble.ts";

/** Parents and children that say something to each other, near and over the store, whatever happens to their hosts. */

interface Family {
  readonly policy: "rerun" | "fail";
  /** How long each child that is a task works. */
  readonly jobs: readonly number[];
  /** How often the child that is an actor is asked for an answer. */
  readonly questions: number;
}

interface Scenario extends Setting {
  readonly partitions: number;
  readonly maxWrites: number;
  readonly nearMail: boolean;
  readonly families: readonly Family[];
}

const scenario: fc.Arbitrary<Scenario> = fc.record({
  ...setting,
  partitions: fc.constantFrom(2, 5),
  maxWrites: fc.constantFrom(12, 1_000, 1_000),
  nearMail: fc.constantFrom(true, true, true, false),
  families: fc.array(
    fc.record({
      policy: fc.constantFrom("rerun", "fail"),
      jobs: fc.array(fc.constantFrom(0, 0, 0, 20, 2_500), { minLength: 1, maxLength: 8 }),
      questions: fc.integer({ min: 1, max: 5 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

const echo = setup({}).createMachine({
  initial: "alive",
  states: {
    alive: {
      on: { ask: { actions: sendParent(({ event }) => ({ type: "answer", n: (event as unknown as { n: number }).n })) }, bye: "over" },
    },
    over: { type: "final" },
  },
});

interface Heard {
  readonly answers: readonly number[];
  readonly ended: readonly string[];
}
const heard = (what: (context: Heard, event: { readonly type: string; readonly n?: number }) => Partial<Heard>) =>
  assign(({ context, event }) => what(context as Heard, event as never) as never);
const ended = heard((context, { type }) => ({ ended: [...context.ended, type.slice(type.lastIndexOf(".") + 1)] }));

/** Done once every child has ended; `bye` goes to the one that answers after its last answer. */
function parentOf({ jobs, questions }: Family): AnyStateMachine {
  const children = jobs.length + 1;
  return setup({ actors: { echo, job: echo } }).createMachine({
    context: { answers: [], ended: [] },
    entry: [
      spawnChild("echo", { id: "echo" }),
      ...jobs.map((ms, i) => spawnChild("job", { id: `job${i}`, input: { ms } satisfies Work })),
      ...Array.from({ length: questions }, (_, n) => sendTo("echo", { type: "ask", n })),
    ],
    initial: "busy",
    states: {
      busy: {
        always: [{ guard: ({ context }: { context: Heard }) => context.ended.length === children, target: "over" }],
        on: {
          answer: [
            {
              guard: ({ context }: { context: Heard }) => context.answers.length === questions - 1,
              actions: [heard(({ answers }, { n = -1 }) => ({ answers: [...answers, n] })), sendTo("echo", { type: "bye" })],
            },
            { actions: heard(({ answers }, { n = -1 }) => ({ answers: [...answers, n] })) },
          ],
          "xstate.done.actor.*": { actions: ended },
          "xstate.error.actor.*": { actions: ended },
        },
      },
      over: { type: "final" },
    },
  } as never) as unknown as AnyStateMachine;
}

const LONGEST_MS = 600_000;

async function play(plan: Scenario): Promise<Stand> {
  const { seed, latencyMs, overlap, partitions, maxWrites, nearMail, concurrency, soonRounds, knownIds, families } = plan;
  const tasks = (process: Process) =>
    families.map((family, i) => {
      const job = process.standard({ name: family.policy, onCrash: family.policy });
      return defineActor({ name: `family${i}`, machine: parentOf(family), children: { job } });
    });
  const stand = new Stand({ seed, partitions, maxLatencyMs: latencyMs, singlesOverlap: overlap, maxWrites, nearMail, tasks });
  launchInTrouble(stand, plan, plan.hosts, { concurrency, soonRounds, knownIds });
  // The first few only make a census worth while.
  for (let i = 0; i < 6; i++) stand.start("rerun", `before${i}`);
  families.forEach((_, i) => stand.clock.after(200 + i * 40, () => stand.start(`family${i}`, "1")));
  return stand;
}

async function breachesOf(plan: Scenario): Promise<readonly string[]> {
  const stand = await play(plan);
  const isOver = (_: Family, i: number): boolean => {
    const record = stand.record(`family${i}`, "1");
    return record !== undefined && isEnded(record);
  };
  await stand.until(() => plan.families.every(isOver), LONGEST_MS).catch(() => {});
  await stand.advance(30_000);
  // An acknowledgement that was lost is only made up for when its delivery comes again.
  stand.world.faults.clear();
  eachSource(stand, (partition, source) => stand.world.rewind(partition, source));
  await stand.advance(30_000);
  return [
    ...stand.laws.broken,
    ...plan.families.flatMap((family, i) => breachesOfFamily(stand, family, i)),
    ...stand.unacknowledged.map((left) => `unacknowledged: ${left}`),
    ...stand.deadLetters.map(({ key, code }) => `${key}: ${code}`),
  ];
}

function breachesOfFamily(stand: Stand, { policy, jobs, questions }: Family, i: number): readonly string[] {
  const name = `family${i}/1`;
  const record = stand.record(`family${i}`, "1");
  if (record === undefined || !isEnded(record)) return [`${name} has come to no end: ${JSON.stringify(record?.context)}`];
  const { answers, ended: heardOf } = record.context as Heard;
  const all = ["echo", ...jobs.map((_, n) => `job${n}`)];
  const keys = [...stand.laws.ends.keys()].filter(
    (key) => key.includes("/1~") && (key.startsWith(`family${i}-`) || key.includes(`family${i}~`)),
  );
  const laws: readonly (readonly [holds: boolean, words: string])[] = [
    [answers.join() === Array.from({ length: questions }, (_, n) => n).join(), `heard ${answers.join()} of ${questions} answers`],
    [heardOf.toSorted().join() === all.toSorted().join(), `heard of the ends of ${heardOf.join()}`],
    [keys.every((key) => stand.laws.ends.get(key)?.length === 1), "has a child with more than one end"],
    [policy === "fail" || !stand.laws.ends.has(`${name} error`), "failed"],
  ];
  return laws.flatMap(([holds, words]) => (holds ? [] : [`${name} ${words}`]));
}

test(
  "whatever dies, freezes or is lost at whatever point: all that is said in a family is heard once, in order",
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (plan) => {
        expect(await breachesOf(plan)).toEqual([]);
      }),
      { numRuns: Number(process.env["TROUPE_INTERLEAVINGS"] ?? 150), interruptAfterTimeLimit: 45_000, markInterruptAsFailure: false },
    );
  },
);
