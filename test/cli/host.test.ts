import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { connect, createHost, defineTask } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { troupe } from "./command-line.ts";

const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const HELLO = fileURLToPath(new URL("../../dist/examples/hello.js", import.meta.url));

it("drains a host on SIGTERM: what runs is finished, and it ends well", async () => {
  await using server = await startServer();
  const host = spawn(process.execPath, [MAIN, "host", HELLO, "-s", server.url], { stdio: "ignore" });
  const exited = once(host, "exit");
  await using client = await connect({ nats: server.url });
  const ref = await eventually("a host takes it", async () =>
    client.start("sleep", { id: "s", input: { seconds: 2 } }).catch(() => undefined),
  );
  await eventually("it runs", async () => (await ref.get())?.state === "doing");
  host.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(await ref.result({ timeout: "5s" })).toBe("slept 2 s");
});

it("stops a host at once on a second signal, and another one goes on", async () => {
  await using server = await startServer();
  const start = () => spawn(process.execPath, [MAIN, "host", HELLO, "-s", server.url], { stdio: ["ignore", "ignore", "pipe"] });
  const first = start();
  const exited = once(first, "exit");
  await using client = await connect({ nats: server.url });
  const ref = await eventually("a host takes it", async () =>
    client.start("sleep", { id: "s", input: { seconds: 3 } }).catch(() => undefined),
  );
  await eventually("it runs", async () => (await ref.get())?.state === "doing");
  first.kill("SIGTERM");
  const said = await text(first.stderr, "finishes what runs");
  first.kill("SIGTERM");
  expect(await exited, said()).toEqual([0, null]);
  expect((await ref.get())?.state).toBe("doing");
  const second = start();
  expect(await ref.result({ timeout: "15s" })).toBe("slept 3 s");
  second.kill("SIGKILL");
});

it("ends well when every signal comes twice at once, as it does from a terminal by way of npx", async () => {
  await using server = await startServer();
  const host = spawn(process.execPath, [MAIN, "host", HELLO, "-s", server.url], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(host, "exit");
  const said = await text(host.stderr, "runs greet");
  host.kill("SIGTERM");
  host.kill("SIGINT");
  expect(await exited, said()).toEqual([0, null]);
});

it("lists hosts with what they have and are, and says where there are none", async () => {
  await using server = await startServer();
  const greet = defineTask({ name: "greet", run: () => 1 });
  const host = await createHost({ nats: server.url, actors: [greet], partitions: 4, labels: ["gpu"], concurrency: 3 });
  const json = await troupe(["hosts", "-s", server.url, "-o", "json"]);
  expect(JSON.parse(json.stdout)).toMatchObject([
    { id: host.id, phase: "active", partitions: [0, 1, 2, 3], labels: ["gpu"], slots: 3, protocol: 1 },
  ]);
  const [head, line] = (await troupe(["hosts", "-s", server.url])).stdout.split("\n");
  expect(head?.split(/ +/)).toEqual(["id", "phase", "partitions", "labels", "slots", "types", "release", "sign"]);
  expect(line?.split(/ +/).slice(0, 6)).toEqual([host.id, "active", "0-3", "gpu", "3", "greet@1"]);
  await host.stop();
  expect(await troupe(["hosts", "-s", server.url])).toMatchObject({ code: 6 });
});

it("refuses a module that exports no definition", async () => {
  const folder = await mkdtemp(join(tmpdir(), "troupe-entry-"));
  const entry = join(folder, "nothing.mjs");
  await writeFile(entry, "export const nothing = 1;");
  expect(await troupe(["host", entry])).toMatchObject({ code: 2 });
  expect((await troupe(["host", join(folder, "missing.mjs")])).stderr).toContain("cannot be loaded");
  await rm(folder, { recursive: true });
});

/** Resolves once a program has said something, with what it has said until asked. */
async function text(from: Readable, awaited: string): Promise<() => string> {
  let all = "";
  from.setEncoding("utf8");
  await new Promise<void>((resolve) => {
    from.on("data", (chunk: string) => {
      all += chunk;
      if (all.includes(awaited)) resolve();
    });
  });
  return () => all;
}
