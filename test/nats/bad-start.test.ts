import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect, createHost, defineTask, type HostOptions, type RunningHost } from "../../src/index.ts";
import { api, namesOf, METADATA } from "../../src/nats/names.ts";
import { rolesConfig } from "../../src/nats/roles.ts";
import { signOf } from "../contract/fixture.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const job = defineTask({ name: "job", run: async () => 1 });
const otherJob = defineTask({ name: "job", onCrash: "park", run: async () => 2 });
const newerJob = defineTask({ name: "job", version: 2, onCrash: "park", run: async () => 2 });
const complaints: string[] = [];
const quiet: NonNullable<HostOptions["log"]> = {
  level: "silent",
  child: () => quiet,
  debug() {},
  info() {},
  warn() {},
  error: (fields) => void complaints.push(String((fields as { code?: string }).code)),
};

let namespaces = 0;
const system = () => {
  const namespace = `bad${namespaces++}`;
  const names = namesOf(namespace);
  const open = (options: Partial<HostOptions> = {}): Promise<RunningHost> =>
    createHost({ nats: `127.0.0.1:${rig.port}`, namespace, actors: [job], partitions: 2, log: quiet, ...options });
  return { namespace, names, open };
};

describe("a host does not start", () => {
  it("where a running one has another definition of the same version, and the running one goes on", async () => {
    const { open } = system();
    await using first = await open();
    await expect(open({ actors: [otherJob] })).rejects.toMatchObject({
      code: "clashing_definition",
      about: first.id,
      faults: [{ path: "job" }],
    });
    expect(await first.client.run(job, undefined)).toBe(1);
    expect((await first.client.hosts()).hosts.map(({ id }) => id)).toEqual([first.id]);
    await using second = await open({ actors: [newerJob] });
    expect(second.status).toEqual({ kind: "active" });
  });

  it("exactly one of two, where both start at the same time", async () => {
    for (let round = 0; round < 3; round++) {
      const { open } = system();
      await (await open()).stop(); // the streams are there
      const started = await Promise.allSettled([open(), open({ actors: [otherJob] })]);
      expect(started.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      for (const each of started) {
        if (each.status === "fulfilled") await each.value.stop();
        else expect(each.reason).toMatchObject({ code: "clashing_definition" });
      }
    }
  });

  it.each([0, 2])("beside a host that speaks protocol %i", async (protocol) => {
    const { namespace, open } = system();
    await (await open()).stop();
    const side = await rig.system({ namespace, partitions: 2, inMaxBytes: 2 ** 30 });
    const { leases } = await side.another();
    leases.listen("other", () => {});
    await leases.beat(signOf("other", { protocol, release: "9.9.9" }));
    const start = open();
    let isOver = false;
    start.catch(() => {}).finally(() => (isOver = true));
    await eventually("the host has decided", async () => {
      await leases.beat(signOf("other", { protocol, release: "9.9.9" }));
      return isOver;
    });
    await expect(start).rejects.toMatchObject({ code: "incompatible_release", about: "other" });
  });

  it.each(["0", "2"])("on streams of protocol %s, nor does a client read them", async (protocol) => {
    const { names, open } = system();
    await (await open()).stop();
    const connection = await rig.connect();
    const { core } = names.streams;
    const { config } = JSON.parse((await connection.request(api.streamInfo(core))).string()) as {
      config: { metadata: Record<string, string> };
    };
    const changed = { ...config, metadata: { ...config.metadata, [METADATA.protocol]: protocol } };
    await connection.request(api.streamUpdate(core), JSON.stringify(changed));
    await expect(open()).rejects.toMatchObject({ code: "incompatible_release", about: core });
    await using client = await connect({ nats: `127.0.0.1:${rig.port}`, namespace: names.namespace });
    await expect(client.ref("job", "1").get()).rejects.toMatchObject({ code: "incompatible_release" });
  });

  it("with another number of partitions than the streams have", async () => {
    const { open } = system();
    await (await open()).stop();
    await expect(open({ partitions: 4 })).rejects.toMatchObject({ code: "incompatible_stream" });
  });

  it.each(["core", "in", "work", "history"] as const)("where the name of the stream %s is somebody else's", async (which) => {
    const { names, namespace, open } = system();
    const connection = await rig.connect();
    const name = names.streams[which];
    await connection.request(api.streamCreate(name), JSON.stringify({ name, subjects: [`${namespace}.theirs.>`] }));
    await expect(open()).rejects.toMatchObject({
      code: "incompatible_stream",
      faults: expect.arrayContaining([{ path: name, message: expect.any(String) }]),
    });
  });

  it("where somebody else's stream has a subject of the namespace", async () => {
    const { names, namespace, open } = system();
    const connection = await rig.connect();
    await connection.request(api.streamCreate("THEIRS"), JSON.stringify({ name: "THEIRS", subjects: [`${namespace}.state.>`] }));
    await expect(open()).rejects.toMatchObject({ code: "incompatible_stream", about: names.streams.core });
    await connection.request("$JS.API.STREAM.DELETE.THEIRS", "");
  });
});

describe("an account without a permission that a host needs", () => {
  const login = { user: "host", password: "secret" };
  const allowed = rolesConfig({ namespace: "narrow", host: login, deployer: { user: "deployer", password: "secret" } });

  it.each([
    ["narrow.state.>", "publish to"],
    ["$JS.API.STREAM.PURGE.NARROW_CORE", "publish to"],
    ["$JS.API.CONSUMER.RESET.NARROW_IN.*", "publish to"],
    ["$KV.narrow-hosts.>", "publish to"],
    ["$SRV.>", "subscribe to"],
  ])("is named with all that is missing: %s", async (subject, operation) => {
    const lines = allowed.split("\n").filter((line) => line.trim().replace(/,$/, "") !== JSON.stringify(subject));
    expect(lines.length).toBeLessThan(allowed.split("\n").length);
    await using narrow = await startRig(lines.join("\n").replaceAll(/,(\s*\])/g, "$1"));
    const nats = { servers: `127.0.0.1:${narrow.port}`, user: "host", password: "secret", inboxPrefix: "_INBOX_host" };
    await expect(createHost({ nats, namespace: "narrow", actors: [job], log: quiet })).rejects.toMatchObject({
      code: "no_permission",
      faults: [{ path: `${operation} ${subject}`, message: "is not allowed" }],
    });
  });
});

