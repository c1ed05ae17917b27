import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHost, definePlan, defineTask, type RunningHost } from "../../src/index.ts";
import type { EmbeddedServer } from "../../src/server/embedded.ts";
import { pino } from "pino";
import { eventually } from "../support/eventually.ts";
import { startServer } from "../support/server.ts";
import { troupe, type Ran } from "./command-line.ts";

/** Plans on the command line: how far they are, what became of their children, and how their undoing went. */
interface Leg {
  readonly name: string;
  /** Waits until the gate of this name is open. */
  readonly gate?: string;
  readonly fails?: boolean;
}

const gates = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>();
function gate(name: string) {
  let found = gates.get(name);
  if (found === undefined) {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    gates.set(name, (found = { opened, open }));
  }
  return found;
}

const leg = defineTask<Leg, string>({
  name: "leg",
  retry: { attempts: 1 },
  run: async ({ input, signal }) => {
    const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    if (input.gate !== undefined) await Promise.race([gate(input.gate).opened, aborted]);
    if (input.fails === true) throw new Error(`no way to ${input.name}`);
    return input.name;
  },
});
const back = defineTask<string, void>({
  name: "back",
  retry: { attempts: 1 },
  run: ({ input }) => {
    if (input === "Rome") throw new Error("all roads lead there");
  },
});
const trip = (version: number, kinds: Readonly<Record<string, typeof leg | typeof back>>) =>
  definePlan<{ legs: readonly Leg[] }, string, unknown, string>({
    name: "trip",
    version,
    children: kinds,
    concurrency: 20,
    *expand({ input }) {
      for (const each of input.legs) yield { kind: "leg", key: each.name, input: each };
    },
    onFailure: { leg: [{ when: ({ input }) => (input as Leg).name === "Atlantis", policy: "drop" }, { policy: "fail" }] },
    compensate: { leg: ({ key }) => ({ kind: "back", input: key }) },
    collect: (all = "", { output }) => `${all}${String(output)} `,
  });
const both = trip(1, { leg, back });
const others = defineTask({ name: "greet", run: () => "hello" });

let server: EmbeddedServer;
let host: RunningHost;
const ask = (...words: string[]): Promise<Ran> => troupe([...words, "-s", server.url]);
const open = (plan: typeof both) => createHost({ nats: server.url, actors: [plan, leg, back, others], log: pino({ level: "silent" }) });
const submit = (id: string, ...legs: Leg[]): Promise<Ran> => ask("submit", "trip", JSON.stringify({ legs }), "--id", id);
const shows = (id: string, words: string): Promise<boolean> =>
  eventually(`trip/${id} says ${words}`, async () => (await ask("get", `trip/${id}`)).stdout.includes(words), 15_000);

beforeAll(async () => {
  server = await startServer();
  host = await open(both);
});
afterAll(async () => {
  await host.stop();
  await server.stop();
});

