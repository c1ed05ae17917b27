import { headers, type NatsConnection } from "@nats-io/nats-core";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { encodeMsgpack, MSGPACK } from "../../src/core/codec.ts";
import { HEADERS, type ActorEvent } from "../../src/core/envelope.ts";
import { partitionOf } from "../../src/core/placement.ts";
import { connect, createHost, type Client, type RunningHost, type View } from "../../src/index.ts";
import { openConnection } from "../../src/nats/connection.ts";
import { namesOf } from "../../src/nats/names.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { unheard } from "../support/unheard.ts";
import { CROWD, crowd, culprit, CULPRITS, failing, lonely, parent, ping, pong } from "./culprits.ts";

/**
 * What machines may do to themselves and to each other, and what the world may send them, on a real server: after each of it nobody
 * waits on anything, and the host goes on.
 */
const PARTITIONS = 4;
const MIB = 1024 * 1024;
const names = namesOf("troupe");
let server: EmbeddedServer;
let host: RunningHost;
let client: Client;
let connection: NatsConnection;
let count = 0;

const open = () =>
  createHost({
    nats: server.url,
    actors: CULPRITS,
    partitions: PARTITIONS,
    leaseTtl: "1s",
    maxRecordBytes: MIB,
    log: pino({ level: "silent" }),
  });

beforeAll(async () => {
  server = await startServer();
  host = await open();
  client = await connect({ nats: server.url });
  connection = await openConnection({ servers: server.url, context: false }, {});
});
afterAll(async () => {
  await client.close();
  await connection.close();
  await host.stop();
  await server.stop();
});
afterEach(async () => {
  await client.run("greet", undefined, { timeout: "10s" });
  await eventually("nothing waits to be heard", async () => (await unheard(connection, names, PARTITIONS)) === 0, 15_000);
});

type Seen = View & { readonly kind: "actor"; readonly context: Record<string, unknown> };
const heardBy = (view: View | undefined): unknown => (view as Seen | undefined)?.context["heard"];
const freshId = (): string => `b-${count++}`;
const letters = async (type: string, id: string): Promise<readonly { code: string }[]> =>
  ((await client.ask("dead.list", { type, id })) as { letters: { code: string }[] }).letters;
const letterOf = (type: string, id: string, code: string): Promise<boolean> =>
  eventually(`a dead letter for ${type}/${id}: ${code}`, async () => (await letters(type, id)).some((letter) => letter.code === code));

/** Whatever host or stranger it was that wrote it: straight into the stream. */
const publish = async (subject: string, body: Uint8Array | string, head: Readonly<Record<string, string>> = {}): Promise<void> => {
  const block = headers();
  for (const [name, value] of Object.entries(head)) block.set(name, value);
  const { error } = JSON.parse((await connection.request(subject, body, { timeout: 5_000, headers: block })).string()) as {
    error?: object;
  };
  expect(error).toBeUndefined();
};

