import { afterAll, beforeAll, expect, it } from "vitest";
import { assign, createMachine, fromPromise, sendParent, setup } from "xstate";
import { connect, createHost, defineActor } from "../../src/index.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { startServer } from "../support/server.ts";

let server: EmbeddedServer;
beforeAll(async () => void (server = await startServer()));
afterAll(() => server.stop());

const payment = setup({
  types: { input: {} as { amount: number }, context: {} as { amount: number } },
}).createMachine({
  context: ({ input }) => ({ amount: input.amount }),
  initial: "asked",
  states: {
    asked: { entry: sendParent({ type: "asking" }), after: { 150: "paid" } },
    paid: { type: "final" },
  },
  output: ({ context }) => context.amount,
});

const order = setup({
  types: {
    input: {} as { amount: number },
    context: {} as { amount: number; paid: number; label: string },
    events: {} as { type: "submit" } | { type: "asking" } | { type: "ship" },
  },
  actors: { payment, print: fromPromise<string, { paid: number }>(async ({ input }) => `label for ${input.paid}`) },
}).createMachine({
  context: ({ input }) => ({ amount: input.amount, paid: 0, label: "" }),
  initial: "open",
  states: {
    open: { on: { submit: "paying" } },
    paying: {
      initial: "silent",
      states: { silent: { on: { asking: "asked" } }, asked: {} },
      invoke: {
        id: "payment",
        src: "payment",
        input: ({ context }) => ({ amount: context.amount }),
        onDone: { target: "packed", actions: assign({ paid: ({ event }) => event.output as number }) },
        onError: "stuck",
      },
    },
    packed: { on: { ship: "shipping" } },
    shipping: {
      invoke: {
        id: "label",
        src: "print",
        input: ({ context }) => ({ paid: context.paid }),
        onDone: { target: "shipped", actions: assign({ label: ({ event }) => event.output }) },
        onError: "stuck",
      },
    },
    shipped: { type: "final" },
    stuck: { on: { submit: "paying" } },
  },
  output: ({ context }) => context.label,
});

it("a machine lives on the server: with a child of its own, a timer, work, and from host to host", async () => {
  const actor = defineActor({ name: "order", machine: order });
  const host = () => createHost({ nats: server.url, actors: [actor] });
  await using client = await connect({ nats: server.url });
  const first = await host();
  const ref = await client.start(actor, { id: "o-1", input: { amount: 30 } });
  await ref.waitFor((view) => view.matches("open"), { timeout: "5s" });
  await ref.send({ type: "submit" });
  await ref.waitFor((view) => view.matches("paying.asked"), { timeout: "5s" });
  await first.stop();
  await using _second = await host();
  expect(await ref.waitFor((view) => view.matches("packed"), { timeout: "10s" })).toMatchObject({
    kind: "actor",
    status: "active",
    state: "packed",
    children: {},
    context: { amount: 30, paid: 30 },
  });
  await ref.send({ type: "ship" });
  expect(await ref.result({ timeout: "10s" })).toBe("label for 30");
  expect(await ref.get()).toMatchObject({ status: "done", state: "shipped", output: "label for 30" });
});

it("a machine that cannot be durable is refused where it is defined, place by place", () => {
  const inline = createMachine({ initial: "a", states: { a: { invoke: { src: fromPromise(async () => 1) } } } });
  expect(() => defineActor({ name: "inline", machine: inline })).toThrow(expect.objectContaining({ code: "bad_machine" }));
});
