import type { Command } from "commander";
import { expect, it, vi } from "vitest";
import { VERSION } from "../../src/version.ts";
import { troupe } from "./command-line.ts";

/** The commands that print no data, or data of another form. */
const WITHOUT_OUTPUT = new Set(["host", "dev", "server run", "server roles"]);

function leavesOf(command: Command, path: readonly string[] = []): { readonly path: string; readonly command: Command }[] {
  const inner = command.commands.flatMap((each) => leavesOf(each, [...path, each.name()]));
  return inner.length > 0 ? inner : [{ path: path.join(" "), command }];
}

it("takes -o json on every command that prints data, and a server on every one that talks to one", async () => {
  vi.stubGlobal(
    "process",
    Object.assign(Object.create(process) as NodeJS.Process, { argv: ["node", "troupe", "--version"], exitCode: undefined }),
  );
  const { programOf } = await import("../../src/cli/main.ts");
  vi.unstubAllGlobals();
  for (const { path, command } of leavesOf(programOf())) {
    if (WITHOUT_OUTPUT.has(path)) continue;
    expect(
      command.options.map(({ long }) => long),
      path,
    ).toContain("--output");
    if (path !== "server path")
      expect(
        command.options.map(({ long }) => long),
        path,
      ).toContain("--server");
  }
});

it("says its version, and helps on stdout", async () => {
  expect(await troupe(["--version"])).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  const { code, stdout } = await troupe(["--help"]);
  expect(code).toBe(0);
  for (const word of ["dev", "host", "submit", "get", "ls", "watch", "cancel", "server"]) expect(stdout).toContain(word);
});

it("explains where nats-server comes from", async () => {
  const { code, stdout } = await troupe(["server", "path", "--explain", "-o", "json"]);
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as { step: string }[]).map(({ step }) => step)).toContain("env");
});

it("prints no colour where it is not wanted or nobody would see it", async () => {
  for (const env of [{}, { NO_COLOR: "1" }])
    expect((await troupe(["server", "path", "--explain"], { env })).stdout).not.toContain("\u001b");
});

it("refuses a format that there is not", async () => {
  expect(await troupe(["ls", "-o", "yaml"])).toMatchObject({ code: 2, stdout: "" });
});
