import { afterAll, beforeAll } from "vitest";
import { connect, createHost, type Client, type ConnectOptions, type RunningHost } from "../../src/index.ts";
import { openConnection } from "../../src/nats/connection.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { eventually } from "../support/eventually.ts";
import type { Proxy } from "../support/proxy.ts";
import { startServer } from "../support/server.ts";
import { actors } from "./counter.ts";

/** A server of the importing file's own with a host of the counters and a client, from before its first test until after its last. */
export let server: EmbeddedServer;
export let client: Client;
let host: RunningHost;

beforeAll(async () => {
  server = await startServer();
  await startHost();
  client = await connect({ nats: server.url });
});
afterAll(async () => {
  await client.close();
  await stopHost();
  await server.stop();
});

export async function startHost(): Promise<void> {
  host = await createHost({ nats: server.url, actors, leaseTtl: "1s" });
}
export async function stopHost(): Promise<void> {
  await host.stop();
}

/** A client behind a proxy that notices a dead connection within some tenths of a second. */
export function connectThrough(proxy: Proxy, options: Omit<ConnectOptions, "nats"> = {}): Promise<Client> {
  return connect({ nats: { servers: through(proxy), pingIntervalMs: 100 }, ...options });
}

/** Cuts a client off, and returns when it knows. */
export async function cutOff(proxy: Proxy, cut: Client): Promise<void> {
  proxy.accept(false);
  proxy.cut();
  await eventually("the client has noticed", () => cut.connection.state === "reconnecting");
}

/** The server's address with the proxy's port; its token stays. */
export function through({ port }: Proxy): string {
  return server.url.replace(`:${server.port}`, `:${port}`);
}

/** One request over a connection of its own. */
export async function requested(subject: string, body = ""): Promise<{ readonly code: number; readonly data: Uint8Array }> {
  const connection = await openConnection({ servers: server.url.split(","), context: false }, {});
  try {
    const { headers, data } = await connection.request(subject, body);
    return { code: headers?.code ?? 0, data };
  } finally {
    await connection.close();
  }
}
