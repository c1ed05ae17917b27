import { fromPromise, setup, spawnChild } from "xstate";
import { expect, test } from "vitest";
import { definePlan } from "../../src/define-plan.ts";
import { defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import type { Definition } from "../../src/core/definition.ts";
import { logicOf } from "../../src/logic-of.ts";
import { Stand } from "./stage.ts";
import { crashes } from "./trouble.ts";

/*
 * What follows from the end of some work begins only once that end is stored: a crash may repeat what comes later, and what came before,
 * but never what came before after what comes later has begun. (Work that nothing came before begins before its turn is stored.)
 */

type Begun = string[];

const task = (name: string, begun: Begun): Definition => defineTask({ name, run: () => void begun.push(name) });

/** An actor that invokes one after the other. */
function invokes(begun: Begun): readonly Definition[] {
  const work = (name: string) => fromPromise(async () => void begun.push(name));
  const machine = setup({ actors: { first: work("first"), second: work("second") } }).createMachine({
    initial: "one",
    states: {
      one: { invoke: { id: "first", src: "first", onDone: "two" } },
      two: { invoke: { id: "second", src: "second", onDone: "end" } },
      end: { type: "final" },
    },
  });
  return [defineActor({ name: "root", machine })];
}

/** A parent whose second child begins when the first has ended. */
function children(begun: Begun): readonly Definition[] {
  const [first, second] = [task("first", begun), task("second", begun)];
  const machine = setup({ actors: { first: logicOf(first), second: logicOf(second) } }).createMachine({
    initial: "one",
    entry: spawnChild("first", { id: "a" }),
    states: {
      one: { on: { "xstate.done.actor.a": { target: "two", actions: spawnChild("second", { id: "b" }) } } },
      two: { on: { "xstate.done.actor.b": "end" } },
      end: { type: "final" },
    },
  });
  return [first, second, defineActor({ name: "root", machine })];
}

/** A plan of two steps. */
function steps(begun: Begun): readonly Definition[] {
  const [first, second] = [task("first", begun), task("second", begun)];
  const plan = definePlan({
    name: "root",
    children: { first, second },
    order: "steps",
    prepare: () => void begun.push("prepare"),
    expand: function* () {
      yield { key: "a", kind: "first", step: 0 };
      yield { key: "b", kind: "second", step: 1 };
    },
    finish: () => void begun.push("finish"),
    cleanup: () => void begun.push("cleanup"),
  });
  return [first, second, plan];
}

const WAYS = { invokes, children, steps } as const;

test.each(Object.keys(WAYS) as (keyof typeof WAYS)[])(
  "%s: what comes later never begins before the end of what came before is stored",
  async (way) => {
    for (const incident of [undefined, ...crashes([1, 2, 3, 4, 5, 6, 7, 8])]) {
      const begun: Begun = [];
      const stand = new Stand({ tasks: () => WAYS[way](begun) });
      let left = incident?.nth ?? 0;
      const host = await stand.open();
      stand.world.onStep((step) => {
        if (step.kind !== incident?.at || !("host" in step) || step.host !== host.name || --left !== 0) return;
        host.kill(incident.underWay);
      });
      stand.start("root", "1");
      await stand.advance(1_000);
      if (host.isDead) await stand.open();
      await stand.advance(20_000);
      expect(stand.record("root", "1")?.status).toBe("done");
      const order = ["prepare", "first", "second", "finish", "cleanup"];
      const inOrder = begun.toSorted((one, other) => order.indexOf(one) - order.indexOf(other));
      expect(begun, JSON.stringify(incident)).toEqual(inOrder);
      expect(begun).toEqual(expect.arrayContaining(["first", "second"]));
      stand.check();
    }
  },
);
