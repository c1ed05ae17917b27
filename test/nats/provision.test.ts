import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NatsConnection } from "@nats-io/nats-core";
import { api, namesOf } from "../../src/nats/names.ts";
import { provision, readLayout } from "../../src/nats/provision.ts";
import { DEFAULT_LAYOUT } from "../../src/nats/streams.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
let connection: NatsConnection;
beforeAll(async () => {
  rig = await startRig();
  connection = await rig.connect();
});
afterAll(() => rig[Symbol.asyncDispose]());

async function call<Reply>(subject: string, body: object = {}): Promise<Reply> {
  return JSON.parse((await connection.request(subject, JSON.stringify(body))).string()) as Reply;
}

const configOf = async (stream: string) => (await call<{ config: Record<string, unknown> }>(api.streamInfo(stream))).config;

describe("provision", () => {
  it("creates everything once, and finds it again", async () => {
    const { partitions } = DEFAULT_LAYOUT;
    const first = await provision(connection, { namespace: "once" });
    expect(first).toMatchObject({ namespace: "once", partitions, replicas: 1, consumersCreated: partitions * 6 });
    expect(first.created.toSorted()).toEqual(["KV_once-hosts", "ONCE_CORE", "ONCE_HISTORY", "ONCE_IN", "ONCE_WORK"]);
    expect(first.created.at(-1), "the way in opens when the rest is there").toBe("ONCE_IN");
    expect(await provision(connection, { namespace: "once" })).toMatchObject({ created: [], consumersCreated: 0 });
    expect(await readLayout(connection, "once")).toEqual({ namespace: "once", partitions, replicas: 1 });
  });

  it("may be run by several hosts at once", async () => {
    const hosts = await Promise.all(Array.from({ length: 4 }, () => rig.connect()));
    await Promise.all(hosts.map((host) => provision(host, { namespace: "race", partitions: 4 })));
    expect(await provision(connection, { namespace: "race", partitions: 4 })).toMatchObject({ created: [], consumersCreated: 0 });
  });

  it("takes the number of partitions that is there where none is asked for", async () => {
    await provision(connection, { namespace: "three", partitions: 3 });
    expect(await provision(connection, { namespace: "three" })).toMatchObject({ partitions: 3, created: [], consumersCreated: 0 });
  });

  it("makes missing consumers again", async () => {
    await provision(connection, { namespace: "gap", partitions: 2 });
    await call(`$JS.API.CONSUMER.DELETE.GAP_IN.p1-low`);
    expect(await provision(connection, { namespace: "gap", partitions: 2 })).toMatchObject({ created: [], consumersCreated: 1 });
  });

  it("refuses another number of partitions, naming stream and field", async () => {
    await provision(connection, { namespace: "count", partitions: 4 });
    await expect(provision(connection, { namespace: "count", partitions: 8 })).rejects.toMatchObject({
      code: "incompatible_stream",
      message: expect.stringMatching(/COUNT_CORE: metadata troupe\.partitions is "4", must be "8".*COUNT_IN: subject_transform /s),
    });
  });

  it.each([
    ["max_msgs", 1000],
    ["max_age", 3_600_000_000_000],
    ["max_bytes", 1_000_000],
    ["republish", { src: "x-core.state.>", dest: "elsewhere.>" }],
  ])("refuses a CORE whose %s somebody changed", async (field, value) => {
    const namespace = `x-${field.replaceAll("_", "-")}`;
    await provision(connection, { namespace, partitions: 1 });
    const core = namesOf(namespace).streams.core;
    const changed = field === "republish" ? { src: `${namespace}.state.>`, dest: "elsewhere.>" } : value;
    expect(await call(api.streamUpdate(core), { ...(await configOf(core)), [field]: changed })).not.toHaveProperty("error");
    await expect(provision(connection, { namespace, partitions: 1 })).rejects.toMatchObject({
      code: "incompatible_stream",
      message: expect.stringContaining(`${core}: ${field} is`),
    });
  });

  it("lets an operator change what is the operator's", async () => {
    await provision(connection, { namespace: "free", partitions: 1 });
    await call(api.streamUpdate("FREE_IN"), {
      ...(await configOf("FREE_IN")),
      max_bytes: 5_000_000,
      metadata: { "troupe.partitions": "1", owner: "ops" },
    });
    await expect(provision(connection, { namespace: "free", partitions: 1 })).resolves.toMatchObject({ created: [] });
  });

  it("lists every bad option", async () => {
    await expect(provision(connection, { partitions: 0, replicas: 2, inMaxBytes: -1 })).rejects.toMatchObject({
      code: "bad_options",
      message: expect.stringMatching(/partitions.*replicas.*inMaxBytes/),
    });
  });

  it("says that nothing is provisioned", async () => {
    await expect(readLayout(connection, "nowhere")).rejects.toMatchObject({
      code: "not_provisioned",
      message: expect.stringContaining("NOWHERE_CORE"),
    });
  });

  it("sources work and turns out of CORE, under their own names", async () => {
    const system = await rig.system();
    const { names } = system;
    await system.publish(names.turn(3, { type: "order", id: "1" }, 7), "turn");
    await system.publish(names.workFilter.replace(">", "normal.render.2"), "work");
    const turn = await eventually("the turn in HISTORY", () => system.read(`${names.namespace}.history.order.1`, names.streams.history));
    expect(turn.data.toString()).toBe("turn");
    await eventually("the work in WORK", () => system.read(names.workFilter.replace(">", "normal.render.2"), names.streams.work));
    expect(await system.read(names.turn(3, { type: "order", id: "1" }, 7)), "sourcing leaves the origin alone").toBeDefined();
  });

  it("takes nothing but plain messages on the way in", async () => {
    const { names } = await rig.system();
    const refused = async (header: string, value: string) => {
      const { headers } = await import("@nats-io/nats-core");
      const block = headers();
      block.set(header, value);
      return JSON.parse(
        (await connection.request(names.wayIn("event", { type: "a", id: "b" }), "{}", { headers: block, timeout: 2000 })).string(),
      ) as { error?: object };
    };
    expect(await refused("Nats-Rollup", "all")).toHaveProperty("error");
    expect(await refused("Nats-TTL", "60")).toHaveProperty("error");
    expect(await refused("Nats-Schedule", "@every 1s")).toHaveProperty("error");
    expect(await refused("Nats-Batch-Id", "x")).toHaveProperty("error");
    await expect(connection.request(`${names.namespace}.in.nolane.a.b`, "{}")).rejects.toThrow(/no responders/);
  });
});
