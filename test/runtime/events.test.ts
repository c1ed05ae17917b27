import { assign, setup } from "xstate";
import { expect, test } from "vitest";
import { z } from "zod";
import { HEADERS } from "../../src/core/envelope.ts";
import { defineActor } from "../../src/define-actor.ts";
import { logicOf } from "../../src/logic-of.ts";
import { Stand } from "./stage.ts";

/** Events from outside that do not fit their schema, where they run. */
const kid = defineActor({
  name: "kid",
  machine: setup({ types: { context: {} as { n: number }, events: {} as { type: "add"; n: number } } }).createMachine({
    context: { n: 0 },
    on: { add: { actions: assign({ n: ({ context, event }) => context.n + event.n }) } },
  }),
  events: { add: z.object({ n: z.number().default(1) }) },
});

test("it is the sender's mistake: a supervised child goes on as if nothing had been sent, and an asker is told", async () => {
  const machine = setup({ actors: { kid: logicOf(kid) } }).createMachine({ invoke: { id: "k", src: "kid" } });
  const stand = new Stand({ tasks: () => [kid, defineActor({ name: "crew", machine, supervise: {} })] });
  await stand.open();
  stand.start("crew", "1");
  await stand.settle();
  const id = stand.record("crew", "1")?.children?.["k"]?.id ?? "";
  stand.send("kid", id, { type: "add", n: "many" });
  stand.raw("event", "kid", id, JSON.stringify({ type: "add", n: [] }), { [HEADERS.replyTo]: "inbox" });
  stand.send("kid", id, { type: "add" });
  await stand.settle();
  expect(stand.deadLetters.map(({ code }) => code)).toEqual(["invalid_event", "invalid_event"]);
  expect(stand.replies).toMatchObject([{ error: { code: "invalid_event", faults: [{ path: "n" }] } }]);
  expect(stand.record("kid", id)).toMatchObject({ status: "active", context: { n: 1 } });
  expect(stand.record("crew", "1")?.supervision).toBeUndefined();
  expect(stand.unacknowledged).toEqual([]);
  stand.check();
});
