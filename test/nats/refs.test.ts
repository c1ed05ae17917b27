import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assign, sendTo, setup, type AnyActorRef } from "xstate";
import { connect, createHost, defineActor, defineTask, type Client, type RunningHost, type View } from "../../src/index.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";

let server: EmbeddedServer;
let host: RunningHost;
let client: Client;

const machine = setup({
  types: {
    context: {} as { count: number; asker: AnyActorRef | undefined },
    events: {} as
      | { type: "add" }
      | { type: "count"; replyTo: AnyActorRef }
      | { type: "count.later"; replyTo: AnyActorRef }
      | { type: "count.silent"; replyTo: AnyActorRef }
      | { type: "close" }
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
const counter = defineActor({ name: "counter", machine });
const forgetful = defineActor({ name: "forgetful", machine, history: false });
const greet = defineTask({ name: "greet", run: () => "hello" });
const actors = [counter, forgetful, greet];

/** The server's address with the proxy's port; its token stays. */
const through = ({ port }: Proxy) => server.url.replace(`:${server.port}`, `:${port}`);
const open = () => createHost({ nats: server.url, actors, leaseTtl: "1s" });

beforeAll(async () => {
  server = await startServer();
  host = await open();
  client = await connect({ nats: server.url });
});
afterAll(async () => {
  await client.close();
  await host.stop();
  await server.stop();
});

describe("ask", () => {
  it("brings what the machine answers", async () => {
    const ref = await client.start(counter, { id: "a-1" });
    await ref.send({ type: "add" });
    expect(await ref.ask({ type: "count" })).toEqual({ type: "counted", count: 1 });
    const answers = await Promise.all(Array.from({ length: 50 }, () => ref.ask({ type: "count" })));
    expect(answers).toEqual(Array.from({ length: 50 }, () => ({ type: "counted", count: 1 })));
  });

  it("waits with an event for a start that is queued", async () => {
    const ref = client.ref(counter, "a-2");
    const [, answer] = await Promise.all([client.start(counter, { id: "a-2" }), ref.ask({ type: "count" }).catch((error: Error) => error)]);
    // Which of the two was stored first is chance.
    expect([{ type: "counted", count: 0 }, expect.objectContaining({ code: "unknown_id" })]).toContainEqual(answer);
  });

  it("ends in an error, not in silence, where nobody will answer", async () => {
    const refusal = (id: string, type: string) =>
      client
        .ref("counter", id)
        .ask({ type })
        .catch((error: { code: string }) => error.code);
    expect(await refusal("nobody", "count")).toBe("unknown_id");
    const ref = await client.start(counter, { id: "a-3" });
    expect(await refusal("a-3", "what")).toBe("not_accepted");
    expect(await refusal("a-3", "boom")).toBe("parked");
    expect(await refusal("a-3", "what")).toBe("parked");
    await ref.retry();
    await ref.send({ type: "close" });
    expect(await refusal("a-3", "count")).toBe("not_running");
    await expect(ref.ask({ type: "count.later" }, { timeout: "nonsense" as "1s" })).rejects.toMatchObject({ code: "bad_options" });
  });

  it("gives up after its timeout and when its signal aborts; the event is heard all the same", async () => {
    const ref = await client.start(counter, { id: "a-4" });
    await expect(ref.ask({ type: "count.silent" }, { timeout: "300ms" })).rejects.toMatchObject({ code: "no_answer" });
    const controller = new AbortController();
    const asking = ref.ask({ type: "count.silent" }, { signal: controller.signal });
    await ref.waitFor(({ context }) => context.count === 2, { timeout: "5s" });
    controller.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    await expect(ref.ask({ type: "count" }, { signal: controller.signal })).rejects.toThrow("enough");
  });

  it("is answered by the next host where the first one died with the question", async () => {
    const ref = await client.start(counter, { id: "a-5" });
    const asking = ref.ask({ type: "count.later" }, { timeout: "20s" });
    await ref.waitFor((view) => view.matches("open.asked"), { timeout: "5s" });
    await host.stop();
    host = await open();
    await ref.send({ type: "add" });
    expect(await asking).toEqual({ type: "counted", count: 1 });
  });
});

describe("an event for an actor that is not there yet", () => {
  it("is kept for a start that waits for a host, and heard in order", async () => {
    await host.stop();
    const ref = await client.start(counter, { id: "e-1" });
    for (let i = 0; i < 3; i++) await ref.send({ type: "add" });
    expect(await ref.get(), "an actor has no state before it begins").toBeUndefined();
    host = await open();
    expect(await ref.waitFor(({ context }) => context.count === 3, { timeout: "10s" })).toMatchObject({ state: "open.idle" });
  });

  it("is kept for a start with a delay, also by the host that comes after one that died meanwhile", async () => {
    const ref = await client.start(greet, { id: "e-2", delay: "2500ms" });
    await ref.cancel("never mind");
    await ref.waitFor((view) => view.kind === "task" && view.state === "failed", { timeout: "10s" });
    const actor = await client.start(counter, { id: "e-3" });
    await actor.send({ type: "add" });
    await host.stop();
    host = await open();
    expect(await actor.waitFor(({ context }) => context.count === 1, { timeout: "10s" })).toMatchObject({ status: "active" });
  });

  it("is a dead letter where no start is on its way", async () => {
    await client.ref(counter, "e-4").send({ type: "add" });
    await eventually("its dead letter", async () => {
      const { letters } = (await client.ask("dead.list", { type: "counter", id: "e-4" })) as { letters: { code: string }[] };
      return letters[0]?.code === "unknown_id";
    });
  });
});

describe("watch from the start", () => {
  const revisions = async (views: AsyncIterable<View>, last: number): Promise<number[]> => {
    const seen: number[] = [];
    for await (const { revision } of views) {
      seen.push(revision);
      if (revision >= last) break;
    }
    return seen;
  };
  const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => from + i);

  it("tells every turn once and in order, those before and those that happen meanwhile", async () => {
    const ref = await client.start(counter, { id: "w-1" });
    const many = 1_000;
    const sending = (async () => {
      for (let i = 0; i < many; i += 50) await Promise.all(Array.from({ length: 50 }, () => ref.send({ type: "add" })));
    })();
    await ref.waitFor(({ context }) => context.count > many / 4, { timeout: "20s" });
    const watching = Promise.all(Array.from({ length: 3 }, () => revisions(ref.watch({ from: "start" }), many + 1)));
    await sending;
    for (const seen of await watching) expect(seen).toEqual(upTo(many + 1));
    expect(await revisions(ref.watch({ from: 400 }), many + 1), "resumed at a revision").toEqual(upTo(many + 1, 400));
  });

  it("goes on after a connection that broke, with nothing left out and nothing twice", async () => {
    await using proxy = await startProxy(server.port);
    await using watcher = await connect({ nats: through(proxy) });
    const ref = await client.start(counter, { id: "w-2" });
    await ref.send({ type: "add" });
    const watching = revisions(watcher.ref(counter, "w-2").watch({ from: "start" }), 202);
    for (let i = 0; i < 200; i++) {
      if (i === 50 || i === 120) proxy.cut();
      await ref.send({ type: "add" });
    }
    expect(await watching).toEqual(upTo(202));
  });

  it("tells what is there of an actor without a history, and of one whose id was in use before", async () => {
    const ref = await client.start(forgetful, { id: "w-3" });
    await ref.send({ type: "add" });
    await ref.waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    for await (const view of ref.watch({ from: "start" })) {
      expect(view.revision).toBe(2);
      break;
    }
    for await (const view of client.ref("forgetful", "w-3").watch({ from: "start" })) {
      expect(view.revision).toBe(2);
      break;
    }
  });

  it("ends with the state in which its actor ended, as its record is removed", async () => {
    const ref = await client.start(counter, { id: "w-4" });
    await ref.send({ type: "close" });
    await ref.result({ timeout: "5s" });
    const states: string[] = [];
    const over = new AbortController();
    for await (const view of ref.watch({ from: "start", signal: over.signal })) {
      states.push(`${view.revision} ${view.status} ${view.state}`);
      if (view.status === "done") over.abort();
    }
    expect(states).toEqual(["1 active open.idle", "2 done closed"]);
  });

  it("reads turns with the edges that they took", async () => {
    const ref = await client.start(counter, { id: "w-5" });
    await ref.send({ type: "close" });
    await ref.result({ timeout: "5s" });
    const { openConnection } = await import("../../src/nats/connection.ts");
    const connection = await openConnection({ servers: server.url.split(","), context: false }, {});
    const turn = await eventually("the last turn", async () => {
      const message = await connection.request("$JS.API.DIRECT.GET.TROUPE_HISTORY.troupe.history.counter.w-5", "");
      if ((message.headers?.code ?? 0) !== 0) return undefined;
      const found = decodeRecord(message.data) as { event?: { type: string } };
      return found.event?.type === "close" ? found : undefined;
    });
    await connection.close();
    expect(turn).toMatchObject({ edges: [{ event: "close", source: "(machine).open", targets: ["(machine).closed"] }] });
  });
});

describe("what an actor is and accepts", () => {
  it("is told by a snapshot, and waited for", async () => {
    const ref = await client.start(counter, { id: "s-1" });
    const view = await ref.waitFor((now) => now.matches("open"), { timeout: "5s" });
    expect(view.matches("open.asked")).toBe(false);
    expect(view.matches({ open: "idle" })).toBe(true);
    expect(await ref.snapshot()).toMatchObject({ kind: "actor", status: "active", value: { open: "idle" }, context: { count: 0 } });
    await expect(client.ref(counter, "nobody").snapshot()).rejects.toMatchObject({ code: "unknown_id" });
    await ref.send({ type: "close" });
    await expect(ref.waitFor((now) => now.matches("open.asked"), { timeout: "5s" })).rejects.toMatchObject({ code: "not_running" });
  });

  it.each(["with its definition", "by its name"])("is known before it is sent, %s", async (how) => {
    const { id } = await client.start(counter);
    const ref = how === "by its name" ? client.ref<typeof counter>("counter", id) : client.ref(counter, id);
    await ref.waitFor((now) => now.matches("open"), { timeout: "5s" });
    expect(await ref.accepts()).toEqual(expect.arrayContaining(["add", "count", "count.later", "close"]));
    expect(await ref.can({ type: "count" })).toBe(true);
    await Promise.all([1, 2, 3].map(() => ref.send({ type: "add" })));
    await ref.waitFor(({ context }) => context.count >= 3, { timeout: "5s" });
    expect(await ref.can({ type: "count" }), "its guard says no").toBe(false);
    expect(await client.ref("counter", id).can({ type: "what" })).toBe(false);
    await expect(client.ref(counter, "nobody").can({ type: "close" })).rejects.toMatchObject({ code: "unknown_id" });
  });

  it("is listed by its own states, beside tasks", async () => {
    await client.run(greet, undefined, { id: "l-1" });
    const asked = await client.start(counter, { id: "l-2" });
    void asked.ask({ type: "count.later" }, { timeout: "100ms" }).catch(() => {});
    await asked.waitFor((now) => now.matches("open.asked"), { timeout: "5s" });
    const keys = async (filter: Parameters<Client["list"]>[0]) => {
      const found: string[] = [];
      for await (const { type, id } of client.list(filter)) found.push(`${type}/${id}`);
      return found;
    };
    expect(await keys({ type: "counter", state: "open.asked" })).toEqual(["counter/l-2"]);
    expect(await keys({ state: "open" })).toContain("counter/l-2");
    expect(await keys({ state: "done" })).toEqual(["greet/l-1"]);
    expect(await keys({ status: "active", type: "greet" })).toEqual([]);
    expect(await keys({ status: "done", type: "greet" })).toEqual(["greet/l-1"]);
  });

  it("is not waited for while the connection is down: lists and looks fail at once", async () => {
    await using proxy = await startProxy(server.port);
    await using other = await connect({ nats: through(proxy) });
    proxy.accept(false);
    proxy.cut();
    const look = () => other.ref(counter, "s-1").get();
    await eventually("the client has noticed", async () =>
      look().then(
        () => false,
        (error: { code: string }) => error.code === "no_connection",
      ),
    );
    for (const views of [other.list(), other.ref(counter, "s-1").watch()])
      await expect(views[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: "no_connection" });
  });
});
