import { afterAll, beforeAll, expect, it } from "vitest";
import { assign, sendParent, setup } from "xstate";
import { connect, createHost, defineActor } from "../../src/index.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { api, namesOf } from "../../src/nats/names.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";

/** Ten thousand children of one parent on a real server, where its first record is larger than a message. */
const CHILDREN = 10_000;

let server: EmbeddedServer;
beforeAll(async () => void (server = await startServer()));
afterAll(() => server.stop());

const kid = setup({ types: { context: {} as { n: number }, input: {} as { n: number } } }).createMachine({
  context: ({ input }) => ({ n: input.n }),
  entry: sendParent({ type: "born" }),
  initial: "alive",
  // Every second one ends by itself, the others with their parent.
  states: { alive: { always: { guard: ({ context }) => context.n % 2 === 0, target: "over" } }, over: { type: "final" } },
});
const parent = setup({
  types: { context: {} as { born: number; done: number }, output: {} as { born: number; done: number } },
  actors: { kid },
}).createMachine({
  context: ({ spawn }) => {
    for (let n = 0; n < CHILDREN; n++) spawn("kid", { id: `k${n}`, input: { n } });
    return { born: 0, done: 0 };
  },
  on: {
    born: { actions: assign({ born: ({ context }) => context.born + 1 }) },
    "xstate.done.actor.*": { actions: assign({ done: ({ context }) => context.done + 1 }) },
  },
  initial: "open",
  states: {
    open: { always: { guard: ({ context }) => context.born === CHILDREN && context.done === CHILDREN / 2, target: "closed" } },
    closed: { type: "final" },
  },
  output: ({ context }) => context,
});

it("ten thousand children of one parent begin, answer and end, and no mail is left", { timeout: 240_000 }, async () => {
  const family = defineActor({ name: "family", machine: parent, history: false });
  await using _host = await createHost({ nats: server.url, actors: [family], partitions: 4 });
  await using client = await connect({ nats: server.url });
  const ref = await client.start(family, { id: "a" });
  // Host and client share one event loop here: while ten thousand are made in one turn, no answer is heard in time.
  const patiently = <T>(look: () => Promise<T>): Promise<T | undefined> => look().catch(() => undefined);
  await eventually("the parent ends", async () => (await patiently(() => ref.get()))?.status === "done", 180_000);
  expect((await ref.get())?.output).toEqual({ born: CHILDREN, done: CHILDREN / 2 });
  const ended = new Map<string, number>();
  const count = async (): Promise<number> => {
    ended.clear();
    for await (const view of client.list({ type: "family-kid" }))
      if (view.kind === "actor") ended.set(view.status, (ended.get(view.status) ?? 0) + 1);
    return ended.get("active") ?? 0;
  };
  await eventually("nobody is left alive", async () => (await patiently(count)) === 0, 60_000);
  expect(Object.fromEntries(ended)).toEqual({ done: CHILDREN / 2, stopped: CHILDREN / 2 });
  const connection = await openConnection({ servers: server.url, context: false }, {});
  const names = namesOf();
  const left = async (subjects: string): Promise<number> => {
    const reply = await connection.request(api.streamInfo(names.streams.core), JSON.stringify({ subjects_filter: subjects }));
    const { state } = JSON.parse(reply.string()) as { state: { subjects?: Record<string, number> } };
    return Object.keys(state.subjects ?? {}).length;
  };
  await eventually("absorbed mail is forgotten", async () => (await left("troupe.mail.>")) === 0, 30_000);
  expect(await left("troupe.timer.>")).toBe(0);
  await connection.close();
});
