import { headers } from "@nats-io/nats-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { signOf } from "../contract/fixture.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

const TTL_MS = 1_000;

/** A sign that this server will not forget either, as one copy of several was seen not to. */
it("a sign of life that a copy holds long after it has run out counts for nothing", async () => {
  const system = await rig.system({ adapter: { leaseTtlMs: TTL_MS } });
  const { adapter, connection, names } = system;
  const living = async (): Promise<readonly string[]> => {
    await adapter.leases.beat(signOf("host-a"));
    return (await adapter.leases.members()).map(({ host }) => host);
  };
  await connection.request(names.hostKey("ghost"), JSON.stringify(signOf("ghost")), { timeout: 5000 });
  expect(await living()).toEqual(["ghost", "host-a"]);
  await eventually("only one is alive", async () => (await living()).join(" ") === "host-a");
  await connection.request(names.hostKey("ghost"), JSON.stringify(signOf("ghost")), { timeout: 5000 });
  expect(await living(), "it has given another").toContain("ghost");
});

it("a sign of life counts for as long as its own host said, whatever others do", async () => {
  const { adapter, connection, names } = await rig.system({ adapter: { leaseTtlMs: TTL_MS } });
  const block = headers();
  block.set("Nats-TTL", "60s");
  await connection.request(names.hostKey("patient"), JSON.stringify(signOf("patient")), { timeout: 5000, headers: block });
  const since = performance.now();
  await eventually("three lives of the other have passed", async () => {
    await adapter.leases.beat(signOf("host-a"));
    expect((await adapter.leases.members()).map(({ host }) => host)).toEqual(["patient", "host-a"]);
    return performance.now() - since > 3 * TTL_MS;
  });
});
