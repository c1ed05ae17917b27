import type { NatsConnection } from "@nats-io/nats-core";
import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/runtime/clock.ts";
import { NatsGateway } from "../../src/nats/gateway.ts";
import { Micro } from "../../src/nats/micro.ts";
import { gatewayContract } from "../contract/gateway.ts";
import type { GatewayFixture } from "../contract/gateway-fixture.ts";
import { text } from "../contract/fixture.ts";
import { startProxy } from "../support/proxy.ts";
import { openFixture } from "./fixture.ts";
import { startRig, type Rig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());

gatewayContract("JetStream", openGatewayFixture);

async function openGatewayFixture(): Promise<GatewayFixture> {
  const { system, ...fixture } = await openFixture(rig);
  const { names, layout, connection } = system;
  const proxy = await startProxy(rig.port);
  const wire = await rig.connect({ servers: `127.0.0.1:${proxy.port}` });
  const gateway = new NatsGateway({
    connection: wire,
    names,
    layout: async () => layout,
    inboxPrefix: undefined,
    clock: systemClock,
    sendDeadlineMs: 5_000,
    callDeadlineMs: 5_000,
    outageMs: 30_000,
  });
  return {
    ...fixture,
    gateway,
    async reply(to, body) {
      await wire.flush();
      connection.publish(to, body);
      await connection.flush();
    },
    serve(answer) {
      const endpoint = {
        name: "host",
        subject: `${names.verbPrefix}host`,
        answer: async (_tokens: readonly string[], body: Uint8Array) => JSON.parse(text(await answer("host", body)) ?? "null") as unknown,
      };
      void new Micro(connection, names, { id: "host-a", version: "1.0.0", description: "for a test", endpoints: [endpoint] });
    },
    async interrupt(meanwhile) {
      const back = reconnected(wire);
      const away = new Promise<void>((resolve) => gateway.listen({ changed: ({ state }) => state === "reconnecting" && resolve() }));
      proxy.cut();
      await away;
      void meanwhile?.(gateway);
      await back;
    },
    async dispose() {
      await gateway.close();
      await proxy[Symbol.asyncDispose]();
      await fixture.dispose();
    },
  };
}

async function reconnected(connection: NatsConnection): Promise<void> {
  for await (const { type } of connection.status()) if (type === "reconnect") return;
}
