import { assign, fromPromise, setup, spawnChild } from "xstate";
import { expect, test } from "vitest";
import type { SuperviseOptions } from "../../src/supervise.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

const kid = setup({
  types: { context: {} as { input: unknown; heard: number } },
}).createMachine({
  context: ({ input }) => ({ input, heard: 0 }),
  initial: "alive",
  states: {
    alive: {
      on: {
        count: { actions: assign({ heard: ({ context }) => context.heard + 1 }) },
        end: "over",
        boom: {
          actions: assign(() => {
            throw new Error("boom");
          }),
        },
        die: "dying",
      },
    },
    dying: {},
    over: { type: "final" },
  },
});
void spawnChild;

const mortal = kid.provide({});

function crew(supervise: SuperviseOptions) {
  const machine = setup({
    types: { context: {} as { heard: readonly string[] } },
    actors: { kid: mortal, work: fromPromise(async () => 1) },
    actions: { hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
  }).createMachine({
    context: { heard: [] },
    initial: "busy",
    states: {
      busy: {
        invoke: [
          { id: "a", src: "kid", input: "A" as never },
          { id: "b", src: "kid", input: "B" as never },
          { id: "c", src: "kid", input: "C" as never },
        ],
        on: { "xstate.done.actor.*": { actions: "hear" }, close: "closed" },
      },
      closed: { type: "final" },
    },
  });
  return defineActor({ name: "crew", machine, supervise });
}

async function living(supervise: SuperviseOptions): Promise<Stand> {
  const stand = new Stand({ tasks: () => [crew(supervise)] });
  await stand.open();
  stand.start("crew", "1");
  await stand.settle();
  return stand;
}

const children = (stand: Stand) => stand.record("crew", "1")?.children ?? {};
const ids = (stand: Stand): readonly (string | undefined)[] => Object.values(children(stand)).map((child) => child?.id);

test("restart", async () => {
  const stand = await living({ strategy: "rest-for-one" });
  console.log(ids(stand));
  stand.send("crew-kid", "1~b~2", { type: "boom" });
  await stand.settle();
  console.log(ids(stand), stand.record("crew", "1"));
  expect(1).toBe(1);
});
