import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { checksum } from "../../examples/checksums/checksum.ts";
import { folder, removePart, tree } from "../../examples/checksums/tree.ts";
import { createTestTroupe, everyCrash, type OpenTroupe } from "../../src/testing.ts";

/** The plan of examples/checksums without a server. */

const actors = [tree, folder, checksum, removePart];
const NAMES = ["a", "b/c", "b/d", "e"];
const patience = "10s";

/** A home with files, each with its name as its content. */
async function openHome() {
  const home = await mkdtemp(join(tmpdir(), "troupe-checksums-"));
  for (const name of NAMES) {
    await mkdir(join(home, "files", name, ".."), { recursive: true });
    await writeFile(join(home, "files", name), name);
  }
  return {
    path: home,
    files: join(home, "files"),
    report: join(home, "report.txt"),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true }),
  };
}

const wanted = (files: string): string =>
  NAMES.map((name) => `${createHash("sha256").update(name).digest("hex")}  ${join(files, name)}\n`).join("");

it("reports every file, by two hosts", async () => {
  await using home = await openHome();
  await using troupe = createTestTroupe({ actors, hosts: 2, patience });
  expect(await troupe.client.run(tree, { folder: home.files, report: home.report })).toEqual({ files: 4, bytes: 8 });
  expect(await readFile(home.report, "utf8")).toBe(wanted(home.files));
});

it("reports every file wherever a host dies, and leaves nothing else behind", { timeout: 120_000 }, async () => {
  const scenario = async (open: OpenTroupe) => {
    await using home = await openHome();
    await using troupe = open({ actors, patience });
    const output = await troupe.client.run(tree, { folder: home.files, report: home.report });
    const report = (await readFile(home.report, "utf8")) === wanted(home.files);
    return { output, report, left: await readdir(home.path) };
  };
  const { outcome } = await everyCrash(scenario);
  expect(outcome).toEqual({ output: { files: 4, bytes: 8 }, report: true, left: ["files", "report.txt"] });
});
