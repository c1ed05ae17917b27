import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { setup } from "xstate";
import { connect, createHost, defineActor, defineTask } from "../../src/index.ts";
import { provision } from "../../src/nats/provision.ts";
import { inboxPrefixOf, rolesConfig, type Role } from "../../src/nats/roles.ts";
import { pathOf } from "../../src/view.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig } from "../nats/rig.ts";
import { troupe, type Ran } from "./command-line.ts";

/** Files that are deployed one after the other: modules outside of this project, as users have them. */
const INDEX = fileURLToPath(new URL("../../dist/src/index.js", import.meta.url));
const XSTATE = import.meta.resolve("xstate");
const module = (lines: string): string =>
  `import { defineActor, defineTask } from ${JSON.stringify(INDEX)};\nimport { setup } from ${JSON.stringify(XSTATE)};\n${lines}\n`;
const machine = (...states: string[]): string =>
  `setup({}).createMachine({ id: "order", initial: "${states[0]}", context: {}, states: { ${states.map((state, i) => `${state}: { on: { go: "${states[i + 1] ?? state}" } }`).join(", ")} } })`;

const ENTRIES = {
  same: `export const order = defineActor({ name: "order", machine: ${machine("packing", "shipping")} });`,
  wider: `export const order = defineActor({ name: "order", version: 2, machine: ${machine("packing", "shipping", "sent")} });`,
  renamed: `export const order = defineActor({ name: "order", version: 2, machine: ${machine("boxing", "shipping")} });`,
  migrated: `export default [defineActor({ name: "order", version: 2, machine: ${machine("boxing", "shipping")},
    migrate: { 1: ({ value, context }) => ({ value: value === "packing" ? "boxing" : value, context }) } })];`,
  broken: `export const order = defineActor({ name: "order", version: 2, machine: ${machine("boxing", "shipping")},
    migrate: { 1: ({ value, context }) => { if (value === "packing") throw new Error("no idea of " + context.n); return { value, context }; } } });`,
  kept: `const one = defineActor({ name: "order", machine: ${machine("packing", "shipping")} });
    export const order = defineActor({ name: "order", version: 2, machine: ${machine("boxing")}, versions: [one] });`,
  warned: `export const order = defineActor({ name: "order", machine: setup({}).createMachine({ id: "order", initial: "packing", context: {},
    states: { packing: { on: { go: "shipping" } }, shipping: { on: { go: "shipping" } }, attic: {} } }) });`,
  childless: `export const parent = defineActor({ name: "parent", version: 2, machine: setup({}).createMachine({ id: "parent", on: { x: { actions: () => {} } } }) });`,
  none: `export const nothing = 1;`,
} as const;

let folder: string;
let rig: Rig;
let run: (entry: keyof typeof ENTRIES, ...words: string[]) => Promise<Ran>;
const login = (role: Role) => ({ user: role, password: "secret" });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "troupe-check-"));
  for (const [name, lines] of Object.entries(ENTRIES)) await writeFile(join(folder, `${name}.mjs`), module(lines));
  rig = await startRig(
    rolesConfig({ publisher: login("publisher"), host: login("host"), inspector: login("inspector"), deployer: login("deployer") }),
  );
  const server = `nats://127.0.0.1:${rig.port}`;
  const as = (role: Role) => ({ servers: server, ...login(role), inboxPrefix: inboxPrefixOf(role) });
  await provision(await rig.connect({ ...login("deployer"), inboxPrefix: inboxPrefixOf("deployer") }), { partitions: 2 });

  const go = { go: "shipping" };
  const order = defineActor({
    name: "order",
    machine: setup({}).createMachine({
      id: "order",
      initial: "packing",
      context: {},
      states: { packing: { on: go }, shipping: { on: go } },
    }),
  });
  const kid = setup({}).createMachine({ id: "kid", on: { x: { actions: () => {} } } });
  const parent = defineActor({
    name: "parent",
    machine: setup({ actors: { kid } }).createMachine({ id: "parent", invoke: { id: "k", src: "kid", onError: { actions: () => {} } } }),
  });
  const job = defineTask({ name: "job", run: () => 1 });
  await using host = await createHost({ nats: as("host"), actors: [order, parent, job] });
  await using client = await connect({ nats: as("host") });
  const orders = await client.startMany(
    order,
    Array.from({ length: 700 }, (_, i) => ({ id: `o-${i}` })),
  );
  const refused = orders.find(({ status }) => status === "rejected");
  if (refused !== undefined) throw new Error("an order was refused", { cause: refused });
  await client.ref("order", "o-5").send({ type: "go" });
  await client.ref("order", "o-5").waitFor((view) => pathOf(view) === "shipping", { timeout: "10s" });
  await client.ref("order", "o-699").waitFor((view) => pathOf(view) === "packing", { timeout: "10s" });
  await client.start(parent, { id: "p" });
  await eventually("its child lives", async () => client.ref("parent-kid", "p~k~1").get());
  await client.run(job);
  await host.drain();

  const contexts = join(folder, "nats", "context");
  await mkdir(contexts, { recursive: true });
  const context = { url: server, user: "inspector", password: "secret", inbox_prefix: inboxPrefixOf("inspector") };
  await writeFile(join(contexts, "look.json"), JSON.stringify(context));
  run = (entry, ...words) =>
    troupe(["check", join(folder, `${entry}.mjs`), "--context", "look", ...words], { env: { XDG_CONFIG_HOME: folder } });
}, 60_000);

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const json = async (entry: keyof typeof ENTRIES) => {
  const { code, stdout } = await run(entry, "-o", "json");
  return { code, findings: JSON.parse(stdout) as Record<string, unknown>[] };
};
const packing = { type: "order", version: "1", state: "packing", actors: 699 };
const shipping = { type: "order", version: "1", state: "shipping", actors: 1, example: "order/o-5" };

