import { assign, fromPromise, raise, sendParent, sendTo, setup } from "xstate";
import { defineActor } from "../../src/define-actor.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** A parent and a child that the tests of actors share. */
export const kid = setup({}).createMachine({
  id: "kid",
  initial: "alive",
  states: { alive: { on: { end: "over", ask: { actions: sendParent({ type: "told" }) } } }, over: { type: "final" } },
});
export const parts = setup({
  types: { context: {} as { heard: readonly string[] } },
  actors: { kid, job: fromPromise(async () => "by the machine's own logic") },
  actions: {
    hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }),
    keep: assign({ heard: ({ context, event }) => [...context.heard, (event as unknown as { error: { code: string } }).error.code] }),
  },
});
const parent = parts.createMachine({
  context: { heard: [] },
  initial: "idle",
  on: {
    told: { actions: "hear" },
    boom: {
      actions: assign(() => {
        throw new Error("boom");
      }),
    },
    loop: { actions: raise({ type: "loop" }) },
    lost: { actions: sendTo("nobody", { type: "x" }) },
  },
  states: {
    idle: { on: { go: "busy" } },
    busy: {
      invoke: { id: "k", src: "kid", onDone: { target: "idle", actions: "hear" }, onError: { target: "idle", actions: "keep" } },
      on: { end: { actions: sendTo("k", { type: "end" }) }, again: { target: "busy", reenter: true }, close: "closed" },
    },
    closed: { type: "final" },
  },
});
export const stage = (options: StandOptions = {}): Stand =>
  new Stand({ ...options, tasks: () => [defineActor({ name: "order", machine: parent })] });

/** `order/7` with a child `k`. */
export async function busy(stand: Stand): Promise<void> {
  await stand.open();
  stand.start("order", "7");
  stand.send("order", "7", { type: "go" });
  await stand.settle();
}

export const childOf = (stand: Stand) => stand.record("order", "7")?.children?.["k"];
export const heard = (stand: Stand) => (stand.record("order", "7")?.context as { heard: readonly string[] } | undefined)?.heard;
