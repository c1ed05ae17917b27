import { execFileSync } from "node:child_process";
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
const lock = JSON.parse(read("package-lock.json")) as {
  version: string;
  packages: Record<string, { version?: string; resolved?: string; hasInstallScript?: boolean; dev?: boolean }>;
};

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
      const source = typeof target === "string" ? target : sourceOf(target.default);
      expect([name, existsSync(new URL(source, root))]).toEqual([name, true]);
      const built = typeof target === "string" ? [] : Object.entries(target);
      expect(built.map(([condition]) => condition)).toEqual(built.length === 0 ? [] : ["types", "default"]);
      expect(new Set(built.map(([, path]) => path.replace(/(\.d\.ts|\.js)$/, ""))).size).toBe(built.length / 2);
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
    const foreign = Object.entries(lock.packages).filter(
      ([, { resolved }]) => resolved !== undefined && new URL(resolved).host !== "registry.npmjs.org",
    );
    expect(foreign.map(([name]) => name)).toEqual([]);
    for (const range of Object.values({ ...described.dependencies, ...described.devDependencies }))
      expect(range).toMatch(/^\^?\d+\.\d+\.\d+$/);
  });

  it("accepts the XState versions whose actions it reads, and no next major", () => {
    expect(described.dependencies["xstate"]).toMatch(/^\^5\.(3[3-9]|[4-9]\d)\.\d+$/);
  });

  it("runs its checks with programs that it depends on", () => {
    const from: Readonly<Record<string, string>> = { tsc: "typescript", attw: "@arethetypeswrong/cli" };
    const commands = Object.values(described.scripts).flatMap((script) =>
      script.split("&&").map((command) => command.trim().split(" ")[0] ?? ""),
    );
    const ours = new Set(["node", "npm", ...Object.keys(described.devDependencies)]);
    expect(commands.filter((command) => !ours.has(from[command] ?? command))).toEqual([]);
  });
});

describe("the repository", () => {
  it("names no path of the machine where it was written", () => {
    const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root, encoding: "utf8" });
    const files = listed.split("\n").filter((file) => file !== "" && existsSync(new URL(file, root)));
    const path = /(?<![\w.$}])(?:\/(?:home|Users)\/[a-z]|\/(?:work|root|mnt|workspace)\/|[A-Z]:\\Users)/;
    expect(files.filter((file) => path.test(read(file)))).toEqual([]);
  });
});
