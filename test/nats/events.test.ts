import { afterAll, beforeAll, expect, it } from "vitest";
import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { z } from "zod";
import { connect, createHost, defineActor, type Client, type RunningHost } from "../../src/index.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";

/** Events with schemas, on every way in. */
const machine = setup({
  types: {
    context: {} as { paid: number; at: number },
    events: {} as
      | { type: "paid"; amount: number; at: Date }
      | { type: "price"; of: string; replyTo: AnyActorRef }
      | { type: "note"; any: unknown },
  },
}).createMachine({
  context: { paid: 0, at: 0 },
  on: {
    paid: { actions: assign({ paid: ({ context, event }) => context.paid + event.amount, at: ({ event }) => event.at.getTime() }) },
    price: {
      actions: sendTo(
        ({ event }) => event.replyTo,
        ({ event }) => ({ type: "priced", of: event.of }),
      ),
    },
    note: { actions: assign({ paid: 100 }) },
  },
});
const order = defineActor({
  name: "order",
  machine,
  events: { paid: z.object({ amount: z.number().min(1), at: z.coerce.date<string>() }), price: z.strictObject({ of: z.string() }) },
});

const AT = "2027-01-01T00:00:00Z";
const UNFIT = { type: "paid", amount: 0 };
const FAULTS = ["amount", "at"];

let server: EmbeddedServer;
let host: RunningHost;
let client: Client;

beforeAll(async () => {
  server = await startServer();
  host = await createHost({ nats: server.url, actors: [order] });
  client = await connect({ nats: server.url });
});
afterAll(async () => {
  await client.close();
  await host.stop();
  await server.stop();
});

const caught = async (what: Promise<unknown>): Promise<{ code: string; faults: readonly { path: string }[]; about: string }> =>
  what.then(
    () => ({ code: "", faults: [], about: "" }),
    (error) => error as Awaited<ReturnType<typeof caught>>,
  );
const open = async (id: string) => {
  const ref = await client.start(order, { id });
  await ref.waitFor((view) => view.revision > 0);
  return ref;
};

it("the machine hears what the schema makes of an event", async () => {
  const ref = await open("1");
  await ref.send({ type: "paid", amount: 5, at: AT });
  await client.ref("order", "1").send({ type: "paid", amount: 1, at: AT });
  expect((await ref.waitFor(({ context }) => context.paid > 5)).context).toEqual({ paid: 6, at: Date.parse(AT) });
  expect(await ref.ask({ type: "price", of: "tea" })).toEqual({ type: "priced", of: "tea" });
});

it("a client that has the definition refuses, with every fault", async () => {
  const ref = await open("2");
  for (const refused of [await caught(ref.send(UNFIT as never)), await caught(ref.can(UNFIT as never))]) {
    expect(refused.code).toBe("invalid_event");
    expect(refused.about).toBe("order/2");
    expect(refused.faults.map(({ path }) => path)).toEqual(FAULTS);
  }
  expect(await caught(ref.ask({ type: "price", of: "tea", and: "milk" } as never))).toMatchObject({ code: "invalid_event" });
  expect((await ref.snapshot()).revision).toBe(1);
});

it("the verbs refuse, with every fault", async () => {
  await open("3");
  const refused = [
    await caught(client.ask("send.order.3", { event: UNFIT })),
    await caught(client.ask("ask.order.3", { event: { ...UNFIT }, timeoutMs: 1_000 })),
  ];
  for (const { code, faults } of refused) expect([code, faults.map(({ path }) => path)]).toEqual(["invalid_event", FAULTS]);
  expect((await client.ref(order, "3").snapshot()).revision).toBe(1);
});

it("what is published becomes a dead letter, and whoever asks is told", async () => {
  await open("4");
  const bare = client.ref("order", "4");
  await bare.send(UNFIT);
  const letters = async () =>
    ((await client.ask("dead.list", { type: "order", id: "4" })) as { letters: { code: string; faults: { path: string }[] }[] }).letters;
  const [letter] = await eventually("a dead letter", async () => ((await letters()).length > 0 ? letters() : undefined));
  expect(letter).toMatchObject({ code: "invalid_event" });
  expect(letter?.faults.map(({ path }) => path)).toEqual(FAULTS);
  expect(await caught(bare.ask({ type: "price", of: 5 }))).toMatchObject({ code: "invalid_event", faults: [{ path: "of" }] });
});

it("a type without a schema is not checked", async () => {
  const ref = await open("5");
  await ref.send({ type: "note", any: { thing: 1 } });
  expect((await ref.waitFor(({ context }) => context.paid > 0)).context.paid).toBe(100);
});
