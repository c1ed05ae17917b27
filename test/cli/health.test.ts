import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { createHost, defineTask } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { troupe } from "./command-line.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const HELLO = fileURLToPath(new URL("../../dist/examples/hello.js", import.meta.url));
const hello = defineTask({ name: "hello", run: () => "hello" });

async function probe(port: number, path: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

it("says that a host is ready, that it drains, and no more once it has left", async () => {
  await using server = await startServer();
  let finish = (): void => {};
  const wait = defineTask({ name: "wait", run: () => new Promise<void>((resolve) => (finish = resolve)) });
  const host = await createHost({ nats: server.url, actors: [hello, wait], health: { port: 0 } });
  const port = host.healthPort as number;
  expect(await probe(port, "/livez")).toEqual({ status: 200, body: { kind: "alive" } });
  expect(await probe(port, "/readyz")).toEqual({ status: 200, body: { kind: "ready", host: host.id, roundTripMs: expect.any(Number) } });
  expect((await probe(port, "/")).status).toBe(404);
  expect((await fetch(`http://127.0.0.1:${port}/readyz`, { method: "POST" })).status).toBe(405);
  const ref = await host.client.start(wait, { id: "w" });
  await eventually("it runs", async () => (await ref.get())?.state === "doing");
  const draining = host.drain("10s");
  expect(await probe(port, "/readyz")).toMatchObject({ status: 503, body: { kind: "draining" } });
  expect((await probe(port, "/livez")).status).toBe(200);
  finish();
  await draining;
  await expect(probe(port, "/livez")).rejects.toThrow("fetch failed");
});

it("says that a host is not ready while JetStream does not answer, and is again when it does", { timeout: 60_000 }, async () => {
  await using server = await startServer();
  await using host = await createHost({ nats: server.url, actors: [hello], health: { port: 0 } });
  const port = host.healthPort as number;
  process.kill(server.pid, "SIGSTOP");
  try {
    expect(await probe(port, "/readyz")).toMatchObject({ status: 503, body: { kind: "unanswered" } });
    await eventually("its signs of life are too old", async () => (await probe(port, "/readyz")).body["kind"] === "untrusted", 10_000);
    expect((await probe(port, "/livez")).status).toBe(200);
  } finally {
    process.kill(server.pid, "SIGCONT");
  }
  await eventually("it is ready again", async () => (await probe(port, "/readyz")).status === 200, 20_000);
});

it("refuses a port that somebody else has", async () => {
  await using server = await startServer();
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as { port: number };
  await expect(createHost({ nats: server.url, actors: [hello], health: { port } })).rejects.toMatchObject({ code: "bad_options" });
  other.close();
});

it("is alive and joining while it looks for a server, and asked by the command line", { timeout: 60_000 }, async () => {
  // Nobody listens there: the port was somebody's a moment ago.
  const nobody = createServer().listen(0, "127.0.0.1");
  await once(nobody, "listening");
  const { port: closed } = nobody.address() as { port: number };
  nobody.close();
  const free = createServer().listen(0, "127.0.0.1");
  await once(free, "listening");
  const port = String((free.address() as { port: number }).port);
  free.close();
  await once(free, "close");
  expect(await troupe(["health", "--port", port])).toMatchObject({ code: 6 });

  await using server = await startServer();
  const host = spawn(process.execPath, [MAIN, "host", HELLO, "-s", server.url, "--health-port", port], { stdio: "ignore" });
  const exited = once(host, "exit");
  const ready = await eventually(
    "it is ready",
    async () => {
      const ran = await troupe(["health", "--port", port, "-o", "json"]);
      return ran.code === 0 && ran;
    },
    20_000,
  );
  expect(JSON.parse(ready.stdout)).toMatchObject({ kind: "ready" });
  expect((await troupe(["health", "--port", port, "--live"])).code).toBe(0);

  const streams = await troupe(["health", "-s", server.url, "-o", "json"]);
  expect(streams).toMatchObject({ code: 0 });
  expect(JSON.parse(streams.stdout)).toContainEqual(expect.objectContaining({ stream: "TROUPE_CORE", copies: 1, inSync: 1 }));
  expect(await troupe(["health", "-s", `nats://127.0.0.1:${closed}`])).toMatchObject({ code: 6 });
  expect(await troupe(["health", "-s", server.url, "--namespace", "nothing"])).toMatchObject({ code: 7 });
  host.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
});

const DRAIN_MS = 2_000;
/** The drain, the goodbyes that nobody hears, and two connections that are closed. */
const LONGEST_MS = DRAIN_MS + 5_000 + 2 * 2_000;

it.each([
  ["killed", "SIGKILL"],
  ["frozen", "SIGSTOP"],
] as const)("leaves within its time on SIGTERM although its server was %s", { timeout: 60_000 }, async (_how, signal) => {
  await using server = await startServer();
  const words = ["host", HELLO, "-s", server.url, "--drain-timeout", `${DRAIN_MS}ms`];
  const host = spawn(process.execPath, [MAIN, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  host.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await eventually("it runs", () => said.includes("runs greet"), 10_000);
  let code: unknown = "still there";
  host.once("exit", (how) => (code = how));
  process.kill(server.pid, signal);
  host.kill("SIGTERM");
  try {
    await eventually("it has left", () => code !== "still there", LONGEST_MS + 4_000);
    expect(code, said).toBe(0);
  } finally {
    host.kill("SIGKILL");
    if (signal === "SIGSTOP") process.kill(server.pid, "SIGCONT");
  }
});