it("a host that finds no streams and may not create them says so, and who may", async () => {
  const login = { user: "host", password: "secret" };
  await using bare = await startRig(rolesConfig({ namespace: "bare", host: login }));
  const nats = { servers: `127.0.0.1:${bare.port}`, ...login, inboxPrefix: "_INBOX_host" };
  await expect(createHost({ nats, namespace: "bare", actors: [job], log: quiet })).rejects.toMatchObject({
    code: "not_provisioned",
    about: "BARE_CORE",
    cause: { code: "no_permission" },
  });
});

describe("a stream that is lost while hosts run", () => {
  it("is told of once and shown in the status; the host goes on where the stream is made again", async () => {
    const { names, open } = system();
    await using host = await open();
    expect(await host.client.run(job, undefined, { id: "before" })).toBe(1);
    complaints.length = 0;
    const connection = await rig.connect();
    await connection.request(`$JS.API.STREAM.DELETE.${names.streams.core}`, "");
    await eventually("it shows", () => host.status.kind === "cut-off", 15_000);
    expect(host.status).toMatchObject({ kind: "cut-off", error: { code: "not_provisioned", about: names.streams.core } });
    await eventually("it is said", () => complaints.includes("not_provisioned"));
    await rig.system({ namespace: names.namespace, partitions: 2, inMaxBytes: 2 ** 30 });
    await eventually(
      "it goes on",
      () => host.status.kind === "active" && host.partitions.every(({ phase }) => phase === "running"),
      20_000,
    );
    expect(await host.client.run(job, undefined, { id: "after", timeout: "20s" })).toBe(1);
    expect(complaints.filter((code) => code === "not_provisioned")).toHaveLength(1);
  }, 60_000);
});
