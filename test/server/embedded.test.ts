import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { connect } from "@nats-io/transport-node";
import { jetstreamManager } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";
import { startEmbeddedServer } from "../../src/server/embedded.ts";
import { isAlive } from "../../src/server/liveness.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { makeFolder, writeProgram } from "./fixtures.ts";

const isLinux = process.platform === "linux";

describe("a server of our own", () => {
  test("lets in who has the token, and has JetStream", async () => {
    await using server = await startServer();
    const connection = await connect({ servers: `127.0.0.1:${server.port}`, token: server.token ?? "" });
    const account = await (await jetstreamManager(connection)).getAccountInfo();
    expect(account.streams).toBe(0);
    expect(connection.info?.version).toBe(server.version);
    expect(server.url).toBe(`nats://${server.token}@127.0.0.1:${server.port}`);
    await connection.close();
  });

  test("refuses who has no token or another one", async () => {
    await using server = await startServer();
    const servers = `127.0.0.1:${server.port}`;
    await expect(connect({ servers, reconnect: false })).rejects.toThrow(/authorization violation/i);
    await expect(connect({ servers, reconnect: false, token: "guess" })).rejects.toThrow(/authorization violation/i);
  });

  test.runIf(isLinux)("listens on 127.0.0.1 and nowhere else", async () => {
    await using server = await startServer();
    const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
    // All of 127.0.0.0/8 reaches this machine: a server on every interface would answer on 127.0.0.2 too.
    const others = [...addresses.filter((address) => address !== "127.0.0.1" && !address.startsWith("fe80")), "127.0.0.2"];
    const reached = await Promise.all(others.map((host) => answers(host, server.port)));
    expect(others.filter((_, index) => reached[index])).toEqual([]);
    expect(await answers("127.0.0.1", server.port)).toBe(true);
  });

  test.runIf(isLinux)("keeps its directory and its secrets to its user", async () => {
    await using folder = await makeFolder();
    const dataDir = join(folder.path, "data");
    await using server = await startServer({ dataDir });
    const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;
    expect(await modeOf(dataDir)).toBe(0o700);
    const names = ["nats-server.conf", "token", "owner.json", "nats-server.log"];
    expect(await Promise.all(names.map((name) => modeOf(join(dataDir, name))))).toEqual(names.map(() => 0o600));
    expect(existsSync(join(dataDir, "jetstream"))).toBe(true);
    // Every user can read the command line of every process.
    expect(await readFile(`/proc/${server.pid}/cmdline`, "utf8")).not.toContain(server.token);
  });

  test("has the same url after a restart with the same port, and its streams", async () => {
    await using folder = await makeFolder();
    const first = await startServer({ dataDir: folder.path });
    const connection = await connect({ servers: first.url.replace(/nats:.*@/, ""), token: first.token ?? "" });
    await (await jetstreamManager(connection)).streams.add({ name: "KEPT", subjects: ["kept"] });
    await connection.close();
    await first.stop();
    await using second = await startServer({ dataDir: folder.path, port: first.port });
    expect(second.url).toBe(first.url);
    const again = await connect({ servers: `127.0.0.1:${second.port}`, token: second.token ?? "" });
    expect((await (await jetstreamManager(again)).streams.info("KEPT")).config.subjects).toEqual(["kept"]);
    await again.close();
  });

  test("takes options of the caller: sync, who may connect, more configuration", async () => {
    await using server = await startServer({
      syncAlways: true,
      authorization: { kind: "config", text: `authorization { users: [{ user: "ada", password: "x" }] }` },
      config: "max_payload: 2MB",
    });
    expect(server.token).toBeUndefined();
    const connection = await connect({ servers: server.url, user: "ada", pass: "x" });
    expect(connection.info?.max_payload).toBe(2 * 1024 * 1024);
    await connection.close();
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authorization violation/i);
  });

  test("says in the server's own words why it does not start", async () => {
    await expect(startServer({ config: "max_pauload: 1MB" })).rejects.toMatchObject({
      code: "server_failed",
      message: expect.stringContaining('unknown field "max_pauload"'),
    });
    await using taken = await startServer();
    await expect(startServer({ port: taken.port })).rejects.toMatchObject({
      code: "server_failed",
      message: expect.stringContaining("address already in use"),
    });
  });

  test("refuses a program that is no nats-server or too old", async () => {
    await using folder = await makeFolder();
    const serverPath = await writeProgram(join(folder.path, "nats-server"), "2.9.10");
    const dataDir = join(folder.path, "data");
    await expect(startEmbeddedServer({ dataDir, serverPath })).rejects.toMatchObject({ code: "server_too_old" });
  });
});

