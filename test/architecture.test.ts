import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** The rules of the rooms hold, and the linter that keeps them bites: shown on offending files in a copy of the folder structure. */
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OXLINT = join(ROOT, "node_modules/.bin/oxlint");

interface Diagnostic {
  readonly filename: string;
  readonly code: string;
  readonly message: string;
}

function lint(folder: string, ...paths: readonly string[]): readonly Diagnostic[] {
  const { stdout, stderr } = spawnSync(OXLINT, ["--format", "json", ...paths], { cwd: folder, encoding: "utf8", maxBuffer: 64 << 20 });
  expect(stderr).toBe("");
  return (JSON.parse(stdout) as { diagnostics: readonly Diagnostic[] }).diagnostics;
}

const IMPORTS = "eslint(no-restricted-imports)";
const GLOBALS = "eslint(no-restricted-globals)";
const PROPERTIES = "eslint(no-restricted-properties)";

const importing = (from: string): string => `import { x } from "${from}";\nexport const y = x;\n`;
const doing = (expression: string): string => `export const y = (): unknown => ${expression};\n`;

type Case = readonly [room: string, text: string, rule: string];

/** One case for each of the modules that a room may not import, or the things that it may not do. */
const imports = (room: string, ...modules: readonly string[]): Case[] => modules.map((from) => [room, importing(from), IMPORTS]);
const uses = (room: string, rule: string, ...expressions: readonly string[]): Case[] =>
  expressions.map((each) => [room, doing(each), rule]);

const OFFENCES: readonly Case[] = [
  ...imports(
    "src/core",
    "../ports/x.ts",
    "../memory/x.ts",
    "../nats/x.ts",
    "../runtime/x.ts",
    "../server/x.ts",
    "../cli/x.ts",
    "../define.ts",
  ),
  ...imports("src/core", "node:fs", "node:crypto", "@nats-io/nats-core", "pino", "commander"),
  ["src/core", `import type { X } from "../nats/x.ts";\nexport type Y = X;\n`, IMPORTS],
  ["src/core", `export { x } from "../runtime/x.ts";\n`, IMPORTS],
  ["src/core", doing(`import("../nats/x.ts")`), IMPORTS],
  ...uses("src/core", PROPERTIES, "Date.now()", "Math.random()"),
  ["src/core", "const { now } = Date;\nexport const y = now;\n", PROPERTIES],
  ...uses("src/core", GLOBALS, "setTimeout(Boolean, 1)", "setInterval(Boolean, 1)", "setImmediate(Boolean)", "queueMicrotask(Boolean)"),
  ...uses("src/core", GLOBALS, 'fetch("x")', "process.env", "performance.now()", "crypto.randomUUID()"),
  ...imports("machines", "../src/core/turn.ts", "../src/nats/x.ts", "../src/runtime/x.ts", "../src/ports/x.ts", "../src/define.ts"),
  ...imports("machines", "@nats-io/kv", "node:fs"),
  ...imports("src/ports", "../memory/x.ts", "../nats/x.ts", "../runtime/x.ts", "../server/x.ts", "../cli/x.ts", "../connect.ts"),
  ...imports("src/ports", "@nats-io/kv", "node:net"),
  ...imports("src/memory", "../nats/x.ts", "../runtime/x.ts", "../server/x.ts", "../connect.ts", "@nats-io/kv", "node:fs"),
  ...uses("src/memory", GLOBALS, "setTimeout(Boolean, 1)", "process.env"),
  ...imports("src/nats", "../runtime/x.ts", "../memory/x.ts", "../server/x.ts", "../cli/x.ts", "../connect.ts"),
  ...imports("src/runtime", "../nats/x.ts", "../memory/x.ts", "../server/x.ts", "../cli/x.ts", "../connect.ts", "@nats-io/jetstream"),
  ...imports("src/server", "../nats/x.ts", "../runtime/x.ts", "../memory/x.ts", "../cli/x.ts", "../connect.ts"),
  ...imports("src/testing", "../nats/x.ts", "../server/x.ts", "../cli/x.ts", "../connect.ts", "../create-host.ts", "../index.ts"),
  ...imports("src/testing", "@nats-io/nats-core", "pino", "vitest"),
  ...["core", "ports", "memory", "nats", "runtime", "server"].flatMap((room) => imports(`src/${room}`, "../testing/x.ts")),
  ...imports("machines", "../src/testing/x.ts"),
  ...imports("src", "../test/core/life.ts"),
  ["src", 'console.log("x");\n', "eslint(no-console)"],
  ["src", "export const y: any = 1;\n", "typescript(no-explicit-any)"],
  ["src", Array.from({ length: 301 }, (_, n) => `export const a${n} = ${n};\n`).join(""), "eslint(max-lines)"],
  ["src", `export function y(): void {\n${"  y();\n".repeat(60)}}\n`, "eslint(max-lines-per-function)"],
];

