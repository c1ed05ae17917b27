import { expect, it } from "vitest";
import { take, text, under } from "../contract/fixture.ts";
import { record } from "../contract/writes.ts";
import { gatewayContract } from "../contract/gateway.ts";
import type { GatewayFixture } from "../contract/gateway-fixture.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import { createWorld, type WorldOptions } from "../../src/memory/world.ts";
import { driven, fixtureOf } from "./fixture.ts";

/** Several seeds, with and without latency: the contract holds in every interleaving. */
const WORLDS: readonly (readonly [name: string, options: Partial<WorldOptions>])[] = [
  ["memory", {}],
  ["memory, another seed", { seed: 77 }],
  ["memory with latency", { seed: 5, maxLatencyMs: 20 }],
];

const OUTAGE_MS = 100;

for (const [name, options] of WORLDS) gatewayContract(name, async () => openGatewayFixture(options));

function openGatewayFixture(options: Partial<WorldOptions>): GatewayFixture {
  const clock = new VirtualClock();
  const world = createWorld({ clock, seed: 1, partitions: 4, ...options });
  const fixture = fixtureOf(clock, world, options);
  const { gateway, connection } = world.openGateway("client");
  const host = world.attach("host-c");
  return {
    ...fixture,
    gateway: driven(clock, gateway),
    reply: async (to, body) => {
      host.outlet.reply(to, body);
      await fixture.quiet();
    },
    serve: (answer) => void world.answer(answer),
    async interrupt(meanwhile) {
      connection.disconnect("seeded");
      void meanwhile?.(gateway);
      await clock.advance(OUTAGE_MS);
      connection.reconnect();
    },
  };
}

it("tells again what was under way when the client's connection broke", async () => {
  const clock = new VirtualClock();
  const world = createWorld({ clock, seed: 1, partitions: 1, maxLatencyMs: 20 });
  const { a } = fixtureOf(clock, world, {});
  const { gateway, connection } = world.openGateway("client");
  const address = { type: "job", id: "x" };
  const told: (string | undefined)[] = [];
  void (async () => {
    for await (const change of gateway.watch(address)) told.push(text(change.bytes));
  })();
  const fence = await take(a, 0);
  let breaks = 1;
  world.onStep(({ kind }) => {
    if (kind === "commitApplied" && breaks-- > 0) connection.disconnect("lost");
  });
  for (const body of ["1", "2"]) await a.store.commit(under(0, fence, record(0, address, body)));
  await clock.advance(1_000);
  expect(told).toEqual([]);
  connection.reconnect();
  await clock.advance(1_000);
  expect(told).toEqual(["1", "2"]);
});
