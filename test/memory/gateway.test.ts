import { gatewayContract, type GatewayFixture } from "../contract/gateway.ts";
import { VirtualClock } from "../../src/memory/clock.ts";
import { createWorld, type WorldOptions } from "../../src/memory/world.ts";
import { driven, fixtureOf } from "./fixture.ts";

/** Several seeds, with and without latency: the contract holds in every interleaving. */
const WORLDS: readonly (readonly [name: string, options: Partial<WorldOptions>])[] = [
  ["memory", {}],
  ["memory, another seed", { seed: 77 }],
  ["memory with latency", { seed: 5, maxLatencyMs: 20 }],
];

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
    async interrupt() {
      connection.disconnect("seeded");
      await fixture.quiet();
      connection.reconnect();
      gateway.reconnected();
    },
  };
}
