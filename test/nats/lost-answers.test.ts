import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Client } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { client, connectThrough, cutOff, server } from "./attended.ts";
import { LOOKS, SENDS, WAITS, type Scene } from "./calls.ts";
import { counter, greet } from "./counter.ts";

/** A connection that stands while what is sent on it, or what the server answers, vanishes. */
let proxy: Proxy;
let other: Client;
let scene: Scene;
let count = 0;
beforeEach(async () => {
  proxy = await startProxy(server.port);
  other = await connectThrough(proxy);
  const id = `h-${count++}`;
  await (await client.start(counter, { id })).waitFor(() => true, { timeout: "5s" });
  await client.run(greet, undefined, { id: "done" });
  scene = { client: other, alive: id, fresh: `${id}-fresh`, limits: {} };
});
afterEach(async () => {
  await other.close();
  await proxy[Symbol.asyncDispose]();
});

const codeOf = (ending: Promise<unknown>): Promise<string> =>
  ending.then(
    () => "done",
    (error: { code: string }) => error.code,
  );

describe("a connection that swallows everything", () => {
  it("is noticed by its silence, and given up for another", async () => {
    proxy.swallowAll();
    await eventually("the silence is noticed", () => other.connection.state === "reconnecting");
    proxy.cut();
    expect(await other.ref(counter, scene.alive).get()).toMatchObject({ state: "open.idle" });
  });

  it.each(Object.entries({ ...SENDS, ...LOOKS, ...WAITS }))(
    "%s ends with no_answer at its timeout: it may have arrived",
    async (_name, call) => {
      proxy.swallowAll();
      expect(await codeOf(call({ ...scene, limits: { timeout: "80ms" } }))).toBe("no_answer");
    },
  );

  it.each(Object.entries({ ...SENDS, ...LOOKS, ...WAITS }))("%s goes on when another one is found", async (name, call) => {
    proxy.swallowAll();
    const ending = codeOf(call(scene));
    await eventually("the silence is noticed", () => other.connection.state === "reconnecting");
    proxy.cut();
    // Whether the host heard the request for its own verb is not known; this one changes nothing, so it is asked again.
    expect(await ending, name).toBe("done");
  });
});

describe("an acknowledgement that is lost", () => {
  it("makes no second event: the same id is sent again", async () => {
    proxy.swallowAnswers();
    const sending = other.ref(counter, scene.alive).send({ type: "add" });
    const direct = client.ref(counter, scene.alive);
    await direct.waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    proxy.cut();
    await sending;
    await direct.send({ type: "add" });
    expect(await direct.ask({ type: "count" })).toEqual({ type: "counted", count: 2 });
  });

  it("makes no second actor: the same start is sent again", async () => {
    proxy.swallowAnswers();
    const starting = other.start(counter, { id: scene.fresh });
    const direct = client.ref(counter, scene.fresh);
    await eventually("it lives", async () => (await direct.get()) !== undefined);
    await direct.send({ type: "add" });
    const before = await direct.waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    proxy.cut();
    expect((await starting).key).toBe(direct.key);
    expect(await direct.ask({ type: "count" })).toEqual({ type: "counted", count: 1 });
    expect((await direct.snapshot()).createdAt).toBe(before.createdAt);
  });

  it("is said to be one: the sender knows that it may be stored, and may send the same again", async () => {
    proxy.swallowAnswers();
    const ref = other.ref(counter, scene.alive);
    await expect(ref.send({ type: "add" }, { id: "mine", timeout: "100ms" })).rejects.toMatchObject({
      code: "no_answer",
      message: expect.stringContaining("may be stored"),
    });
    const direct = client.ref(counter, scene.alive);
    await direct.waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    proxy.cut();
    await ref.send({ type: "add" }, { id: "mine" });
    expect(await direct.ask({ type: "count" })).toEqual({ type: "counted", count: 1 });
  });
});

describe("a message that has left", () => {
  it("may be stored, also where its time ends while the connection is away", async () => {
    proxy.swallowAnswers();
    const sending = codeOf(other.ref(counter, scene.alive).send({ type: "add" }, { timeout: "3s" }));
    await client.ref(counter, scene.alive).waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    await cutOff(proxy, other);
    expect(await sending).toBe("no_answer");
  });
});

describe("a request to a host whose answer is lost", () => {
  it("is not made again where it changes something", async () => {
    proxy.swallowAnswers();
    const ending = codeOf(other.ask(`send.counter.${scene.alive}`, { event: { type: "add" } }));
    const direct = client.ref(counter, scene.alive);
    await direct.waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    proxy.cut();
    expect(await ending).toBe("no_answer");
    await direct.send({ type: "add" });
    expect(await direct.ask({ type: "count" })).toEqual({ type: "counted", count: 2 });
  });
});
