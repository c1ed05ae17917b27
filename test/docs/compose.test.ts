import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { resolveServer } from "../../src/server/resolve.ts";
import { ROOT } from "./page.ts";

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
}

interface Compose {
  readonly services: Readonly<Record<"nats" | "host", Service>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const compose = parse(readFileSync(`${ROOT}docker-compose.yml`, "utf8")) as Compose;
const { nats, host } = compose.services;

describe("docker-compose.yml", () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "troupe-compose-"))));
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  it("refers only to what it defines", () => {
    for (const { source } of nats.configs ?? []) expect(compose.configs).toHaveProperty([source]);
    for (const volume of nats.volumes ?? []) expect(compose.volumes).toHaveProperty([volume.split(":")[0] as string]);
    for (const service of Object.keys(host.depends_on ?? {})) expect(compose.services).toHaveProperty([service]);
  });

  it("pins the server's version, at least the one that hosts need", () => {
    const [, major, minor, patch] = /^nats:(\d+)\.(\d+)\.(\d+)-alpine/.exec(nats.image) ?? [];
    expect(Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch)).toBeGreaterThanOrEqual(2_014_004);
  });

  it("gives the server a configuration that it takes, and that survives a power loss", async () => {
    const { content } = compose.configs[nats.configs?.[0]?.source ?? ""] as { content: string };
    expect(content.replaceAll("$$", ""), "Compose would replace a variable").not.toContain("$");
    expect(content).toMatch(/^\s*sync_interval: always$/m);
    const file = join(folder, "nats.conf");
    await writeFile(file, content.replaceAll("/data", folder));
    const { path } = await resolveServer({ env: process.env });
    const { stderr } = await promisify(execFile)(path, ["-t", "-c", file]);
    expect(stderr).toContain("is valid");
  });

  it("publishes nothing beyond the loopback interface, and not the monitoring port", () => {
    for (const port of nats.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:4222:4222$/);
    expect(nats.healthcheck?.test.join(" ")).toContain("127.0.0.1:8222/healthz");
  });

  it("starts the host when the server is healthy, with a program that exists", () => {
    expect(host.depends_on).toEqual({ nats: { condition: "service_healthy" } });
    expect(host.environment).toEqual({ NATS_URL: "nats://nats:4222" });
    const programs = host.command.filter((word) => word.startsWith("dist/"));
    expect(programs).toHaveLength(2);
    const sources = programs.map((program) => program.replace(/^dist\//, "").replace(/\.js$/, ".ts"));
    expect(sources.filter((source) => !existsSync(`${ROOT}${source}`))).toEqual([]);
  });

  it("gives the host more time to leave than its drain takes", () => {
    expect(Number.parseInt(host.stop_grace_period ?? "0", 10)).toBeGreaterThan(30);
  });
});
