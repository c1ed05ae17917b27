import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect, createHost, defineTask, type Client, type RunningHost } from "../../src/index.ts";
import { api, namesOf } from "../../src/nats/names.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { connectThrough, cutOff, requested, server } from "./attended.ts";

/** One task that works until it is let go, by its id. */
const gates = new Map<string, () => void>();
const held = defineTask<{ id: string }, string>({
  name: "held",
  run: ({ input, signal }) =>
    new Promise((resolve, reject) => {
      gates.set(input.id, () => resolve("let go"));
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    }),
});

let proxy: Proxy;
let direct: Client;
let other: Client;
let host: RunningHost | undefined;
let id: string;
let namespace: string;
let count = 0;
const openHost = async () => void (host = await createHost({ nats: server.url, namespace, actors: [held], partitions: 2, leaseTtl: "1s" }));
const stopHost = async () => {
  await host?.stop();
  host = undefined;
};
beforeEach(async () => {
  id = `r${count++}`;
  namespace = `run-${id}`;
  proxy = await startProxy(server.port);
  await openHost();
  other = await connectThrough(proxy, { namespace });
  direct = await connect({ nats: server.url, namespace });
});
afterEach(async () => {
  await stopHost();
  await other.close();
  await direct.close();
  await proxy[Symbol.asyncDispose]();
});

const run = (options: { signal?: AbortSignal; timeout?: number } = {}) =>
  other.run(held, { id }, { id, ...options }).catch((error: { code?: string; message: string }) => error.code ?? error.message);
const letGo = async (which = id) => (await eventually("it works", () => gates.get(which)))();
const state = async () => {
  const view = await direct.ref(held, id).get();
  return view?.kind === "task" ? view.state : undefined;
};
const reaches = (wanted: string) => eventually(`it is ${wanted}`, async () => (await state()) === wanted, 10_000);
const reconnect = () => proxy.accept(true);

describe("a run whose connection breaks", () => {
  it("finds what happened meanwhile", async () => {
    const running = run();
    await reaches("doing");
    await cutOff(proxy, other);
    await letGo();
    await reaches("done");
    reconnect();
    expect(await running).toBe("let go");
  });

  it("says so where the record was removed meanwhile", async () => {
    const running = run();
    await reaches("doing");
    await cutOff(proxy, other);
    await letGo();
    await reaches("done");
    const names = namesOf(namespace);
    await requested(api.streamPurge(names.streams.core), JSON.stringify({ filter: names.state({ type: "held", id }) }));
    reconnect();
    expect(await running).toBe("unknown_id");
    await expect(other.ref(held, id).result()).rejects.toMatchObject({ code: "unknown_id" });
  });

  it("says why its start was refused meanwhile", async () => {
    await stopHost();
    const running = other.run("nobody", {}, { id }).catch(({ code }: { code: string }) => code);
    await eventually("it is queued", async () => (await direct.ref("nobody", id).get()) !== undefined);
    await cutOff(proxy, other);
    await openHost();
    await eventually("it is refused", async () => (await direct.ref("nobody", id).get()) === undefined);
    reconnect();
    expect(await running).toBe("unknown_type");
  });

  it("gives up after the outage that it is told to outlast; the task goes on", async () => {
    await other.close();
    other = await connectThrough(proxy, { namespace, outageTimeout: "100ms" });
    const running = run();
    await reaches("doing");
    await cutOff(proxy, other);
    expect(await running).toBe("no_connection");
    expect(await state()).toBe("doing");
  });
});

describe("a run that is aborted", () => {
  it("cancels its task, also where it must wait for a connection to do so", async () => {
    const controller = new AbortController();
    const running = run({ signal: controller.signal });
    await reaches("doing");
    await cutOff(proxy, other);
    controller.abort(new Error("enough"));
    expect(await running).toBe("cancelled");
    expect(await state()).toBe("doing");
    reconnect();
    await reaches("failed");
  });

  it("cancels its task where whether it began is not known", async () => {
    proxy.swallowAnswers();
    const controller = new AbortController();
    const running = run({ signal: controller.signal });
    await reaches("doing");
    controller.abort(new Error("enough"));
    expect(await running).toBe("cancelled");
    proxy.cut();
    await reaches("failed");
  });

  it("leaves nothing where nothing has left", async () => {
    await cutOff(proxy, other);
    const controller = new AbortController();
    const running = run({ signal: controller.signal });
    controller.abort(new Error("enough"));
    expect(await running).toBe("cancelled");
    reconnect();
    const later = other.run(held, { id: `${id}-later` });
    await letGo(`${id}-later`);
    await later;
    expect(await state()).toBeUndefined();
    expect(await direct.ask("dead.list")).toMatchObject({ letters: [] });
  });

  it("cancels its task although its client is closed at once", async () => {
    const controller = new AbortController();
    const running = run({ signal: controller.signal });
    await reaches("doing");
    controller.abort(new Error("enough"));
    await other.close();
    expect(await running).toBe("cancelled");
    await reaches("failed");
  });
});

describe("hosts", () => {
  it("may be exchanged in the middle of a run", async () => {
    const running = run();
    await reaches("doing");
    gates.delete(id);
    await stopHost();
    await openHost();
    await letGo();
    expect(await running).toBe("let go");
  });

  it("need not be there for a start, nor for a look; a run waits for one until its timeout", async () => {
    await stopHost();
    await other.start(held, { id, input: { id } });
    expect(await other.ref(held, id).get()).toMatchObject({ state: "undo", revision: 0 });
    expect(await run({ timeout: 100 })).toBe("no_answer");
    const running = run();
    await openHost();
    await letGo();
    expect(await running).toBe("let go");
  });

  it("are waited for by what only they can answer", async () => {
    await stopHost();
    await expect(other.ask("host", {}, { timeout: "50ms" })).rejects.toMatchObject({ code: "no_host" });
    const asking = other.ask("host");
    await openHost();
    expect(await asking).toMatchObject({ types: ["held"] });
  });
});
