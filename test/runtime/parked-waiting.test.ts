import { assign, fromPromise, setup } from "xstate";
import { expect, test } from "vitest";
import { defineActor } from "../../src/define-actor.ts";
import { POLICIES } from "./process.ts";
import { Stand } from "./stage.ts";

/** Work that waits for a slot while its actor is set aside. */
const WAYS = [{ type: "retry", drop: true }, { type: "up" }] as const;

test.each(POLICIES.flatMap((onCrash) => WAYS.map((way) => ({ onCrash, way }))))(
  "work ($onCrash) does not begin while its actor is parked, and does once that is taken up by $way.type",
  async ({ onCrash, way }) => {
    const runs: number[] = [];
    const stand = new Stand({
      partitions: 1,
      tasks: (process) => {
        const work = fromPromise(async () => {
          if (!process.isDead) runs.push(stand.clock.now());
          return 7;
        });
        const machine = setup({ types: { context: {} as { made: number } }, actors: { work } }).createMachine({
          context: { made: 0 },
          initial: "busy",
          on: {
            up: { actions: assign({ made: 1 }) },
            boom: {
              actions: assign(() => {
                throw new Error("boom");
              }),
            },
          },
          states: {
            busy: {
              invoke: {
                id: "w",
                src: "work",
                onDone: { target: "over", actions: assign({ made: ({ event }) => event.output }) },
              },
            },
            over: {},
          },
        });
        return [defineActor({ name: "order", machine, activities: { work: { onCrash } } })];
      },
    });
    const host = await stand.open({ concurrency: 1 });
    stand.start("rerun", "blocker", { ms: 1_000 });
    await stand.settle();
    stand.start("order", "7");
    stand.send("order", "7", { type: "boom" });
    await stand.settle();
    expect(stand.record("order", "7")?.parked).toBeDefined();
    await stand.advance(60_000);
    expect(stand.state("rerun", "blocker")).toBe("done");
    expect(runs).toEqual([]);
    expect(stand.unacknowledged).toEqual([]);
    expect(host.host.stage.running).toBe(0);
    stand.send("order", "7", way);
    await stand.advance(1_000);
    expect(runs).toHaveLength(1);
    expect(stand.record("order", "7")).toMatchObject({ value: "over", context: { made: 7 }, activities: {} });
    expect(stand.record("order", "7")?.parked).toBeUndefined();
    expect(stand.unacknowledged).toEqual([]);
    stand.check();
  },
);
