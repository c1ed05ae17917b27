// What the hosts of the long runs do: tasks of every crash policy, actors with timers, families, plans. Every attempt of user code is
// two lines of a history (test/sim/history.ts), written at the moment it begins and ends: a process that is killed has left the first.
import { setTimeout as pause } from "node:timers/promises";
import { assign, fromPromise, sendParent, setup } from "xstate";

const POLICIES = ["rerun", "fail", "park"];
/** Longer than any run: whoever gets there has been forgotten. */
const NEVER_MS = 100 * 3_600_000;
const retention = { done: "4h", failed: "4h" };
const retry = { attempts: 4, minDelayMs: 200, factor: 2, maxDelayMs: 2_000 };

/** @param {(line: object) => void} note writes one line down */
export function workload({ defineTask, defineActor, definePlan }, note) {
  const worker = (policy) => async (attempt) => {
    const about = { actor: `${attempt.actor.type}/${attempt.actor.id}`, attempt: attempt.attempt, epoch: attempt.epoch };
    note({ kind: "begun", ...about, policy });
    let how = "returned";
    // An abort ends it at once, and its slot is another's: what this function does about it comes a moment later.
    attempt.signal.addEventListener("abort", () => note({ kind: "ended", ...about, how: "aborted" }), { once: true });
    try {
      await pause(attempt.input?.ms ?? 0, undefined, { signal: attempt.signal });
      if (attempt.attempt <= (attempt.input?.failures ?? 0)) throw new Error("was asked to fail");
      return attempt.input?.says ?? "done";
    } catch (error) {
      how = "threw";
      throw error;
    } finally {
      if (!attempt.signal.aborted) note({ kind: "ended", ...about, how });
    }
  };
  const task = (name, policy, more = {}) =>
    defineTask({ name, onCrash: policy, run: worker(policy), retry, retention, history: true, ...more });
  const chore = task("chore", "rerun");
  const job = task("job", "rerun");
  const unjob = task("unjob", "rerun");
  const person = defineActor({ name: "member", machine: member, children: { chore }, retention });
  return [
    ...POLICIES.map((policy) => task(policy, policy)),
    // Its turns are not kept, so that most of them are a commit of one message.
    task("brief", "rerun", { history: false }),
    chore,
    job,
    unjob,
    defineActor({ name: "diary", machine: diary, children: { chore }, retention }),
    person,
    defineActor({ name: "family", machine: family, children: { member: person }, retention }),
    definePlan({
      name: "trip",
      children: { job, unjob },
      order: "steps",
      concurrency: 4,
      rollbackConcurrency: 4,
      retry,
      retention,
      history: true,
      expand: function* ({ input, cursor = 0 }) {
        for (let i = cursor; i < input.children; i++)
          yield {
            kind: "job",
            key: `k${i}`,
            input: { ms: input.ms, failures: i === input.failing ? 99 : 0 },
            step: Math.floor(i / 3),
            cursor: i + 1,
          };
      },
      compensate: { job: ({ key }) => ({ kind: "unjob", input: { key, ms: 5 } }) },
      collect: (count = 0) => count + 1,
    }),
  ];
}

const heard = (name) => assign({ heard: (info) => [...info.context.heard, name(info)] });
const standIn = fromPromise(async () => {});

/** Hears so many notes, rests (a timer of its host, or of the server), does a chore (a task of its own), and ends. */
const diary = setup({ actors: { chore: standIn }, delays: { rest: ({ context }) => context.restMs } }).createMachine({
  context: ({ input }) => ({ heard: [], restMs: input.restMs, notes: input.notes }),
  initial: "listening",
  on: { note: { actions: heard(({ event }) => event.name) } },
  states: {
    listening: {
      always: { guard: ({ context }) => context.heard.length >= context.notes, target: "resting" },
      after: { [NEVER_MS]: "lost" },
    },
    resting: { after: { rest: { target: "working", actions: heard(() => "timer#0") } } },
    working: {
      invoke: {
        src: "chore",
        id: "chore",
        input: { ms: 10 },
        onDone: { target: "over", actions: heard(() => "chore#0") },
        onError: "lost",
      },
    },
    lost: {},
    over: { type: "final" },
  },
});

const member = setup({ actors: { chore: standIn }, delays: { wait: ({ context }) => context.waitMs } }).createMachine({
  context: ({ input }) => input,
  initial: "waiting",
  states: {
    waiting: { entry: sendParent(({ context }) => ({ type: "born", name: `${context.name}#0` })), after: { wait: "working" } },
    working: { invoke: { src: "chore", id: "chore", input: { ms: 5 }, onDone: "over", onError: "lost" }, after: { [NEVER_MS]: "lost" } },
    lost: {},
    over: { type: "final" },
  },
  output: ({ context }) => `${context.name}#1`,
});

/** Ends once it has heard of the birth and of the end of every member. */
const family = setup({ actors: { member } }).createMachine({
  context: ({ input, spawn }) => {
    for (let n = 0; n < input.members; n++) spawn("member", { id: `m${n}`, input: { name: `m${n}`, waitMs: input.waitMs } });
    return { heard: [], awaited: 2 * input.members };
  },
  on: {
    born: { actions: heard(({ event }) => event.name) },
    "xstate.done.actor.*": { actions: heard(({ event }) => event.output) },
  },
  initial: "waiting",
  states: {
    waiting: { always: { guard: ({ context }) => context.heard.length >= context.awaited, target: "over" }, after: { [NEVER_MS]: "lost" } },
    lost: {},
    over: { type: "final" },
  },
});
