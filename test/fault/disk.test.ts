import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { api } from "../../src/nats/names.ts";
import { eventually } from "../support/eventually.ts";
import type { Field } from "./field.ts";
import { withoutMounts, withoutSlowCalls } from "./means.ts";
import { Scene } from "./scene.ts";

const COUNT = 80;
const MIB = 1024 * 1024;

const noMounts = withoutMounts();

/** A file system of so many bytes, and a file in it that takes most of them. */
class SmallDisk implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "troupe-disk-"));
  readonly #ballast = join(this.path, "ballast");

  constructor(bytes: number) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", this.path]);
    mkdirSync(join(this.path, "store"));
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.path);
    return bavail * bsize;
  }

  fill(): void {
    writeFileSync(this.#ballast, Buffer.alloc(this.freeBytes));
  }

  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.path]);
    rmSync(this.path, { recursive: true, force: true });
  }
}

test.skipIf(noMounts !== undefined)(
  `a full disk stops everything and loses nothing: with room again and a restart of the server it goes on${noMounts === undefined ? "" : ` (${noMounts})`}`,
  { timeout: 120_000 },
  async () => {
    using disk = new SmallDisk(64 * MIB);
    await using scene = await Scene.open({
      count: 1,
      partitions: 4,
      storeOf: () => join(disk.path, "store"),
      jetstream: "max_file_store: 1GB",
    });
    const { field, load } = scene;
    const [server] = field.servers.all;
    const host = await field.host();
    await host.joined;
    await load.begin(COUNT);
    disk.fill();
    scene.fault("disk full");
    // Nobody is told that something is stored which is not: these wait until it is.
    const late = load.begin(COUNT);
    await eventually("the server notices", async () => load.unaccepted > 0 && disk.freeBytes === 0, 20_000);
    await eventually("hosts can give no sign of life", () => host.lastWords().includes("sign of life"), 30_000);
    disk.free();
    await server?.kill();
    await server?.start();
    await late;
    await load.begin(COUNT);
    const { breaches } = await scene.verdict();
    expect(breaches).toEqual([]);
    expect(host.hasEnded).toBe(false);
  },
);

const noSlowCalls = withoutSlowCalls();
/** Syncs come one after the other: more would be a server that takes 40 messages a second. */
const SYNC_MS = 5;

test.skipIf(noSlowCalls !== undefined)(
  `a disk that takes ${SYNC_MS} ms for each sync slows everything down and breaks nothing${noSlowCalls === undefined ? "" : ` (${noSlowCalls})`}`,
  { timeout: 120_000 },
  async () => {
    const slow = `strace -D -f -qq -o /dev/null --seccomp-bpf -e trace=fsync,fdatasync -e inject=fsync,fdatasync:delay_exit=${SYNC_MS * 1000}`;
    await using scene = await Scene.open({ count: 1, partitions: 4, jetstream: "sync_interval: always", launcherOf: () => slow });
    const { field, load } = scene;
    const first = await field.host();
    await first.joined;
    const second = await field.host();
    await second.joined;
    await load.begin(COUNT);
    await eventually("some have ended", () => scene.open.size < COUNT, 30_000);
    scene.fault("killed while the disk is slow", first.name);
    await first.kill();
    await load.begin(COUNT);
    const { breaches } = await scene.verdict();
    expect(breaches).toEqual([]);
    expect(second.hasEnded).toBe(false);
  },
);

test("a server that may store no more refuses and loses nothing: with a larger limit it goes on", { timeout: 120_000 }, async () => {
  await using scene = await Scene.open({ count: 1, partitions: 4, jetstream: "max_file_store: 72MB" });
  const { field, load } = scene;
  const [server] = field.servers.all;
  const host = await field.host();
  await host.joined;
  await load.begin(COUNT);
  await fillStore(field);
  scene.fault("limit of the store reached");
  const late = load.begin(COUNT);
  await eventually("hosts can give no sign of life", () => host.lastWords().includes("sign of life"), 30_000);
  await server?.kill();
  server?.configure("max_file_store: 1GB");
  await server?.start();
  await late;
  const { breaches } = await scene.verdict();
  expect(breaches).toEqual([]);
  expect(host.hasEnded).toBe(false);
});

/** Until the server takes no more. */
async function fillStore({ connection }: Field): Promise<void> {
  const ballast = "BALLAST";
  await connection.request(api.streamCreate(ballast), JSON.stringify({ name: ballast, subjects: ["ballast"], storage: "file" }));
  for (let isFull = false; !isFull;) {
    const reply = JSON.parse((await connection.request("ballast", Buffer.alloc(MIB / 8))).string()) as { readonly error?: unknown };
    isFull = reply.error !== undefined;
  }
}
