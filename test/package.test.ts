import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { VERSION } from "../src/version.ts";

interface Package {
  readonly version: string;
  readonly type: string;
  readonly license: string;
  readonly engines: { readonly node: string };
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const root = new URL("..", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const described = JSON.parse(read("package.json")) as Package;
const lock = JSON.parse(read("package-lock.json")) as { version: string; packages: Record<string, { version?: string; resolved?: string; hasInstallScript?: boolean; dev?: boolean }> };

/** What `dist` is compiled from: it is not built when the pure tests run. */
const sourceOf = (built: string): string => built.replace(/^\.?\/?dist\//, "").replace(/(\.d)?\.[jt]s$/, ".ts");

describe("the package", () => {
  it("has one version", () => {
    expect(VERSION).toBe(described.version);
    expect(lock.version).toBe(described.version);
  });

  it("runs on the Node that its code is tested with", () => {
    const [, major, minor] = /^>=(\d+)\.(\d+)$/.exec(described.engines.node) ?? [];
    expect([Number(major), Number(minor)]).toEqual([20, 19]);
    expect(described.type).toBe("module");
  });

  it("installs without running anything", () => {
    for (const script of ["preinstall", "install", "postinstall", "preprepare", "prepare", "postprepare", "prepublish"])
      expect(described.scripts).not.toHaveProperty(script);
    expect(existsSync(new URL("binding.gyp", root))).toBe(false);
  });

  it("exports modules that there are, each with its types first", () => {
    for (const [name, target] of Object.entries(described.exports)) {
      if (typeof target === "string") {
        expect([name, existsSync(new URL(target, root))]).toEqual([name, true]);
        continue;
      }
      expect(Object.keys(target)).toEqual(["types", "default"]);
      expect(target.types).toBe(target.default.replace(/\.js$/, ".d.ts"));
      expect([name, existsSync(new URL(sourceOf(target.default), root))]).toEqual([name, true]);
    }
  });

  it("has a command that there is and that Node runs", () => {
    for (const target of Object.values(described.bin)) expect(read(sourceOf(target))).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  it("holds the code, its sources and its history, and no tests", () => {
    for (const path of described.files) expect([path, existsSync(new URL(path.replace(/^dist\//, ""), root))]).toEqual([path, true]);
    for (const target of [...Object.values(described.exports), ...Object.values(described.bin)]) {
      const path = (typeof target === "string" ? target : target.default).replace(/^\.\//, "");
      expect(path === "package.json" || described.files.some((folder) => path.startsWith(`${folder}/`))).toBe(true);
    }
    for (const path of described.files) expect(path).not.toMatch(/^(dist\/)?(test|bench|examples)\b/);
  });

  it("depends on versions from the public registry alone", () => {
    for (const [name, { resolved }] of Object.entries(lock.packages))
      if (resolved !== undefined) expect([name, new URL(resolved).host]).toEqual([name, "registry.npmjs.org"]);
    for (const range of Object.values({ ...described.dependencies, ...described.devDependencies })) expect(range).toMatch(/^\^?\d+\.\d+\.\d+$/);
  });

  it("accepts the XState versions whose actions it reads, and no next major", () => {
    expect(described.dependencies["xstate"]).toMatch(/^\^5\.(3[3-9]|[4-9]\d)\.\d+$/);
  });

  it("runs its checks with programs that it depends on", () => {
    const from: Readonly<Record<string, string>> = { tsc: "typescript", attw: "@arethetypeswrong/cli" };
    const commands = Object.values(described.scripts).flatMap((script) => script.split("&&").map((command) => command.trim().split(" ")[0] ?? ""));
    for (const command of new Set(commands)) if (command !== "node" && command !== "npm") expect(described.devDependencies).toHaveProperty([from[command] ?? command]);
  });
});
