import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "./eventually.ts";
import { startProxy, type Proxy } from "./proxy.ts";

let server: Server;
let proxy: Proxy;
let client: Socket;
/** The server's end of the connection, what it was sent, and what the client was. */
let accepted: Socket;
let requests: string;
let answers: string;

beforeEach(async () => {
  requests = "";
  answers = "";
  server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const connected = once(server, "connection") as Promise<[Socket]>;
  proxy = await startProxy((server.address() as AddressInfo).port);
  client = connect(proxy.port, "127.0.0.1");
  client.on("data", (chunk) => (answers += chunk.toString())).on("error", () => {});
  [accepted] = await connected;
  accepted.on("data", (chunk) => (requests += chunk.toString())).on("error", () => {});
});
afterEach(async () => {
  client.destroy();
  accepted.destroy();
  await proxy[Symbol.asyncDispose]();
  server.close();
});

test("what is held up arrives once the network is back, in order; the other way goes on meanwhile", async () => {
  proxy.stall("requests");
  client.write("a");
  client.write("b");
  accepted.write("1");
  await eventually("the answer arrives", () => answers === "1");
  expect(requests).toBe("");
  proxy.flow();
  client.write("c");
  await eventually("all of it arrives", () => requests === "abc");
});

test("the end of a connection waits behind what was sent before it", async () => {
  proxy.stall("both");
  client.write("last words");
  client.destroy();
  accepted.write("?");
  await once(client, "close");
  expect([accepted.destroyed, requests]).toEqual([false, ""]);
  proxy.flow();
  await eventually("the server hears of both", () => accepted.destroyed && requests === "last words");
});

test("half open: nothing arrives any more, and nobody is told until the connection is cut", async () => {
  proxy.swallowAll();
  client.write("lost");
  client.destroy();
  await once(client, "close");
  expect(accepted.destroyed).toBe(false);
  proxy.cut();
  await eventually("the server hears of the end", () => accepted.destroyed);
  expect(requests).toBe("");
});

test("on a slow network everything arrives all the same", async () => {
  proxy.slow({ delayMs: 5, bytesPerSecond: 100_000 });
  for (const each of ["a", "b", "c"]) client.write(each.repeat(500));
  await eventually("all of it arrives", () => requests.length === 1_500);
  expect(requests).toBe("a".repeat(500) + "b".repeat(500) + "c".repeat(500));
});
