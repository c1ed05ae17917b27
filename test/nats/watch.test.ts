import { describe, expect, it, vi } from "vitest";
import { connect, type Client, type View } from "../../src/index.ts";
import { decodeRecord } from "../../src/core/codec.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { client, connectThrough, cutOff, requested, server, through } from "./attended.ts";
import { counter, forgetful, greet } from "./counter.ts";

describe("watch from the start", () => {
  const revisions = async (views: AsyncIterable<View>, last: number, told = () => {}): Promise<number[]> => {
    const seen: number[] = [];
    for await (const { revision } of views) {
      seen.push(revision);
      told();
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
    let seen = 0;
    const watching = revisions(watcher.ref(counter, "w-2").watch({ from: "start" }), 202, () => seen++);
    // A watch that cannot even begin is refused.
    await eventually("the watch has begun", () => seen > 0);
    for (let i = 0; i < 200; i++) {
      if (i === 50 || i === 120) proxy.cut();
      await ref.send({ type: "add" });
    }
    expect(await watching).toEqual(upTo(202));
  });

  it("goes on after a connection that swallowed everything for a while", async () => {
    await using proxy = await startProxy(server.port);
    await using watcher = await connectThrough(proxy);
    const ref = await client.start(counter, { id: "w-7" });
    let seen = 0;
    const watching = revisions(watcher.ref(counter, "w-7").watch({ from: "start" }), 101, () => seen++);
    await eventually("the watch has begun", () => seen > 0);
    proxy.swallowAll();
    for (let i = 0; i < 100; i++) await ref.send({ type: "add" });
    await eventually("the silence is noticed", () => watcher.connection.state === "reconnecting");
    proxy.cut();
    expect(await watching).toEqual(upTo(101));
  });

  it.each([
    ["does not yet have, and ends so that nothing is left out", 0, "no_answer"],
    ["has had and lost, by going on with what there is", 120_000, [1, 5]],
  ])("tells what HISTORY %s", async (_what, laterMs, expected) => {
    await using proxy = await startProxy(server.port);
    await using watcher = await connectThrough(proxy);
    const id = `w-8-${laterMs}`;
    const ref = await client.start(counter, { id });
    let seen = 0;
    const watching = revisions(watcher.ref(counter, id).watch({ from: "start" }), 5, () => seen++).catch(
      ({ code }: { code: string }) => code,
    );
    await eventually("the watch has begun", () => seen > 0);
    await cutOff(proxy, watcher);
    for (let i = 0; i < 4; i++) await ref.send({ type: "add" });
    await eventually("the last turn", async () => {
      const { data } = await requested(`$JS.API.DIRECT.GET.TROUPE_HISTORY.troupe.history.counter.${id}`);
      return (decodeRecord(data) as { record?: { revision: number } }).record?.revision === 5;
    });
    await requested("$JS.API.STREAM.PURGE.TROUPE_HISTORY", JSON.stringify({ filter: `troupe.history.counter.${id}` }));
    const now = Date.now.bind(Date);
    const clock = vi.spyOn(Date, "now").mockImplementation(() => now() + laterMs);
    proxy.accept(true);
    expect(await watching).toEqual(expected);
    clock.mockRestore();
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

  it("tells of large states that the history did not keep how large they were, of the present one everything", async () => {
    const ref = await client.start(counter, { id: "w-6" });
    await ref.waitFor((view) => view.matches("open"), { timeout: "5s" });
    for (const last of [2, 3, 4]) {
      await ref.send({ type: "fill", text: "x".repeat(100_000) });
      await ref.waitFor(({ revision }) => revision === last, { timeout: "5s" });
    }
    const told: unknown[] = [];
    for await (const { revision, tooLarge = 0, context } of ref.watch({ from: "start" })) {
      told.push([revision, tooLarge > 100_000, context?.text?.length]);
      if (revision === 4) break;
    }
    expect(told.slice(2)).toEqual([
      [3, true, undefined],
      [4, false, 100_000],
    ]);
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
    const turn = await eventually("the last turn", async () => {
      const { code, data } = await requested("$JS.API.DIRECT.GET.TROUPE_HISTORY.troupe.history.counter.w-5");
      if (code !== 0) return undefined;
      const found = decodeRecord(data) as { event?: { type: string } };
      return found.event?.type === "close" ? found : undefined;
    });
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

  it("is listed once, whatever is removed or changes while the list is read", async () => {
    const ids = Array.from({ length: 5_000 }, (_, i) => `m-${i}`);
    await Promise.all(ids.map((id) => client.start(forgetful, { id })));
    const there = async () => {
      let found = 0;
      for await (const _ of client.list({ type: "forgetful" })) found++;
      return found;
    };
    const before = await eventually("all of them", async () => {
      const found = await there();
      return found >= ids.length ? found : undefined;
    });
    const listed: string[] = [];
    for await (const { id } of client.list({ type: "forgetful" })) {
      if (listed.push(id) !== 100) continue;
      await requested("$JS.API.STREAM.PURGE.TROUPE_CORE", JSON.stringify({ filter: "troupe.state.forgetful.m-4999" }));
      await client.ref(forgetful, id).send({ type: "add" });
      await client.ref(forgetful, id).waitFor(({ context }) => context.count === 1, { timeout: "5s" });
      await client.ref(forgetful, "m-4998").send({ type: "add" });
      await client.ref(forgetful, "m-4998").waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    }
    expect(listed).toHaveLength(before - 1);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed).toContain("m-4998");
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
});
