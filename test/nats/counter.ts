import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { defineActor, defineTask } from "../../src/index.ts";

/** What the tests of refs look at: a counter that can be asked, once with a history and once without, and a task. */
const machine = setup({
  types: {
    context: {} as { count: number; asker: AnyActorRef | undefined; text?: string },
    events: {} as
      | { type: "add" }
      | { type: "count"; replyTo: AnyActorRef }
      | { type: "count.later"; replyTo: AnyActorRef }
      | { type: "count.silent"; replyTo: AnyActorRef }
      | { type: "close" }
      | { type: "fill"; text: string }
      | { type: "boom" },
  },
  guards: { few: ({ context }) => context.count < 3 },
  actions: {
    add: assign({ count: ({ context }) => context.count + 1 }),
    boom: assign(() => {
      throw new Error("boom");
    }),
    tell: sendTo(
      ({ event, context }) => ("replyTo" in event ? event.replyTo : (context.asker as AnyActorRef)),
      ({ context }) => ({ type: "counted", count: context.count }),
    ),
  },
}).createMachine({
  context: { count: 0, asker: undefined },
  initial: "open",
  states: {
    open: {
      initial: "idle",
      on: {
        add: { actions: "add" },
        count: { guard: "few", actions: "tell" },
        "count.silent": { actions: "add" },
        close: "closed",
        fill: { actions: assign({ text: ({ event }) => event.text }) },
        boom: { actions: "boom" },
      },
      states: {
        idle: { on: { "count.later": { target: "asked", actions: assign({ asker: ({ event }) => event.replyTo }) } } },
        asked: { on: { add: { target: "idle", actions: ["add", "tell"] } } },
      },
    },
    closed: { type: "final" },
  },
  output: ({ context }) => context.count,
});
export const counter = defineActor({ name: "counter", machine });
export const forgetful = defineActor({ name: "forgetful", machine, history: false });
export const greet = defineTask({ name: "greet", run: () => "hello" });
export const actors = [counter, forgetful, greet];
