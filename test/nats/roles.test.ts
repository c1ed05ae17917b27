import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect, createHost, defineTask } from "../../src/index.ts";
import { openAdapter } from "../../src/nats/adapter.ts";
import { api, namesOf } from "../../src/nats/names.ts";
import { provision, readLayout } from "../../src/nats/provision.ts";
import { inboxPrefixOf, rolesConfig, type Role } from "../../src/nats/roles.ts";
import type { Delivery } from "../../src/ports/mailbox.ts";
import { signOf } from "../contract/fixture.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

const login = (role: Role) => ({ user: `${role}-user`, password: `${role} "secret"` });
const names = namesOf("guarded");
const address = { type: "order", id: "1" };
let rig: Rig;
const connections = new Map<Role, NatsConnection>();
beforeAll(async () => {
  const configuration = rolesConfig({
    namespace: "guarded",
    publisher: login("publisher"),
    host: login("host"),
    worker: login("worker"),
    inspector: login("inspector"),
    deployer: login("deployer"),
  });
  rig = await startRig(configuration);
  for (const role of ["publisher", "host", "worker", "inspector", "deployer"] as const)
    connections.set(role, await rig.connect({ ...login(role), inboxPrefix: inboxPrefixOf(role) }));
  await provision(as("deployer"), { namespace: "guarded", partitions: 2 });
});
afterAll(() => rig[Symbol.asyncDispose]());

const as = (role: Role) => connections.get(role) as NatsConnection;
const tries = (role: Role, subject: string, body = "{}") => as(role).request(subject, body, { timeout: 2000 });
const denied = (role: Role, subject: string, body = "{}") =>
  expect(tries(role, subject, body), `${role} → ${subject}`).rejects.toThrow(/Permissions Violation/i);

