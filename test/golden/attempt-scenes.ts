import { fromPromise, setup } from "xstate";
import { defineActor } from "../../src/define-actor.ts";
import { definePlan } from "../../src/define-plan.ts";
import { Stand } from "../runtime/stage.ts";
import type { Scene } from "./scene.ts";

/** Work that crashed, was begun again, failed, and is to be tried once more. What was written here once is never changed: add another. */

const RETRY = { attempts: 5, minDelayMs: 60_000, jitter: 0 };
const TTL_MS = 3_000;

/** How often either work was begun, and the number of each attempt of the plan's. */
const begun = new WeakMap<Stand, { work: number; attempts: number[] }>();

const wandering: Scene = {
  stand: (options) => {
    const count = { work: 0, attempts: [] as number[] };
    /** The first time its host dies with it, the second it fails. */
    const work = async (nth: number): Promise<string> => {
      if (options.isFirst && nth === 1) return new Promise<never>(() => {});
      if (options.isFirst && nth === 2) throw Object.assign(new Error("the way is blocked"), { stack: "" });
      return "there";
    };
    const machine = setup({ actors: { walk: fromPromise(() => work(++count.work)) } }).createMachine({
      id: "walker",
      initial: "walking",
      states: { walking: { invoke: { id: "walk", src: "walk", onDone: "there" } }, there: { type: "final" } },
    });
    const walker = defineActor({ name: "walker", machine, activities: { walk: { retry: RETRY } } });
    const trek = definePlan({
      name: "trek",
      children: { rerun: "rerun" },
      retry: RETRY,
      prepare: ({ attempt }) => work(count.attempts.push(attempt)),
      expand: () => [],
    });
    const stand = new Stand({ ...options, tasks: () => [walker, trek] });
    begun.set(stand, count);
    return stand;
  },
  async bring(stand, host) {
    stand.start("walker", "1");
    stand.start("trek", "1");
    await stand.settle();
    host.kill("lost");
    await stand.advance(TTL_MS);
    const next = await stand.open();
    await stand.settle();
    next.kill("lost");
  },
  async goOn(stand, expect, held) {
    expect(held.get("walker/1")?.activities).toMatchObject({ walk: { failures: 1, earlierReruns: 1 } });
    expect(held.get("trek/1")?.context).toMatchObject({ attempt: 2, earlierReruns: 1 });
    await stand.until(() => stand.state("walker", "1") === "there" && stand.state("trek", "1") === "done", 120_000);
    expect(begun.get(stand)).toEqual({ work: 1, attempts: [3] });
  },
};

export const ATTEMPT_SCENES: Readonly<Record<string, Scene>> = { "work that crashed, then failed": wandering };
