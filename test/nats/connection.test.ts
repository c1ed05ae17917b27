import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "@nats-io/nats-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { resolveOptions, type ConnectionOptions } from "../../src/nats/connection-options.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { startRig } from "./rig.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "troupe-context-"));
  mkdirSync(join(folder, "nats", "context"), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const context = (name: string, content: object) => writeFileSync(join(folder, "nats", "context", `${name}.json`), JSON.stringify(content));
const file = (name: string, content = "x") => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const resolve = (options: ConnectionOptions, environment: Record<string, string> = {}) =>
  resolveOptions(options, { XDG_CONFIG_HOME: folder, ...environment });
const faults = (options: ConnectionOptions, environment?: Record<string, string>) => {
  try {
    resolve(options, environment);
    return [];
  } catch (error) {
    const { code, faults: found } = error as { code: string; faults: { path: string; message: string }[] };
    expect(code).toBe("bad_options");
    return found.map(({ path, message }) => `${path} ${message}`);
  }
};

describe("options", () => {
  it("fall back to the local server", () => {
    expect(resolve({}).servers).toEqual(["nats://127.0.0.1:4222"]);
  });

  it("come before the environment, the environment before the context", () => {
    context("low", { url: "nats://context:1", user: "c", password: "p" });
    expect(resolve({ context: "low" })).toMatchObject({ servers: ["nats://context:1"], user: "c", password: "p" });
    expect(resolve({ context: "low" }, { NATS_URL: "nats://env:1" }).servers).toEqual(["nats://env:1"]);
    expect(resolve({ context: "low", servers: "nats://option:1" }, { NATS_URL: "nats://env:1" }).servers).toEqual(["nats://option:1"]);
    expect(resolve({}, { NATS_CONTEXT: "low" }).user).toBe("c");
  });

  it("take the selected context only where nothing else names a server", () => {
    context("chosen", { url: "nats://chosen:1", token: "t" });
    const path = file(join("nats", "context.txt"), "chosen\n");
    expect(resolve({})).toMatchObject({ servers: ["nats://chosen:1"], token: "t" });
    expect(resolve({ servers: "x:1" }).token).toBeUndefined();
    expect(resolve({ context: false }).servers).toEqual(["nats://127.0.0.1:4222"]);
    rmSync(path);
  });

  it("never mix one source's user with another's password", () => {
    context("mixed", { url: "nats://c:1", user: "c", password: "p" });
    expect(resolve({ context: "mixed" }, { NATS_TOKEN: "t" })).toMatchObject({ token: "t" });
    expect(resolve({ context: "mixed" }, { NATS_TOKEN: "t" }).user).toBeUndefined();
  });

  it("read tokens, users and TLS out of URLs", () => {
    expect(resolve({ servers: "nats://s3cret@host:1" })).toMatchObject({ token: "s3cret", servers: ["nats://host:1"] });
    expect(resolve({ servers: ["tls://me:p%40ss@a:1", "tls://b:2"] })).toMatchObject({
      user: "me",
      password: "p@ss",
      tls: {},
      servers: ["tls://a:1", "tls://b:2"],
    });
  });

  it("resolve what a context's values stand for", () => {
    context("refs", {
      url: "env://MY_URL",
      password: "data:;base64,aGk=",
      user: `file://${file("user.txt", "bob\n")}`,
      creds: "",
      cert: file("c.pem"),
      key: file("k.pem"),
      ca: `file://${file("ca.pem")}`,
      tls_first: true,
      inbox_prefix: "_IN",
    });
    expect(resolve({ context: "refs" }, { MY_URL: "nats://u:1" })).toEqual({
      servers: ["nats://u:1"],
      user: "bob",
      password: "hi",
      inboxPrefix: "_IN",
      context: "refs",
      tls: { certFile: join(folder, "c.pem"), keyFile: join(folder, "k.pem"), caFile: join(folder, "ca.pem"), handshakeFirst: true },
    });
  });

  it("refuse a context's secrets that only the CLI can fetch, and subjects that ours do not follow", () => {
    context("vault", { url: "nats://x:1", password: "op://vault/item", creds: "nsc://o/a/u", user: "u", jetstream_domain: "hub" });
    expect(faults({ context: "vault" }).join("\n")).toMatch(/op:\/\/.*\n?.*nsc:\/\/|nsc:\/\/[^]*op:\/\//);
    expect(faults({ context: "vault" }).join("\n")).toContain("jetstream_domain");
  });

  it("list every fault at once", () => {
    const found = faults({
      servers: ["http://a:1", "not a/url"],
      password: "x",
      credsFile: "/nowhere",
      tls: { certFile: "/nowhere" },
      inboxPrefix: "a.*",
      connectTimeoutMs: 0,
      pingIntervalMs: 0,
      context: "nowhere",
      ...({ serverz: 1 } as object),
    });
    for (const path of [
      "serverz",
      "context",
      "servers",
      "password",
      "credsFile",
      "tls.certFile",
      "tls",
      "inboxPrefix",
      "connectTimeoutMs",
      "pingIntervalMs",
    ])
      expect(found).toContainEqual(expect.stringMatching(`^${path} `));
  });
});

describe("a connection", () => {
  it("names the server that it cannot reach", async () => {
    await expect(openConnection({ servers: "127.0.0.1:1", connectTimeoutMs: 300, context: false }, {})).rejects.toMatchObject({
      code: "no_connection",
      message: expect.stringContaining("127.0.0.1:1"),
    });
  });

  it("gives up on a server that says nothing", async () => {
    const mute = createServer(() => {});
    await new Promise<void>((resolveListening) => void mute.listen(0, "127.0.0.1", resolveListening));
    const { port } = mute.address() as AddressInfo;
    await expect(openConnection({ servers: `127.0.0.1:${port}`, connectTimeoutMs: 200, context: false }, {})).rejects.toMatchObject({
      code: "no_connection",
    });
    mute.close();
  });

  it("refuses a server that is too old", async () => {
    const old = createServer((socket) => {
      socket.write(`INFO ${JSON.stringify({ server_id: "X", version: "2.9.25", headers: true, max_payload: 1048576, proto: 1 })}\r\n`);
      socket.on("error", () => {}).on("data", (chunk) => chunk.includes("PING") && socket.write("PONG\r\n"));
    });
    await new Promise<void>((resolveListening) => void old.listen(0, "127.0.0.1", resolveListening));
    const { port } = old.address() as AddressInfo;
    await expect(openConnection({ servers: `127.0.0.1:${port}`, context: false }, {})).rejects.toMatchObject({
      code: "incompatible_server",
      message: expect.stringContaining("2.9.25"),
    });
    old.close();
  });

  it.each([
    ["a user", `authorization { user: me, password: "p w" }`, () => ({ user: "me", password: "p w" }), "me:p%20w"],
    ["a token", `authorization { token: "t0ken" }`, () => ({ token: "t0ken" }), "t0ken"],
  ] as const)("is let in by %s and not without", async (_what, configuration, login, inUrl) => {
    const rig = await startRig(configuration);
    await expect(rig.connect()).rejects.toMatchObject({ code: "no_connection", message: expect.stringMatching(/authorization/i) });
    await expect(rig.connect(login())).resolves.toBeDefined();
    await expect(rig.connect({ servers: `nats://${inUrl}@127.0.0.1:${rig.port}` })).resolves.toBeDefined();
    await rig[Symbol.asyncDispose]();
  });

  it("is let in by an nkey's seed in a file", async () => {
    const pair = nkeys.createUser();
    const rig = await startRig(`authorization { users: [ { nkey: ${pair.getPublicKey()} } ] }`);
    const seed = file(
      "seed.nk",
      `-----BEGIN USER NKEY SEED-----\n${Buffer.from(pair.getSeed()).toString()}\n------END USER NKEY SEED------\n`,
    );
    await expect(rig.connect({ nkeySeedFile: seed })).resolves.toBeDefined();
    await rig[Symbol.asyncDispose]();
  });
});