describe("roles", () => {
  it("let the deployer provision again, and nobody else", async () => {
    await expect(provision(as("deployer"), { namespace: "guarded", partitions: 2 })).resolves.toMatchObject({ created: [] });
    for (const role of ["publisher", "host", "worker", "inspector"] as const) {
      await denied(role, api.streamCreate("GUARDED_MINE"));
      await denied(role, api.streamUpdate(names.streams.core));
      await denied(role, `$JS.API.STREAM.DELETE.${names.streams.core}`);
    }
    await denied("deployer", `$JS.API.STREAM.DELETE.${names.streams.core}`);
  });

  it("let the publisher write to the way in and to nothing else", async () => {
    expect(JSON.parse((await tries("publisher", names.wayIn("normal", address))).string())).toHaveProperty("seq");
    await denied("publisher", names.state(address));
    await denied("publisher", names.own(0));
    await denied("publisher", names.mail(0, "event", address, "m"));
    await denied("publisher", api.streamInfo(names.streams.core));
    await denied("publisher", api.directGet(names.streams.core));
    await denied("publisher", names.storedIn(0, "normal", address));
  });

  it("let the host run partitions", async () => {
    const layout = await readLayout(as("host"), "guarded");
    expect(layout.partitions).toBe(2);
    // A host provisions at every start; where everything is there it needs no right to create.
    await expect(provision(as("host"), { namespace: "guarded", partitions: 2 })).resolves.toMatchObject({ created: [] });
    const adapter = openAdapter(as("host"), layout, {
      inboxPrefix: inboxPrefixOf("host"),
      mayCreate: false,
    });
    const { leases, store, mailbox, outlet } = adapter;
    leases.listen("h1", () => {});
    await leases.beat(signOf("h1"));
    expect(await leases.members()).toMatchObject([{ host: "h1", phase: "active" }]);
    expect(await leases.alive("h1")).toBe(true);
    expect(await leases.alive("h2")).toBe(false);
    const fences = new Map([0, 1].map((partition) => [partition, 0]));
    for (const partition of fences.keys()) fences.set(partition, (await leases.claim(partition, "h1", 0)) as number);
    expect(await leases.owners()).toHaveLength(2);
    const bytes = Buffer.from("record");
    expect(
      await store.commit({
        fences,
        writes: [
          { kind: "record", partition: 0, address, bytes },
          { kind: "turn", partition: 0, address, revision: 1, bytes },
        ],
      }),
    ).toEqual({ kind: "committed" });
    expect(Buffer.from((await store.load([address]))[0] ?? "").toString()).toBe("record");
    const known: string[] = [];
    await store.census(({ id }) => known.push(id) > 0);
    expect(known).toEqual([address.id]);
    const got: Delivery[] = [];
    for (const partition of [0, 1])
      (await mailbox.open(partition, "in.normal", { receive: (delivery) => void got.push(delivery), rewound() {} })).want(10);
    await eventually("the publisher's start", () => got.length > 0);
    expect(await mailbox.awaits(address)).toBe(true);
    got[0]?.acknowledge();
    await store.forget(got[0]?.partition as number, "in.normal", got[0]?.sequence as number);
    expect(await mailbox.awaits(address)).toBe(false);
    await store.forget(0, "mail.start", 100);
    await store.forgetOne(0, "in.normal", 100);
    const heard: string[] = [];
    as("publisher").subscribe(`${inboxPrefixOf("publisher")}.answer`, { callback: (_, message) => void heard.push(message.string()) });
    await as("publisher").flush();
    outlet.reply(`${inboxPrefixOf("publisher")}.answer`, Buffer.from("done"));
    await eventually("the answer", () => heard.includes("done"));
    await leases.leave("h1");
    await adapter.close();
  });

  it("let the inspector read and do nothing else", async () => {
    const heard: string[] = [];
    as("inspector").subscribe(names.liveStates, { callback: (_, message) => void heard.push(message.subject) });
    await as("inspector").flush();
    as("host").publish(names.state(address), "seen");
    await eventually("the live view", () => heard.length > 0);
    expect((await tries("inspector", `${api.directGet(names.streams.core)}.${names.state(address)}`, "")).string()).toBe("seen");
    await denied("inspector", names.wayIn("normal", address));
    await denied("inspector", names.state(address));
    await denied("inspector", api.streamPurge(names.streams.core));
    await denied("inspector", names.source(0, "in.normal").reset);
    await denied("inspector", names.source(0, "in.normal").pull);
  });

  it("let a host, a publisher and an inspector have a task done between them", async () => {
    const nats = (role: Role) => ({ nats: { servers: `127.0.0.1:${rig.port}`, ...login(role), inboxPrefix: inboxPrefixOf(role) } });
    const greet = defineTask<{ name: string }, string>({ name: "greet", run: ({ input }) => `Hello, ${input.name}` });
    await using _host = await createHost({ ...nats("host"), namespace: "guarded", actors: [greet] });
    await using publisher = await connect({ ...nats("publisher"), namespace: "guarded" });
    await using inspector = await connect({ ...nats("inspector"), namespace: "guarded" });
    expect(await publisher.run(greet, { name: "Ada" }, { id: "1", timeout: "5s" })).toBe("Hello, Ada");
    await publisher.start(greet, { id: "2", input: { name: "Bob" } });
    expect(await inspector.ref(greet, "2").result({ timeout: "5s" })).toBe("Hello, Bob");
    expect(await publisher.ask("result.greet.2")).toMatchObject({ state: "done", output: "Hello, Bob" });
    expect(await publisher.ask("list", { type: "greet" })).toMatchObject({ tasks: [{ id: "1" }, { id: "2" }] });
  });

  it("let a worker take offered work and say how it went, and nothing else", async () => {
    const nats = (role: Role) => ({ nats: { servers: `127.0.0.1:${rig.port}`, ...login(role), inboxPrefix: inboxPrefixOf(role) } });
    const cut = defineTask<unknown, string>({ name: "cut", labels: ["knife"], run: () => "by a host" });
    await using _host = await createHost({ ...nats("host"), namespace: "guarded", actors: [cut] });
    await using publisher = await connect({ ...nats("publisher"), namespace: "guarded" });
    const outcome = publisher.run(cut, "bread", { id: "1", timeout: "20s" });
    const { work } = openAdapter(as("worker"), await readLayout(as("host"), "guarded"), { inboxPrefix: inboxPrefixOf("worker") });
    const item = await eventually("the work", async () => {
      // It may not make the queue: the owner does, and asking it again is all that a worker can do.
      const [fetched] = await work.fetch("normal", "cut", 1).catch(() => []);
      return fetched;
    });
    const token = item.header("Troupe-Token");
    const owner = item.header("Troupe-Owner");
    expect(await work.ask(owner, { say: "take", token, worker: "w1" })).toEqual({ say: "go" });
    item.acknowledge();
    expect(await work.ask(owner, { say: "beat", token, worker: "w1" })).toEqual({ say: "go" });
    await work.report({ type: "cut", id: "1" }, token, Buffer.from(JSON.stringify({ token, output: "sliced" })), {
      "Troupe-Kind": "result",
    });
    expect(await outcome).toBe("sliced");
    await denied("worker", names.wayIn("normal", address));
    await denied("worker", names.state(address));
    await denied("worker", names.work("normal", address));
    await denied("worker", api.consumerCreate(names.streams.work, "mine"));
    await denied("worker", api.streamPurge(names.streams.work));
    await denied("worker", names.source(0, "in.normal").pull);
    for (const role of ["publisher", "inspector"] as const) {
      await denied(role, names.workPull("normal", "cut"));
      await denied(role, names.attempt(0, address));
    }
  });

  it("keep answers private", async () => {
    const errors: string[] = [];
    as("publisher").subscribe(`${inboxPrefixOf("host")}.>`, { callback: (error) => void (error !== null && errors.push(error.message)) });
    await eventually("the refusal", () => errors.length > 0);
    expect(errors[0]).toMatch(/permissions violation/i);
  });

  it("need a login each", () => {
    expect(() => rolesConfig({})).toThrow(expect.objectContaining({ code: "bad_options" }));
    expect(() => rolesConfig({ host: { user: "", password: "x" } })).toThrow(expect.objectContaining({ code: "bad_options" }));
  });
});
