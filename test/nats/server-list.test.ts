import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/nats-core";
import { afterEach, describe, expect, it } from "vitest";
import { connect, createHost } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { counter, greet } from "./counter.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.[Symbol.asyncDispose]();
  rig = undefined;
});

/** Takes connections and says nothing. */
async function startMute(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server: Server = createServer((socket) => void socket.on("error", () => {}));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
}

const local = (port: number): string => `nats://127.0.0.1:${port}`;

describe("a list of servers", () => {
  it("needs one that can be reached", async () => {
    rig = await startRig();
    await using mute = await startMute();
    await using client = await connect({ nats: { servers: [local(1), local(mute.port), local(rig.port)], context: false } });
    expect(client.connection).toMatchObject({ state: "connected", server: `127.0.0.1:${rig.port}` });
  });

  it("is gone through when the connection breaks: what waits goes on at the next one", async () => {
    rig = await startRig();
    await using host = await createHost({ nats: local(rig.port), actors: [counter, greet], leaseTtl: "1s" });
    await using one = await startProxy(rig.port);
    await using two = await startProxy(rig.port);
    await using client = await connect({ nats: [local(one.port), local(two.port)] });
    const at = () => (client.connection.state === "connected" ? Number(client.connection.server.split(":")[1]) : 0);
    const [here, there] = at() === one.port ? [one, two] : [two, one];
    const ref = await client.start(counter, { id: "moves" });
    const counted = ref.waitFor(({ context }) => context.count === 2, { timeout: "10s" });
    await ref.send({ type: "add" });
    here.accept(false);
    here.cut();
    await ref.send({ type: "add" });
    expect((await counted).context.count).toBe(2);
    expect(at()).toBe(there.port);
    expect(host.id).toBeDefined();
  });

  it("is waited for at the start, until the deadline, which is named", async () => {
    rig = await startRig();
    await rig.stop();
    const late = connect({ nats: { servers: local(rig.port), connectTimeoutMs: 20_000, context: false } });
    await rig.start();
    await (await late).close();
    await expect(connect({ nats: { servers: [local(1), local(2)], connectTimeoutMs: 300, context: false } })).rejects.toMatchObject({
      code: "no_connection",
      message: expect.stringMatching(/127\.0\.0\.1:1, .*127\.0\.0\.1:2: connection refused; tried for 300 ms/),
    });
  });

  it("is not waited for where it refuses who comes", async () => {
    rig = await startRig(`authorization { token: "t0ken" }`);
    const refused = connect({ nats: { servers: local(rig.port), connectTimeoutMs: 3_600_000, context: false } });
    await expect(refused).rejects.toMatchObject({ code: "no_connection", message: expect.stringMatching(/authorization/i) });
  });
});

describe("a server that refuses a client whom it knew", () => {
  it("is dialled again all the same: credentials are rotated on one server after another", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "troupe-rotated-"));
    const start = (token: string, port?: number) =>
      startServer({
        dataDir,
        authorization: { kind: "config", text: `authorization { token: "${token}" }` },
        ...(port === undefined ? {} : { port }),
      });
    const first = await start("old");
    await using client = await connect({ nats: { servers: local(first.port), token: "old", context: false } });
    await first.stop();
    const second = await start("new", first.port);
    await eventually(
      "it was refused, and more than once",
      () => client.connection.state === "reconnecting" && client.connection.tries > 5,
      15_000,
    );
    expect(client.connection).toMatchObject({ reason: expect.stringMatching(/authorization/i) });
    await second.stop();
    const third = await start("old", first.port);
    await eventually("it is let in", () => client.connection.state === "connected", 15_000);
    await third.stop();
    rmSync(dataDir, { recursive: true });
  });

  it("hears what the file of credentials held last, while it is being replaced", async () => {
    const pair = nkeys.createUser();
    rig = await startRig(`authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`);
    const folder = mkdtempSync(join(tmpdir(), "troupe-seed-"));
    const nkeySeedFile = join(folder, "seed.nk");
    writeFileSync(nkeySeedFile, pair.getSeed());
    await using proxy = await startProxy(rig.port);
    await using client = await connect({ nats: { servers: local(proxy.port), nkeySeedFile, context: false } });
    rmSync(folder, { recursive: true });
    const since = client.connection.since;
    proxy.cut();
    await eventually("it is let in again", () => client.connection.state === "connected" && client.connection.since > since);
  });
});

describe("a server that is killed and comes back with its data", () => {
  it("loses nothing of what goes on meanwhile", async () => {
    rig = await startRig();
    const nats = local(rig.port);
    await using host = await createHost({ nats, actors: [counter, greet], leaseTtl: "1s" });
    await using client = await connect({ nats });
    const ref = await client.start(counter, { id: "survives" });
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { revision } of ref.watch({ from: "start" })) if (seen.push(revision) >= 41) return;
    })();
    const sending = (async () => {
      for (let i = 0; i < 40; i++) await ref.send({ type: "add" }, { timeout: "30s" });
    })();
    await eventually("it is on its way", () => seen.length > 5);
    await rig.stop();
    const running = client.run(greet, undefined, { timeout: "30s" });
    const looking = ref.get({ timeout: "30s" });
    await rig.start();
    await sending;
    expect(await running).toBe("hello");
    expect(await looking).toMatchObject({ kind: "actor" });
    await watching;
    expect(seen).toEqual(Array.from({ length: 41 }, (_, i) => i + 1));
    expect(host.partitions.length).toBeGreaterThan(0);
  });
});
