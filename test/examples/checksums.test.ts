import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { checksum } from "../../examples/checksums/checksum.ts";
import { checksumsOf, formatLine } from "../../examples/checksums/report.ts";
import { createHost } from "../../src/index.ts";
import { startServer } from "../support/server.ts";

const run = promisify(execFile);

/** What sha256sum says of the same files, in the same order. */
async function sha256sumOf(folder: string): Promise<string> {
  const script = 'find "$1" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum';
  return (await run("sh", ["-c", script, "sh", folder], { maxBuffer: 2 ** 28 })).stdout;
}

it("reports of thousands of real files what sha256sum reports", { timeout: 120_000 }, async () => {
  await using server = await startServer();
  await using host = await createHost({ nats: server.url, actors: [checksum], concurrency: 16 });
  const found = await checksumsOf(host.client, "node_modules");
  expect(found.length).toBeGreaterThan(1_000);
  expect(found.map(formatLine).join("")).toBe(await sha256sumOf("node_modules"));
});

it("writes odd names as sha256sum does, and follows no links", async () => {
  const folder = await mkdtemp(join(tmpdir(), "troupe-names-"));
  for (const name of ["plain", "with blank", "back\\slash", "line\nbreak", "ünï", "empty"])
    await writeFile(join(folder, name), name === "empty" ? "" : name);
  await symlink(join(folder, "plain"), join(folder, "link"));
  await using server = await startServer();
  await using host = await createHost({ nats: server.url, actors: [checksum] });
  const found = await checksumsOf(host.client, folder);
  expect(found).toHaveLength(6);
  expect(found.map(formatLine).join("")).toBe(await sha256sumOf(folder));
  await rm(folder, { recursive: true });
});
