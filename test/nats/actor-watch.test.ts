import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { watchActor } from "../../src/nats/actor-watch.ts";
import { Answers } from "../../src/nats/answers.ts";
import { Link } from "../../src/nats/link.ts";
import { api } from "../../src/nats/names.ts";
import { Reads } from "../../src/nats/reads.ts";
import { startProxy, type Proxy } from "../support/proxy.ts";
import { startRig, type Rig, type System } from "./rig.ts";

let rig: Rig;
let system: System;
let proxy: Proxy;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  system = await rig.system();
  proxy = await startProxy(rig.port);
});
afterEach(() => proxy[Symbol.asyncDispose]());

const address = { type: "order", id: "1" };

/** Watches through the proxy; what it tells as text. */
async function watch(signal?: AbortSignal): Promise<AsyncIterator<string>> {
  const link = new Link(await rig.connect({ servers: `127.0.0.1:${proxy.port}` }));
  const reads = new Reads(new Answers(link, undefined, 1000), 1);
  const { names } = system;
  const read = async () => (await reads.newest(names.streams.core, [names.state(address)])).get(names.state(address))?.body;
  const changes = watchActor({ link, names, read }, address, signal);
  return (async function* () {
    for await (const { bytes } of changes) yield bytes === undefined ? "removed" : Buffer.from(bytes).toString();
  })();
}

const store = (text: string) => system.publish(system.names.state(address), text);
const next = async (watching: AsyncIterator<string>) => (await watching.next()).value as string | undefined;

describe("watching one actor", () => {
  it("tells what is stored, every change, and its end", async () => {
    await store("one");
    const watching = await watch();
    expect(await next(watching)).toBe("one");
    await store("two");
    await store("three");
    expect([await next(watching), await next(watching)]).toEqual(["two", "three"]);
    const { names, connection } = system;
    await connection.request(api.streamPurge(names.streams.core), JSON.stringify({ filter: names.state(address) }));
    expect(await next(watching)).toBe("removed");
    expect(await watching.next()).toMatchObject({ done: true });
  });

  it("waits for one that is not there yet", async () => {
    const watching = await watch();
    const first = next(watching);
    await store("born");
    expect(await first).toBe("born");
  });

  it("finds what was stored while the connection was down", async () => {
    await store("one");
    const watching = await watch();
    expect(await next(watching)).toBe("one");
    const later = next(watching);
    proxy.cut();
    await store("two");
    expect(await later).toBe("two");
  });

  it("ends when nobody wants it any more", async () => {
    const over = new AbortController();
    await store("one");
    const watching = await watch(over.signal);
    expect(await next(watching)).toBe("one");
    const later = watching.next();
    over.abort();
    expect(await later).toMatchObject({ done: true });
  });
});
