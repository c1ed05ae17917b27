import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { addHealthCommand } from "../../src/cli/health-command.ts";
import { addHostCommands } from "../../src/cli/host-commands.ts";
import { resolveServer } from "../../src/server/resolve.ts";
import { CLUSTER_CONFIG } from "../support/cluster.ts";
import { ROOT } from "./page.ts";

interface Service {
  readonly image: string;
  readonly command: readonly string[];
  readonly volumes: readonly string[];
  readonly ports?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly stop_signal?: string;
  readonly stop_grace_period: string;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const compose = parse(readFileSync(`${ROOT}docker-compose.yml`, "utf8"), { merge: true }) as Compose;
const NAMES = ["nats-1", "nats-2", "nats-3"] as const;
const servers = NAMES.map((name) => compose.services[name] as Service);
const host = compose.services["host"] as Service;
const configuration = readFileSync(CLUSTER_CONFIG, "utf8");

/** What Compose puts in the place of `${NAME:?…}`. */
const SECRETS: Readonly<Record<string, string>> = { NATS_TOKEN: "12e4", CLUSTER_PASSWORD: "0123" };
const filled = (text: string): string =>
  text.replaceAll(/\$\{(\w+)(:\?[^}]*)?\}/g, (_whole, name: string) => SECRETS[name] ?? expect.fail(`${name} is not given`));
const seconds = (duration: string): number => Number.parseInt(duration, 10);

describe("docker-compose.yml", () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "troupe-compose-"))));
  afterAll(async () => rm(folder, { recursive: true, force: true }));

  it("refers only to what it defines, and to files that are there", () => {
    for (const service of Object.values(compose.services)) {
      for (const volume of service.volumes) {
        const [source = ""] = volume.split(":");
        if (source.startsWith(".")) expect(existsSync(join(ROOT, source)), source).toBe(true);
        else expect(compose.volumes).toHaveProperty([source]);
      }
      for (const name of Object.keys(service.depends_on ?? {})) expect(compose.services).toHaveProperty([name]);
    }
  });

  it("gives each server a name, a port and a store of its own, and nothing else", () => {
    expect(servers.map(({ environment }) => environment["SERVER_NAME"])).toEqual(NAMES.map((name) => `"${name}"`));
    for (const of of [(service: Service) => service.ports?.[0], (service: Service) => service.volumes[1]])
      expect(new Set(servers.map(of)).size).toBe(3);
    const rest = servers.map(({ environment: { SERVER_NAME: _name, ...environment }, ports: _ports, volumes, ...others }) => ({
      ...others,
      environment,
      configuration: volumes[0],
    }));
    expect(rest[1]).toEqual(rest[0]);
    expect(rest[2]).toEqual(rest[0]);
  });

  it("pins the server's version, at least the one that hosts need", () => {
    for (const { image } of servers) {
      const [, major, minor, patch] = /^nats:(\d+)\.(\d+)\.(\d+)-alpine/.exec(image) ?? [];
      expect(Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch)).toBeGreaterThanOrEqual(2_015_001);
    }
  });

  it("gives the servers the configuration that the tests run, whose every variable it sets", async () => {
    const mounted = servers.map(({ volumes }) => volumes[0]?.split(":")[0]);
    expect(mounted.map((path) => join(ROOT, path ?? ""))).toEqual(mounted.map(() => CLUSTER_CONFIG));
    expect(configuration).toMatch(/^\s*sync_interval: always$/m);
    const { path } = await resolveServer({ env: process.env });
    for (const { environment, command } of servers) {
      expect(command).toEqual(["-c", servers[0]?.volumes[0]?.split(":")[1]]);
      const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, filled(value)]));
      // No file but this: the store is only looked at when the server starts.
      const { stderr } = await promisify(execFile)(path, ["-t", "-c", CLUSTER_CONFIG], {
        env: { ...env, STORE_DIR: JSON.stringify(folder) },
      });
      expect(stderr).toContain("is valid");
    }
  });

  it("publishes nothing beyond the loopback interface, and not the monitoring port", () => {
    for (const { ports, environment, healthcheck } of servers) {
      expect(ports).toHaveLength(1);
      expect(ports?.[0]).toMatch(/^127\.0\.0\.1:\d+:4222$/);
      expect(environment["MONITOR_LISTEN"]).toBe('"127.0.0.1:8222"');
      expect(healthcheck.test.join(" ")).toContain("http://127.0.0.1:8222/healthz");
    }
    expect(host.ports).toBeUndefined();
  });

  it("lets nobody in without a secret, which it does not contain", () => {
    for (const { environment } of servers) {
      expect(environment["NATS_TOKEN"]).toMatch(/^"\$\{NATS_TOKEN:\?.*\}"$/);
      expect(environment["CLUSTER_PASSWORD"]).toMatch(/^"\$\{CLUSTER_PASSWORD:\?.*\}"$/);
    }
    expect(host.environment["NATS_TOKEN"]).toMatch(/^\$\{NATS_TOKEN:\?/);
  });

  it("ends servers gently, with more time than that takes", () => {
    const [, least] = /^lame_duck_duration: "(\d+)s"$/m.exec(configuration) ?? [];
    for (const { stop_signal, stop_grace_period } of servers) {
      expect(stop_signal).toBe("SIGUSR2");
      expect(seconds(stop_grace_period)).toBeGreaterThan(Number(least));
    }
  });

  it("starts hosts when the servers are healthy, with programs and options that exist", () => {
    expect(host.depends_on).toEqual(Object.fromEntries(NAMES.map((name) => [name, { condition: "service_healthy" }])));
    expect(host.environment["NATS_URL"]).toBe(NAMES.map((name) => `nats://${name}:4222`).join(","));
    const program = new Command();
    addHostCommands(program);
    addHealthCommand(program);
    const probe = host.healthcheck.test.slice(1);
    for (const words of [host.command, probe]) {
      const programs = words.filter((word) => word.startsWith("dist/"));
      const sources = programs.map((program) => program.replace(/^dist\//, "").replace(/\.js$/, ".ts"));
      expect(sources.filter((source) => !existsSync(`${ROOT}${source}`))).toEqual([]);
      const command = program.commands.find((each) => each.name() === words[2]);
      const known = command?.options.map(({ long }) => long);
      for (const option of words.filter((word) => word.startsWith("--"))) expect(known).toContain(option);
    }
    const portOf = (words: readonly string[], option: string): string | undefined => words[words.indexOf(option) + 1];
    expect(portOf(probe, "--port")).toBe(portOf(host.command, "--health-port"));
  });

  it("gives hosts more time to leave than their drain and their goodbyes take", () => {
    const drain = host.command[host.command.indexOf("--drain-timeout") + 1] ?? "";
    expect(seconds(host.stop_grace_period)).toBeGreaterThan(seconds(drain) + 9);
  });
});