describe("one directory, one server", () => {
  test("a second one is refused, and told who is there", async () => {
    await using folder = await makeFolder();
    await using first = await startServer({ dataDir: folder.path });
    await expect(startServer({ dataDir: folder.path })).rejects.toMatchObject({
      code: "server_failed",
      message: expect.stringContaining(`pid ${first.pid}`),
    });
    expect(isAlive(first.pid)).toBe(true);
  });

  test("of several that start at once, one gets it", async () => {
    await using folder = await makeFolder();
    const starts = await Promise.allSettled(Array.from({ length: 4 }, () => startServer({ dataDir: folder.path })));
    const started = starts.filter((start) => start.status === "fulfilled");
    await Promise.all(started.map(({ value }) => value.stop()));
    expect(started).toHaveLength(1);
  });

  test("a claim that nobody alive holds is taken over", async () => {
    await using folder = await makeFolder();
    const killed = await startServer({ dataDir: folder.path });
    process.kill(killed.pid, "SIGKILL");
    expect(await killed.ended).toBe("SIGKILL");
    await using next = await startServer({ dataDir: folder.path });
    expect(next.pid).not.toBe(killed.pid);
  });
});

describe("the end", () => {
  test.runIf(isLinux)("stop leaves no process behind", async () => {
    const server = await startServer();
    const family = [server.pid, ...childrenOf(server.pid)];
    expect(family).toHaveLength(2); // the server and its watch
    await server.stop();
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
    await eventually("the watch's end", () => family.every((pid) => !isAlive(pid)));
    expect(existsSync(server.dataDir)).toBe(false);
  });

  test.runIf(isLinux)("a server dies with its parent, even one that is killed, and its directory is free then", async () => {
    await using folder = await makeFolder();
    const program = await compileParent(folder.path);
    const dataDir = join(folder.path, "data");
    const parent = fork(program, [dataDir], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const [{ pid }] = (await once(parent, "message")) as [{ pid: number }];
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await using next = await startServer({ dataDir });
    expect(isAlive(pid)).toBe(false);
    expect(next.pid).not.toBe(pid);
  });
});

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dial({ host, port, timeout: 2_000 });
    const finish = (isAnswered: boolean): void => {
      socket.destroy();
      resolve(isAnswered);
    };
    socket
      .once("connect", () => finish(true))
      .once("error", () => finish(false))
      .once("timeout", () => finish(false));
  });
}

function childrenOf(pid: number): number[] {
  return execFileSync("ps", ["-e", "-o", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (child !== undefined && parent === pid ? [child] : []));
}

/** A program that starts a server, says its pid and waits. Compiled, because Node 20 cannot run TypeScript. */
async function compileParent(folder: string): Promise<string> {
  const root = new URL("../../", import.meta.url).pathname;
  const options = "--module nodenext --target es2023 --types node --rewriteRelativeImportExtensions --skipLibCheck".split(" ");
  const files = ["src/server/embedded.ts", "--outDir", folder, "--rootDir", "."];
  execFileSync(join(root, "node_modules/.bin/tsc"), ["--ignoreConfig", ...files, ...options], { cwd: root, stdio: "inherit" });
  await writeFile(join(folder, "package.json"), `{ "type": "module" }`);
  const program = join(folder, "parent.js");
  await writeFile(
    program,
    `import { startEmbeddedServer } from "./src/server/embedded.js";
const { pid } = await startEmbeddedServer({ dataDir: process.argv[2] });
process.send({ pid });
`,
  );
  return program;
}