/** DEFECTS .oxlintrc.json: rules that DESIGN's rooms or the configuration's own words ask for and that do not fire. */
const UNSEEN: readonly Case[] = [
  ...imports("src/core", "node:fs/promises", "@nats-io/jetstream/internal", "../../machines/task.ts"),
  ["src/core", importing("fs"), "unicorn(prefer-node-protocol)"],
  ...["core", "ports", "memory", "nats", "runtime", "server", "cli", "testing"].flatMap((room) =>
    imports(`src/${room}`, "../../test/core/life.ts"),
  ),
  ...uses("src/memory", PROPERTIES, "Date.now()", "Math.random()"),
  ...imports("src/server", "../ports/x.ts"),
];

const ALLOWED: readonly Case[] = [
  ...imports("src/core", "./turn.ts", "xstate"),
  ["src/core", `import type { TaskContext } from "../../machines/task.ts";\nexport type Y = TaskContext;\n`, IMPORTS],
  ["machines", `import type { ErrorRecord } from "../src/core/errors.ts";\nexport type Y = ErrorRecord;\n`, IMPORTS],
  ...imports("src/nats", "@nats-io/jetstream"),
  ...imports("src/runtime", "../ports/store.ts"),
  ...imports("src", "./nats/x.ts"),
  ...imports("src/testing", "../memory/x.ts", "../runtime/x.ts", "../client.ts"),
];

const CASES = [...OFFENCES, ...UNSEEN, ...ALLOWED];
let found: readonly Diagnostic[] = [];
let copy = "";

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "troupe-architecture-"));
  cpSync(join(ROOT, ".oxlintrc.json"), join(copy, ".oxlintrc.json"));
  CASES.forEach(([room, text], n) => {
    mkdirSync(join(copy, room), { recursive: true });
    writeFileSync(join(copy, room, `offence-${n}.ts`), text);
  });
  writeFileSync(join(copy, "src/ring-a.ts"), `import { b } from "./ring-b.ts";\nexport const a = (): number => b;\n`);
  writeFileSync(join(copy, "src/ring-b.ts"), `import { a } from "./ring-a.ts";\nexport const b: number = a();\n`);
  found = lint(copy, "src", "machines");
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function rulesBrokenBy(offence: Case): readonly string[] {
  const name = `offence-${CASES.indexOf(offence)}.ts`;
  return found.filter(({ filename }) => basename(filename) === name).map(({ code }) => code);
}

const titled = (cases: readonly Case[]) => cases.map((each) => ({ title: `${each[0]}: ${each[1].split("\n")[0]?.slice(0, 70)}`, each }));

describe("the linter", () => {
  it.each(titled(OFFENCES))("refuses in $title", ({ each }) => {
    expect(rulesBrokenBy(each)).toContain(each[2]);
  });

  it.each(titled(UNSEEN))("refuses, as DESIGN's rooms ask, in $title", ({ each }) => {
    expect(rulesBrokenBy(each)).toContain(each[2]);
  });

  it.each(titled(ALLOWED))("allows in $title", ({ each }) => {
    expect(rulesBrokenBy(each)).not.toContain(each[2]);
  });

  it("refuses modules that import each other", () => {
    expect(
      found
        .filter(({ code }) => code === "import(no-cycle)")
        .map(({ filename }) => basename(filename))
        .toSorted(),
    ).toContain("ring-a.ts");
  });
});

const inFolder = (folder: string): readonly string[] =>
  existsSync(join(ROOT, folder))
    ? readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
        .filter((path) => path.endsWith(".ts"))
        .map((path) => join(folder, path))
    : [];
const production = ["src", "machines"].flatMap(inFolder);
const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

describe("the code", () => {
  it("keeps the arrows between its rooms, and its files and functions short", () => {
    const rules = new Set(CASES.map(([, , rule]) => rule).concat("import(no-cycle)"));
    const broken = lint(ROOT, "src", "machines").filter(({ code }) => rules.has(code));
    expect(broken.map(({ filename, code, message }) => `${filename}: ${code} ${message}`)).toEqual([]);
  });

  it("has no clock in core that the linter cannot see", () => {
    for (const path of inFolder("src/core"))
      expect([path, /new Date\(\)|\bDate\(\)|\bglobalThis\b|\brequire\(/.exec(textOf(path))?.[0]]).toEqual([path, undefined]);
  });

  it("spells no rule away", () => {
    for (const path of production)
      expect([path, /(ox|es)lint-disable|@ts-(ignore|nocheck)/.exec(textOf(path))?.[0]]).toEqual([path, undefined]);
  });

  it("has no file that could hold anything", () => {
    const names = [...production, ...["test", "bench", "examples"].flatMap(inFolder)];
    const vague = names.filter((path) =>
      /(^|[-.])(utils?|helpers?|common|types|lib|managers?|misc|shared)([-.]|$)/i.test(basename(path, ".ts")),
    );
    expect(vague).toEqual([]);
    expect(names.filter((path) => /(^|\/)(utils?|helpers?|common|lib)$/.test(dirname(path)))).toEqual([]);
  });

  it("spells subjects, headers and streams of JetStream in one file of the nats room", () => {
    const spelling = inFolder("src/nats").filter((path) => /^(?!\s*(\*|\/[/*])).*["'`]\$JS\./m.test(textOf(path)));
    expect(spelling.filter((path) => basename(path) !== "names.ts")).toEqual([]);
  });
});
