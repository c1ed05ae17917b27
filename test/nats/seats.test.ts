import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHost, defineTask, type HostOptions, type RunningHost } from "../../src/index.ts";
import { VERSION } from "../../src/version.ts";
import { eventually } from "../support/eventually.ts";
import { startProxy } from "../support/proxy.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
let namespaces = 0;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const noop = defineTask({ name: "noop", run: async () => 1 });
const running = (host: RunningHost): number => host.partitions.filter(({ phase }) => phase === "running").length;
const quiet = { level: "silent", child: () => quiet, debug() {}, info() {}, warn() {}, error() {} } as NonNullable<HostOptions["log"]>;

const cluster = (options: Partial<HostOptions> = {}) => {
  const namespace = `seats${namespaces++}`;
  return (more: Partial<HostOptions> = {}): Promise<RunningHost> =>
    createHost({ nats: `127.0.0.1:${rig.port}`, namespace, actors: [noop], partitions: 8, log: quiet, ...options, ...more });
};

describe("hosts on a real server", () => {
  it("share the partitions: one joins, one joins, one drains, and a task runs wherever it belongs", async () => {
    const open = cluster();
    await using first = await open();
    expect(running(first)).toBe(8);
    await using second = await open();
    await eventually("both have half", () => running(first) === 4 && running(second) === 4);
    const third = await open();
    await eventually("all have their share", () => [first, second, third].every((host) => [2, 3].includes(running(host))));
    const results = await Promise.all(Array.from({ length: 40 }, (_, n) => first.client.run(noop, undefined, { id: `t${n}` })));
    expect(results).toEqual(Array(40).fill(1));
    expect(second.statistics.finished).toBeGreaterThan(0);
    expect(third.statistics.finished).toBeGreaterThan(0);
    await third.drain();
    await eventually("the others have it all", () => running(first) === 4 && running(second) === 4);
    expect((await first.client.hosts()).hosts.map(({ id }) => id)).toEqual([first.id, second.id]);
  });

  it("say of each other what they are", async () => {
    const open = cluster({ labels: ["gpu", "eu-1"], concurrency: 7 });
    await using host = await open();
    const { hosts, unowned } = await host.client.hosts();
    expect(hosts).toMatchObject([
      { id: host.id, phase: "active", labels: ["gpu", "eu-1"], slots: 7, release: VERSION, partitions: [0, 1, 2, 3, 4, 5, 6, 7] },
    ]);
    expect(Object.keys(hosts[0]?.types["noop"] ?? {})).toEqual(["1"]);
    expect(Math.abs(Date.now() - (hosts[0]?.signAt ?? 0))).toBeLessThan(60_000);
    expect(unowned).toEqual([]);
    await expect(open({ labels: ["no space"] })).rejects.toMatchObject({ code: "bad_options", faults: [{ path: "labels" }] });
  });
});

describe("a host that cannot reach the server", () => {
  it("says so and drops its partitions before others may take them, and has its share again afterwards", async () => {
    await using proxy = await startProxy(rig.port);
    const complaints: string[] = [];
    const note = (fields: { code?: string }): void => void (fields.code !== undefined && complaints.push(fields.code));
    const log = { ...quiet, child: () => log, error: note } as typeof quiet;
    const open = cluster();
    await using other = await open();
    await using host = await open({ nats: `127.0.0.1:${proxy.port}`, log });
    await eventually("both have half", () => running(host) === 4 && running(other) === 4);
    expect(host.status).toEqual({ kind: "active" });
    // The network is gone while the connection stands: the server believes that the host listens.
    proxy.swallowAll();
    let taken = 4;
    await eventually(
      "it is cut off",
      () => {
        taken = running(other);
        return running(host) === 0;
      },
      6_000,
    );
    expect(taken, "partitions of the other when the first gave its own up").toBe(4);
    expect(host.status).toMatchObject({ kind: "cut-off", error: { code: "cut_off" } });
    expect(complaints.filter((code) => code === "cut_off")).toHaveLength(1);
    await eventually("the other has taken all", () => running(other) === 8, 10_000);
    proxy.cut();
    await eventually("both have half again", () => running(host) === 4 && running(other) === 4, 20_000);
    expect(host.status).toEqual({ kind: "active" });
  }, 40_000);
});
