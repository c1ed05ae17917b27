import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer } from "../support/server.ts";
import { readPage, ROOT } from "./page.ts";

const run = promisify(execFile);
const { blocks } = readPage("README.md");
const programs = blocks.flatMap((block, index) => (block.language === "ts" ? [{ ...block, printed: blocks[index + 1]?.text ?? "" }] : []));

/** The README's programs, in a folder of their own inside the package, where `troupe` is the package itself as it was built. */
describe("the README's programs", () => {
  let folder: string;

  beforeAll(async () => {
    if (!existsSync(`${ROOT}dist/src/index.js`)) throw new Error("The package is not built: npm run build");
    folder = await mkdtemp(`${ROOT}test/docs/programs-`);
    for (const { line, text } of programs) await writeFile(join(folder, `line-${line}.ts`), text);
    const compilerOptions = { rootDir: ".", outDir: "out", noEmit: false, declaration: false, declarationMap: false, sourceMap: false };
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../../tsconfig.json", compilerOptions, include: ["*.ts"] }),
    );
  });
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  it("fit the types", async () => {
    const { stdout } = await run(process.execPath, [`${ROOT}node_modules/typescript/bin/tsc`, "-p", folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe("");
  });

  it.each(programs.filter(({ words }) => words.includes("run")))("print what stands below: line $line", async ({ line, printed }) => {
    const server = await startServer();
    try {
      const env = { ...process.env, NATS_URL: server.url };
      const { stdout } = await run(process.execPath, [join(folder, "out", `line-${line}.js`)], { env, timeout: 20_000 });
      expect(stdout.trim()).toBe(printed.trim());
    } finally {
      await server.stop();
    }
  });
});