describe("a plan that runs", () => {
  it("shows how far it is and who works, in words and in JSON", async () => {
    await submit("p-1", { name: "Oslo" }, { name: "Atlantis", fails: true }, { name: "Paris", gate: "p-1" });
    await shows("p-1", "progress     1 of 3 done, 1 dropped\n");
    const table = (await ask("get", "trip/p-1")).stdout;
    expect(table).toMatch(/^state +doing\.running$/m);
    expect(table).toMatch(/^children +Paris: leg\/trip~p-1~Paris~\d+$/m);
    expect(JSON.parse((await ask("get", "trip/p-1", "-o", "json")).stdout)).toMatchObject({
      progress: { total: 3, done: 1, failed: 0, dropped: 1 },
      children: { Paris: { type: "leg" } },
    });
    expect((await ask("ls", "--type", "trip")).stdout).toMatch(
      /^type .*progress.*\ntrip +p-1 +doing\.running +active +\d+ +1 of 3 done, 1 dropped /m,
    );
    expect((await ask("ls", "--type", "greet")).stdout).not.toContain("progress");
  });

  it("is watched to its end, with a line for each step that it takes", async () => {
    await submit("p-2", { name: "Oslo" }, { name: "Paris", gate: "p-2" });
    await shows("p-2", "1 of 2 done");
    const watching = ask("watch", "trip/p-2");
    gate("p-2").open();
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    expect(stdout).toMatch(/ {2}done {2}2 of 2 done\n$/);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.replace(/^\S+ +/, ""));
    expect(new Set(lines).size).toBe(lines.length);
    expect((await ask("get", "trip/p-2")).stdout).toMatch(/^output +Oslo Paris $/m);
  });

  it("shows the first of many children", async () => {
    await submit("p-3", ...Array.from({ length: 15 }, (_, i) => ({ name: `n${i}`, gate: "p-3" })));
    await shows("p-3", "0 of 15 done");
    expect((await ask("get", "trip/p-3")).stdout).toMatch(/^children +n0: leg\/.*, n9: leg\/trip~p-3~n9~\d+, and 5 more$/m);
    gate("p-3").open();
  });
});

describe("a plan that fails", () => {
  it("says why, which child it was, and how its undoing ended", async () => {
    await submit("p-4", { name: "Rome" }, { name: "Oslo" }, { name: "Paris", gate: "p-4", fails: true });
    await shows("p-4", "2 of 3 done");
    const watching = ask("watch", "trip/p-4");
    gate("p-4").open();
    const { code, stdout } = await watching;
    expect(code).toBe(1);
    const undone = "failed: 1 undone, 1 not (all roads lead there)";
    const failed = 'Child "Paris" (leg) of trip/p-4 failed: no way to Paris';
    expect(
      stdout
        .trimEnd()
        .split("\n")
        .at(-1)
        ?.replace(/^\S+ +/, ""),
    ).toBe(`failed  2 of 3 done, 1 failed  ${undone}  ${failed}`);
    const { stdout: table } = await ask("get", "trip/p-4");
    expect(table).toContain(`rollback     ${undone}\n`);
    expect(JSON.parse((await ask("get", "trip/p-4", "-o", "json")).stdout)).toMatchObject({
      state: "failed",
      error: { code: "child_failed", cause: { message: "no way to Paris" } },
      rollback: { state: "failed", compensated: 1, failed: 1 },
    });
  });

  it("because it was cancelled stops its children and undoes what was done", async () => {
    await submit("p-5", { name: "Oslo" }, { name: "Paris", gate: "never" });
    await shows("p-5", "1 of 2 done");
    expect(await ask("cancel", "trip/p-5", "too far")).toMatchObject({ code: 0 });
    const watched = await ask("watch", "trip/p-5");
    expect(watched.code).toBe(4);
    expect(watched.stdout).toMatch(/failed {2}1 of 2 done, 1 failed {2}done: 1 undone {2}too far\n$/);
    expect((await ask("cancel", "trip/p-5", "again")).code).toBe(0);
    expect((await ask("ls", "--type", "leg", "--state", "failed")).stdout).toMatch(/trip~p-5~Paris/);
  });
});

it(
  "a plan that was parked for a version without its children goes on with retry once there is one that has them",
  { timeout: 60_000 },
  async () => {
    await submit("p-6", { name: "Oslo" }, { name: "Paris", gate: "p-6" });
    await shows("p-6", "1 of 2 done");
    await host.stop();
    host = await open(trip(2, { leg }));
    gate("p-6").open();
    await shows("p-6", "children.back is a kind of children");
    expect(await ask("get", "trip/p-6", "-o", "json")).toMatchObject({ stdout: expect.stringContaining('"unknown_state"') as string });
    await host.stop();
    host = await open(trip(3, { leg, back }));
    await ask("retry", "trip/p-6");
    expect((await ask("watch", "trip/p-6")).stdout).toMatch(/done {2}2 of 2 done\n$/);
  },
);
