import type { RunLimits } from "../../src/core/run-limits.ts";
import { STRATEGIES } from "../../src/core/supervision.ts";
import type { Definition } from "../../src/core/definition.ts";
import { castOf, defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import { logicOf } from "../../src/logic-of.ts";
import { diary } from "./diary.ts";
import type { Policy } from "./history.ts";
import { crew, family, grove, swapper } from "./machines.ts";

/** The types of actors in a simulated run. What each does is said by its input and by what it is sent. */

/** What a task is asked to do. */
export interface Work {
  readonly ms: number;
  /** So many attempts fail before one succeeds. */
  readonly failures: number;
  readonly progress?: boolean;
}

/** A plan's child. One failure is retried; with more it is hopeless. */
export interface Errand extends Work {
  readonly key: string;
  readonly step?: number;
  readonly after?: readonly string[];
}

/** Task types; the policies' names are theirs. `brief`: attempts of at most 400 ms, with history. `few` and `shared` are limited. */
export const TASKS = { rerun: "rerun", fail: "fail", park: "park", brief: "rerun", few: "park", shared: "rerun" } as const satisfies Record<
  string,
  Policy
>;
export type TaskType = keyof typeof TASKS;
export const BRIEF_MS = 400;
/** Families differ in what becomes of their jobs in a crash, and in how many they have. */
export const FAMILIES = [
  { policy: "rerun", jobs: 1 },
  { policy: "rerun", jobs: 4 },
  { policy: "fail", jobs: 2 },
] as const satisfies readonly { policy: TaskType; jobs: number }[];

/** Work that takes as long has the same key. */
export const LIMITS: Readonly<Record<string, RunLimits<Work>>> = {
  few: { atOnce: 2 },
  shared: { atOnce: 3, perSecond: 10, key: ({ ms }) => String(ms), perKey: { atOnce: 1 } },
};

const RETRY = { minDelayMs: 1_000, factor: 2, jitter: 0.25, maxDelayMs: 60_000, attempts: 3 };
const RESTARTS = {
  children: ["a", "b", "c"],
  restarts: { max: 20, within: "1h" },
  backoff: { minDelayMs: 200, maxDelayMs: 200, jitter: 0 },
} as const;

/** Told of every custom action that runs: whoever plays sets it. One run is played at a time. */
export const witness = { act: (_key: string): void => {} };

/** Every definition but plans, made once. User code in them is put in by each host (member.ts): only it knows where it runs. */
export const CAST: readonly Definition[] = cast();

function cast(): readonly Definition[] {
  const tasks = Object.entries(TASKS).map(([name, onCrash]) => {
    const timeout = name === "brief" ? { timeout: BRIEF_MS } : {};
    return defineTask<Work, string>({
      name,
      onCrash,
      retry: RETRY,
      ...(LIMITS[name] === undefined ? {} : { limits: LIMITS[name] }),
      history: name === "brief",
      retention: { done: "1m", failed: "1m" },
      ...timeout,
      run: standIn,
    });
  });
  const jobFor = (policy: TaskType): object => logicOf(tasks.find(({ name }) => name === policy) as Definition<Work, string>);
  const definitions = [
    ...tasks,
    defineTask<Errand, string>({ name: "errand", retry: { ...RETRY, attempts: 2 }, run: standIn }),
    defineTask<string, string>({ name: "undo-errand", retry: RETRY, run: standIn }),
    defineActor({
      name: "diary",
      machine: diary((key) => witness.act(key)),
      activities: { chore: { retry: { attempts: 4, minDelayMs: 400, jitter: 0 } } },
    }),
    defineActor({ name: "grove", machine: grove(jobFor("rerun")) }),
    ...FAMILIES.map(({ policy, jobs }, i) => defineActor({ name: `family${i}`, machine: family(jobs, jobFor(policy)) })),
    defineActor({ name: "swapper", machine: swapper() }),
    ...STRATEGIES.map((strategy) => defineActor({ name: `crew-${strategy}`, machine: crew(), supervise: { strategy, ...RESTARTS } })),
  ];
  return castOf(definitions);
}

function standIn(): never {
  throw new Error("user code is put in by each host");
}