describe("troupe check, with the rights of an inspector", () => {
  it("finds that everything runs under the definition that is live", async () => {
    const { code, findings } = await json("same");
    expect(findings).toMatchObject([
      { ...packing, finding: "runs" },
      { ...shipping, finding: "runs" },
    ]);
    expect(code).toBe(0);
  });

  it("finds that states which are still there resolve", async () => {
    const { code, findings } = await json("wider");
    expect(findings.map(({ finding }) => finding)).toEqual(["resolves", "resolves"]);
    expect(code).toBe(0);
  });

  it("counts who would park, with the exact path, and does not end well", async () => {
    const { code, findings } = await json("renamed");
    expect(findings).toMatchObject([
      { ...packing, finding: "parks", code: "unknown_state", missing: ["order.packing"] },
      { ...shipping, finding: "resolves" },
    ]);
    expect(code).toBe(7);
  });

  it("runs migrations over the real snapshots", async () => {
    const well = await json("migrated");
    expect(well.findings.map(({ finding, actors }) => [finding, actors])).toEqual([
      ["migrates", 699],
      ["migrates", 1],
    ]);
    expect(well.code).toBe(0);
    const broken = await json("broken");
    expect(broken.findings).toMatchObject([
      { ...packing, finding: "parks", code: "migration_failed", why: "The migration of it from version 1 threw: no idea of undefined" },
      { ...shipping, finding: "migrates" },
    ]);
    expect(broken.code).toBe(7);
  });

  it("finds that actors stay under a version that is kept", async () => {
    const { code, findings } = await json("kept");
    expect(findings.map(({ finding, actors }) => [finding, actors])).toEqual([
      ["stays", 699],
      ["stays", 1],
    ]);
    expect(code).toBe(0);
  });

  it("finds children that no definition has any more", async () => {
    const { code, findings } = await json("childless");
    expect(findings).toMatchObject([
      { type: "parent-kid", finding: "homeless", actors: 1, example: "parent-kid/p~k~1" },
      { type: "parent", finding: "resolves", actors: 1 },
    ]);
    expect(code).toBe(7);
  });

  it("tells what a machine may not mean, without holding a deploy up", async () => {
    const { code, findings } = await json("warned");
    expect(findings.filter(({ finding }) => finding === "warning")).toMatchObject([
      { type: "order", state: "order.attic", why: "can never be entered: no transition leads to it" },
      { type: "order", state: "order.attic", why: "is never left and hears nothing: make it final, or say what leads out of it" },
    ]);
    expect(code).toBe(0);
  });

  it("is a table for people, lines for scripts, and nothing but data on stdout", async () => {
    const table = await run("renamed");
    const [head, first] = table.stdout.split("\n");
    expect(head?.split(/ +/)).toEqual(["finding", "actors", "type", "version", "state", "why", "example"]);
    expect(first).toMatch(/^parks +699 +order +1 +packing +order\.packing is no state of this version +order\/o-\d+$/);
    expect(table.stderr).toContain("699 live actors would not go on");
    expect(table.stderr).toContain("2 live actors are of types that");
    const lines = await run("renamed", "-o", "jsonl");
    expect(
      lines.stdout
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as { finding: string }).finding),
    ).toEqual(["parks", "resolves"]);
  });

  it("refuses a file that exports no definition, and one that is not there", async () => {
    expect(await run("none")).toMatchObject({ code: 2, stdout: "" });
    expect(await troupe(["check", join(folder, "gone.mjs")])).toMatchObject({ code: 2, stdout: "" });
  });

  it("changes nothing", async () => {
    await run("migrated");
    const { findings } = await json("same");
    expect(findings.map(({ finding }) => finding)).toEqual(["runs", "runs"]);
  });
});
