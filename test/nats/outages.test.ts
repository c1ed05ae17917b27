import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connect, type Client, type ConnectionState } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { client, connectThrough, cutOff, server, through } from "./attended.ts";
import { LOOKS, SENDS, WAITS, WATCH, type Scene } from "./calls.ts";
import { counter, greet } from "./counter.ts";

let proxy: Proxy;
let other: Client;
let scene: Scene;
let count = 0;
beforeAll(async () => void (await client.run(greet, undefined, { id: "done" })));
beforeEach(async () => {
  proxy = await startProxy(server.port);
  other = await connectThrough(proxy, { outageTimeout: "20s" });
  const id = `o-${count++}`;
  await (await client.start(counter, { id })).waitFor(() => true, { timeout: "5s" });
  scene = { client: other, alive: id, fresh: `${id}-fresh`, limits: {} };
});
afterEach(async () => {
  await other.close();
  await proxy[Symbol.asyncDispose]();
});

const ALL = Object.entries({ ...SENDS, ...LOOKS, ...WAITS, watch: WATCH });
const TIMED = Object.entries({ ...SENDS, ...LOOKS });
const codeOf = (ending: Promise<unknown>): Promise<string> =>
  ending.then(
    () => "done",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

describe("while the connection is away", () => {
  it.each(ALL)("%s waits for it to come back", async (_name, call) => {
    await cutOff(proxy, other);
    const ending = codeOf(call(scene));
    proxy.accept(true);
    expect(await ending).toBe("done");
  });

  it.each(TIMED)("%s ends with no_connection at its timeout: nothing has left", async (_name, call) => {
    await cutOff(proxy, other);
    expect(await codeOf(call({ ...scene, limits: { timeout: "150ms" } }))).toBe("no_connection");
  });

  it.each(Object.entries(WAITS))("%s ends with no_answer at its timeout: what it waits for may have happened", async (_name, call) => {
    await cutOff(proxy, other);
    expect(await codeOf(call({ ...scene, limits: { timeout: "150ms" } }))).toBe("no_answer");
  });

  it.each(ALL)("%s ends with its signal's reason", async (name, call) => {
    await cutOff(proxy, other);
    const controller = new AbortController();
    const ending = codeOf(call({ ...scene, limits: { signal: controller.signal } }));
    controller.abort(new Error("enough"));
    // A watch has an end; whoever cancels by aborting is told so.
    expect(await ending).toBe({ watch: "done", run: "cancelled" }[name] ?? "enough");
  });

  it.each(ALL)("%s ends with stopped when its client is closed", async (_name, call) => {
    await cutOff(proxy, other);
    const ending = codeOf(call(scene));
    await other.close();
    expect(await ending).toBe("stopped");
    expect(await codeOf(call(scene)), "and is not begun afterwards").toBe("stopped");
  });

  it.each(["waitFor", "watch"] as const)("%s gives up after the outage that it is told to outlast", async (name) => {
    const impatient = await connectThrough(proxy, { outageTimeout: "100ms" });
    await cutOff(proxy, impatient);
    expect(await codeOf((name === "watch" ? WATCH : WAITS[name])?.({ ...scene, client: impatient }) as Promise<unknown>)).toBe(
      "no_connection",
    );
    await impatient.close();
  });
});

describe("a message", () => {
  const LONG = ["sendTimeout", "timeout"];
  it.each(LONG)("is not sent again for longer than the stream knows its id: %s", async (name) => {
    const nats = server.url;
    const ending = name === "timeout" ? other.start(counter, { timeout: "61s" }) : connect({ nats, sendTimeout: "61s" });
    await expect(ending).rejects.toMatchObject({ code: "bad_options" });
  });

  it("with an id of the sender's own is one however often it is sent", async () => {
    const ref = other.ref(counter, scene.alive);
    for (let tries = 0; tries < 3; tries++) await ref.send({ type: "add" }, { id: `m-${scene.alive}` });
    await ref.send({ type: "add" });
    expect(await ref.ask({ type: "count" })).toEqual({ type: "counted", count: 2 });
    await expect(ref.send({ type: "add" }, { id: "a b" })).rejects.toMatchObject({ code: "bad_options" });
  });
});

describe("a client", () => {
  it("says how it stands with the server, in words and in the log", async () => {
    const logged: string[] = [];
    const note = (level: string) => (_fields: object, message: string) => void logged.push(`${level}: ${message}`);
    const log = { level: "info", child: () => log, debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const told = await connect({ nats: through(proxy), log });
    const states: ConnectionState[] = [];
    told.onConnection((state) => states.push(state));
    expect(told.connection).toMatchObject({ state: "connected", server: expect.stringContaining(String(proxy.port)) });
    await cutOff(proxy, told);
    await eventually("it dials", () => told.connection.state === "reconnecting" && told.connection.tries > 1);
    proxy.accept(true);
    await eventually("it is back", () => told.connection.state === "connected");
    await told.close();
    const words = states.map(({ state }) => state);
    expect(words.filter((word, i) => word !== words[i - 1])).toEqual(["reconnecting", "connected", "closed"]);
    expect(logged).toEqual(["warn: the connection is lost; dialling", "info: the connection is back"]);
  });
});
