import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { HEADERS, type ActorEvent } from "../../src/core/envelope.ts";
import type { Refusal } from "../../src/core/record.ts";
import { defineActor } from "../../src/define-actor.ts";
import { Stand } from "./stage.ts";

type Ask = { type: "count"; replyTo: AnyActorRef };

/** Counts, and says how far it is to whoever asks: at once, later, or when it is left alone for a while. */
const counter = setup({
  types: {
    context: {} as { count: number; asker: AnyActorRef | undefined },
    events: {} as Ask | { type: "count.later"; replyTo: AnyActorRef } | { type: "count.slowly"; replyTo: AnyActorRef } | { type: string },
  },
  actions: {
    answer: sendTo(
      ({ event }) => (event as Ask).replyTo,
      ({ context }) => ({ type: "counted", count: context.count }),
    ),
    tellNow: ({ event, context }) => (event as Ask).replyTo.send({ type: "counted", count: context.count }),
  },
}).createMachine({
  context: { count: 0, asker: undefined },
  initial: "open",
  states: {
    open: {
      on: {
        add: { actions: assign({ count: ({ context }) => context.count + 1 }) },
        count: { actions: [assign({ count: ({ context }) => context.count + 1 }), "answer"] },
        "count.act": { actions: "tellNow" },
        "count.slowly": {
          actions: sendTo(
            ({ event }) => (event as Ask).replyTo,
            ({ context }) => ({ type: "counted", count: context.count }),
            { delay: 500 },
          ),
        },
        "count.later": { actions: assign({ asker: ({ event }) => (event as Ask).replyTo }) },
        "count.silent": { actions: assign({ count: ({ context }) => context.count + 1 }) },
        tell: {
          actions: [
            sendTo(
              ({ context }) => context.asker as AnyActorRef,
              ({ context }) => ({ type: "counted", count: context.count }),
            ),
            assign({ asker: undefined }),
          ],
        },
        "count.odd": { actions: sendTo(({ event }) => (event as Ask).replyTo, { type: "odd", huge: 1n }) },
        boom: {
          actions: assign(() => {
            throw new Error("boom");
          }),
        },
        "count.last": { target: "closed", actions: "answer" },
        close: "closed",
      },
    },
    closed: { type: "final" },
  },
});

export const counting = (): Stand =>
  new Stand({
    tasks: () => [
      defineActor({ name: "counter", machine: counter }),
      defineActor({ name: "fragile", machine: counter, onThrow: "fail", history: false }),
    ],
  });

export function ask(stand: Stand, type: string, subject: string, of = "counter/7", lane: "event" | "normal" = "event"): void {
  const [actor = "", id = ""] = of.split("/");
  stand.raw(lane, actor, id, JSON.stringify({ type }), { [HEADERS.replyTo]: subject });
}

/** What was sent to a subject, in order. */
export function answersTo(stand: Stand, subject: string): readonly (ActorEvent | Refusal)[] {
  return stand.world.outgoing.flatMap((outgoing) =>
    outgoing.kind === "reply" && outgoing.to === subject ? [JSON.parse(Buffer.from(outgoing.body).toString()) as ActorEvent] : [],
  );
}
