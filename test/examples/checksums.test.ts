import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checksum, type Checksum, type FileInput } from "../../examples/checksums/checksum.ts";
import { folder, folderOf, removePart, tree, treeOf, type TreeInput, type TreeOutput } from "../../examples/checksums/tree.ts";
import { connect, createHost, defineTask, type TaskDefinition } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
const ENTRY = fileURLToPath(new URL("../../dist/examples/tasks.js", import.meta.url));

/** What sha256sum says of the same files, in the same order. */
async function sha256sumOf(path: string): Promise<string> {
  const script = 'find "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum';
  return (await run("sh", ["-c", script, "sh", path], { maxBuffer: 2 ** 28 })).stdout;
}

let home: string;
let report: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "troupe-checksums-"));
  report = join(home, "report.txt");
});
afterEach(async () => rm(home, { recursive: true }));

/** A folder of its own with these files in it, each with its name as its content. */
async function filesIn(names: readonly string[]): Promise<string> {
  const path = join(home, "files");
  await mkdir(path);
  for (const name of names) {
    await mkdir(join(path, name, ".."), { recursive: true });
    await writeFile(join(path, name), name);
  }
  return path;
}

describe("a tree's report", () => {
  it("is what sha256sum says of thousands of real files", { timeout: 120_000 }, async () => {
    await using server = await startServer();
    await using host = await createHost({ nats: server.url, actors: [tree, folder, checksum, removePart], concurrency: 16 });
    const { files } = await host.client.run(tree, { folder: "node_modules", report });
    expect(files).toBeGreaterThan(1_000);
    expect(await readFile(report, "utf8")).toBe(await sha256sumOf("node_modules"));
    expect(await readdir(home)).toEqual(["report.txt"]);
  });

  it("has odd names as sha256sum writes them, and follows no links", async () => {
    const names = ["plain", "with blank", "back\\slash", "line\nbreak", "ünï", "a-b/c", "a/d", "a/b/c", "aa"];
    const path = await filesIn(names);
    await symlink(join(path, "plain"), join(path, "link"));
    await writeFile(join(path, "empty"), "");
    await using server = await startServer();
    await using host = await createHost({ nats: server.url, actors: [tree, folder, checksum, removePart] });
    expect(await host.client.run(tree, { folder: path, report })).toMatchObject({ files: names.length + 1 });
    expect(await readFile(report, "utf8")).toBe(await sha256sumOf(path));
  });

  it("is whole although the host is killed again and again", { timeout: 120_000 }, async () => {
    const path = await filesIn(Array.from({ length: 1_500 }, (_, i) => `${i % 7}/${i % 3}/${i}`));
    await using server = await startServer();
    const launch = (): ChildProcess => spawn(process.execPath, [MAIN, "host", ENTRY, "-s", server.url], { stdio: "ignore" });
    let host = launch();
    await using client = await connect({ nats: server.url });
    const ref = await eventually("a host made the streams", () =>
      client
        .start<TaskDefinition<TreeInput, TreeOutput>>("checksum-tree", { id: "t", input: { folder: path, report } })
        .catch(() => undefined),
    );
    let deaths = 0;
    for await (const { state, progress } of ref.watch()) {
      if (state !== "undo" && state !== "doing") break;
      if (deaths === 2 || (progress?.done ?? 0) < 300 * (deaths + 1)) continue;
      deaths++;
      const gone = once(host, "exit");
      host.kill("SIGKILL");
      await gone;
      host = launch();
    }
    const gone = once(host, "exit");
    host.kill("SIGKILL");
    await gone;
    expect(await ref.result({ timeout: "1s" })).toMatchObject({ files: 1_500 });
    expect(deaths).toBeGreaterThan(0);
    expect(await readFile(report, "utf8")).toBe(await sha256sumOf(path));
  });
});

describe("a file", () => {
  /** The plans over another way to take a checksum. */
  const plansOver = (take: (input: FileInput, done: () => Promise<Checksum>) => Promise<Checksum>) => {
    const file = defineTask<FileInput, Checksum>({
      name: "checksum",
      retry: { attempts: 1 },
      run: (context) => take(context.input, async () => checksum.activities.get("run")?.run(context) as Promise<Checksum>),
    });
    const folders = folderOf(file);
    const trees = treeOf(folders);
    return { trees, actors: [trees, folders, file, removePart] };
  };

  it("that cannot be read is read in another way, and one that is gone is left out", async () => {
    const path = await filesIn(["a", "b", "c/d"]);
    const readers: string[] = [];
    const { trees, actors } = plansOver(async (input, done) => {
      const name = basename(input.path);
      if (name === "b") await rm(input.path);
      if (name === "d") readers.push(input.reader);
      if (name === "d" && input.reader === "pieces") throw new Error("only whole");
      return done();
    });
    await using server = await startServer();
    await using host = await createHost({ nats: server.url, actors });
    expect(await host.client.run(trees, { folder: path, report })).toMatchObject({ files: 2 });
    expect(readers).toEqual(["pieces", "whole"]);
    expect(await readFile(report, "utf8")).toBe(await sha256sumOf(path));
  });

  it("that cannot be read at all fails the tree, and no part of a report is left", async () => {
    const path = await filesIn(["a/1", "b/2", "c/3"]);
    let hasOneLeft: () => Promise<boolean> = async () => false;
    const { trees, actors } = plansOver(async (input, done) => {
      if (basename(input.path) !== "3") return done();
      // There is something to undo by then.
      await eventually("only this folder is left", () => hasOneLeft());
      throw new Error("unreadable");
    });
    await using server = await startServer();
    await using host = await createHost({ nats: server.url, actors });
    const ref = await host.client.start(trees, { id: "t", input: { folder: path, report } });
    hasOneLeft = async () => Object.keys((await ref.get())?.children ?? {}).length === 1;
    const view = await ref.waitFor(({ state }) => state === "failed", { timeout: "20s" });
    expect(view).toMatchObject({
      error: { code: "child_failed", cause: { cause: { message: "unreadable" } } },
      rollback: { state: "done", failed: 0 },
    });
    expect(await readdir(home)).toEqual(["files"]);
  });
});