describe("a child", () => {
  it("of a type that nobody hosts fails, its parent hears why, and its start is a dead letter", async () => {
    const ref = await client.start(lonely, { id: freshId() });
    const view = await ref.waitFor(({ status }) => status === "done", { timeout: "10s" });
    expect(view.context).toMatchObject({ error: { code: "unknown_type" } });
    await letterOf("nobody", `lonely~${ref.id}~k~1`, "unknown_type");
  });

  it("whose id is in use fails, its parent hears why, and who has the id lives on", async () => {
    const id = freshId();
    const taken = await client.start("parent-kid", { id: `${id}~k~1` });
    const ref = await client.start(parent, { id });
    await ref.send({ type: "go" });
    const view = await ref.waitFor((each) => (heardBy(each) as readonly string[]).length > 0, { timeout: "10s" });
    expect([view.state, heardBy(view)]).toEqual(["idle", ["id_taken"]]);
    expect(await taken.get()).toMatchObject({ status: "active" });
  });

  it("of an older generation says nothing more: its end is not heard as that of its successor", async () => {
    const ref = await client.start(parent, { id: freshId() });
    await ref.send({ type: "go" });
    await ref.send({ type: "again" });
    // A generation each for the child, its state's timer, and the next child.
    const { createdAt: since } = await ref.waitFor((view) => view.children?.["k"]?.id === `${ref.id}~k~3`, { timeout: "10s" });
    const ends = async (generation: number): Promise<void> => {
      const to = { type: "parent", id: ref.id };
      const event: ActorEvent = { type: "xstate.done.actor.k", actorId: "k", output: undefined };
      const report = encodeMsgpack({ kind: "report", child: "k", generation, since, event });
      const subject = names.mail(partitionOf(to.type, to.id, PARTITIONS), "event", to, `late-${generation}`);
      await publish(subject, report, { [HEADERS.kind]: "report", [HEADERS.contentType]: MSGPACK });
    };
    const before = (await ref.get())?.revision;
    await ends(1);
    await eventually("it is taken", async () => (await unheard(connection, names, PARTITIONS)) === 0);
    expect(await ref.get()).toMatchObject({ state: "busy", context: { heard: [] }, revision: before });
    // The same letter of the generation that lives is heard: it was not overlooked for another reason.
    await ends(3);
    await ref.waitFor((view) => view.matches("idle"), { timeout: "10s" });
  });

  it.each([false, true])(
    "of thousands that were to be created when their parent was stopped is not left behind (its host stopped too: %s)",
    { timeout: 60_000 },
    async (isStopped) => {
      const ref = await client.start(crowd, { id: freshId() });
      await ref.send({ type: "close" });
      if (isStopped) {
        await ref.waitFor(({ revision }) => revision > 0, { timeout: "10s" });
        await host.stop();
        host = await open();
      }
      await eventually("all is heard", async () => (await unheard(connection, names, PARTITIONS)) === 0, 30_000);
      expect(await ref.get()).toMatchObject({ status: "done" });
      const statuses = new Map<string, number>();
      for await (const view of client.list({ type: "crowd-kid" })) {
        if (!view.id.startsWith(`${ref.id}~`)) continue;
        const { status } = view as Seen;
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      expect([...statuses]).toEqual([["stopped", CROWD]]);
    },
  );
});

describe("a machine", () => {
  it.each([
    ["in an assign", "throw", "transition_threw"],
    ["because it never comes to rest", "loop", "transition_threw"],
    ["because it raises without end", "raise", "transition_threw"],
    ["with a state that cannot be stored", "cycle", "bad_payload"],
    ["with a message that cannot be stored", "cyclicMessage", "bad_payload"],
    ["with a state over the limit", "grow", "too_large"],
  ])("that fails %s is parked with its last good state, and goes on with the next event", async (_why, type, reason) => {
    const ref = await client.start(culprit, { id: freshId() });
    await ref.send({ type: "well" });
    await ref.send({ type });
    const parked = await ref.waitFor((view) => view.parked !== undefined, { timeout: "10s" });
    expect(parked).toMatchObject({ status: "active", state: "calm", context: { n: 1, kept: "" }, parked: { reason } });
    await ref.send({ type: "well" });
    const after = await ref.waitFor((view) => view.parked === undefined, { timeout: "10s" });
    expect(after).toMatchObject({ state: "calm", context: { n: 2, kept: "" } });
  });

  it.each(["throw", "loop", "raise"])("of a type that is to fail ends in error: %s", async (type) => {
    const ref = await client.start(failing, { id: freshId() });
    await ref.send({ type });
    const view = await ref.waitFor(({ status }) => status !== "active", { timeout: "10s" });
    expect(view).toMatchObject({ status: "error", error: { message: expect.stringMatching(/boom|Infinite loop/) } });
  });

  it("that forwards in a cycle keeps nobody waiting, and stops with the first who ends", async () => {
    const id = freshId();
    const [one, other] = [await client.start(ping, { id, input: id }), await client.start(pong, { id, input: id })];
    const hits = async (): Promise<number> => ((await one.get()) as Seen | undefined)?.context["hits"] as number;
    await one.send({ type: "ball" });
    await eventually("it goes round", async () => (await hits()) > 20);
    const before = await hits();
    expect(await client.run("greet", undefined, { timeout: "5s" })).toBe("hello");
    await eventually("it goes on", async () => (await hits()) > before);
    await other.send({ type: "close" });
    await letterOf("pong", id, "not_running");
  });
});

describe("an event from outside", () => {
  const FORGED = [
    "xstate.done.actor.k",
    "xstate.error.actor.k",
    "xstate.snapshot.k",
    "xstate.stop",
    "xstate.init",
    "xstate.after.3600000.parent.busy",
  ];

  it.each([...FORGED, "troupe.begin", "troupe.restart"])("may not be one of XState's or a host's: %s", async (type) => {
    const ref = await client.start(parent, { id: freshId() });
    await ref.send({ type: "go" });
    const to = { type: "parent", id: ref.id };
    const busy = await ref.waitFor((view) => view.matches("busy"), { timeout: "10s" });
    await publish(names.wayIn("event", to), JSON.stringify({ type, actorId: "k", output: 1 }));
    await letterOf("parent", ref.id, "reserved_event");
    expect(await ref.get()).toMatchObject({ state: "busy", revision: busy.revision });
  });

  it.each(["report", "timer", "stop", "hand", "bundle"])("may not say that it is a host's mail: %s", async (kind) => {
    const ref = await client.start(parent, { id: freshId() });
    await ref.send({ type: "go" });
    const busy = await ref.waitFor((view) => view.matches("busy"), { timeout: "10s" });
    const to = { type: "parent", id: ref.id };
    const event = { type: "xstate.done.actor.k", actorId: "k" };
    const body = { type: "xstate.done.actor.k", kind, child: "k", generation: 1, timer: "x", by: to, activity: "k", event };
    await publish(names.wayIn("event", to), JSON.stringify(body), { [HEADERS.kind]: kind });
    await letterOf("parent", ref.id, "reserved_event");
    expect(await ref.get()).toMatchObject({ state: "busy", revision: busy.revision });
  });
});
