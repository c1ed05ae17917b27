import { describe, expect, it } from "vitest";
import { connect, createHost } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { connectThrough, cutOff, server, through } from "./attended.ts";
import { counter } from "./counter.ts";

describe("closing", () => {
  it("ends everything that waits, at once, also where the server is silent", async () => {
    await using proxy = await startProxy(server.port);
    const client = await connect({ nats: through(proxy) });
    const ref = await client.start(counter, { id: "c-1" });
    await ref.waitFor(() => true, { timeout: "5s" });
    const controller = new AbortController();
    const endings = [
      client.run("greet", undefined, { delay: "1h" }),
      ref.waitFor(({ context }) => context.count > 5),
      ref.ask({ type: "count.silent" }, { timeout: "1h" }),
      ref.result({ signal: controller.signal }),
      (async () => {
        for await (const _ of ref.watch()) void _;
      })(),
    ].map((ending) => ending.catch(({ code }: { code: string }) => code));
    await ref.waitFor(({ context }) => context.count === 1, { timeout: "5s" });
    proxy.swallowAll();
    const silent = [ref.send({ type: "add" }), ref.get(), client.ask("host"), client.start(counter)].map((ending) =>
      ending.then(
        () => "done",
        ({ code }: { code: string }) => code,
      ),
    );
    await client.close();
    expect(await Promise.all([...endings, ...silent])).toEqual(Array.from({ length: 9 }, () => "stopped"));
    expect(client.connection).toEqual({ state: "closed", since: expect.any(Number) });
  });

  it("of a host does not wait for a server that is gone", async () => {
    await using proxy = await startProxy(server.port);
    const host = await createHost({ nats: through(proxy), namespace: "closing", actors: [counter], leaseTtl: "1s", partitions: 2 });
    await using client = await connectThrough(proxy, { namespace: "closing" });
    await cutOff(proxy, client);
    await eventually("the host has noticed", () => host.client.connection.state === "reconnecting");
    await host.stop();
    expect(host.client.connection.state).toBe("closed");
  });
});
