import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it, vi } from "vitest";
import { createTestTroupe } from "../../src/testing.ts";
import { double, order } from "./cast.ts";

/** Everything that happens to three orders over which a host dies, as it can be told. */
async function story(seed: number): Promise<string> {
  await using troupe = createTestTroupe({ actors: [order, double], hosts: 2, seed });
  const told: string[] = [];
  const refs = await Promise.all([1, 2, 3].map(() => troupe.client.start(order)));
  for (const ref of refs) told.push(ref.id);
  troupe.hosts[0]?.kill();
  await troupe.advance("3d");
  await Promise.all(refs.map((ref) => ref.send({ type: "paid", amount: 1 })));
  for (const ref of refs) told.push(`${(await troupe.waitForState(ref, "shipped")).updatedAt} ${troupe.now}`);
  for (const { level, message } of troupe.logged) told.push(`${level} ${message}`);
  return told.join("\n");
}

it("tells the same story for the same seed, another one for another", async () => {
  const first = await story(3);
  expect(await story(3)).toBe(first);
  expect(await story(4)).not.toBe(first);
});

it("shares nothing with others that run at the same time", async () => {
  const alone = await Promise.all([story(5), story(6)].map((each) => each));
  const crowd = await Promise.all(Array.from({ length: 12 }, (_, i) => story(5 + (i % 2))));
  expect(new Set(crowd)).toEqual(new Set(alone));
});

it("leaves nothing behind: a process in which troupes were opened, used and closed ends by itself at once", () => {
  const program = `
    import { createTestTroupe } from "./src/testing.js";
    import { defineTask } from "./src/index.js";
    const task = defineTask({ name: "t", timeout: "1h", run: () => new Promise(() => {}) });
    const troupe = createTestTroupe({ actors: [task], patience: 0 });
    const ref = await troupe.client.start(task, { id: "x" });
    void ref.result().catch(() => {});
    await troupe.waitForState(ref, "doing");
    await troupe[Symbol.asyncDispose]();
    const left = process.getActiveResourcesInfo().filter((each) => /Time|Immediate|Socket|TCP|Worker/.test(each));
    console.log(JSON.stringify(left));
  `;
  const cwd = fileURLToPath(new URL("../../dist/", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd,
    encoding: "utf8",
    timeout: 30_000,
  });
  expect([stdout.trim(), stderr, status]).toEqual(["[]", "", 0]);
});

it("loads nothing of NATS, no logger and no test runner", () => {
  const program = `
    import { register } from "node:module";
    import { writeSync } from "node:fs";
    register("data:text/javascript," + encodeURIComponent(\`
      import { writeSync } from "node:fs";
      export async function load(url, context, next) { writeSync(1, url + "\\\\n"); return next(url, context); }
    \`));
    await import("./src/testing.js");
  `;
  const cwd = fileURLToPath(new URL("../../dist/", import.meta.url));
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd,
    encoding: "utf8",
    timeout: 30_000,
  });
  const loaded = stdout.split("\n").filter((url) => url !== "");
  expect(status).toBe(0);
  expect(loaded.some((url) => url.endsWith("/src/testing/troupe.js"))).toBe(true);
  expect(loaded.filter((url) => /@nats-io|\/pino\/|vitest|commander|\/src\/(nats|server|cli)\//.test(url))).toEqual([]);
});

afterEach(() => void vi.useRealTimers());

it("goes by its own clock where the test runner has replaced the timers", async () => {
  vi.useFakeTimers();
  await using troupe = createTestTroupe({ actors: [order, double] });
  const ref = await troupe.client.start(order, { id: "o" });
  await ref.result();
  expect(troupe.now - Date.UTC(2027, 0, 1)).toBe(7 * 86_400_000);
  expect(vi.getTimerCount()).toBe(0);
});

it("runs under Node's own test runner", () => {
  const program = `
    import { test } from "node:test";
    import assert from "node:assert/strict";
    import { createTestTroupe } from "./src/testing.js";
    import { defineTask } from "./src/index.js";
    const double = defineTask({ name: "double", run: ({ input }) => input * 2 });
    for (let i = 0; i < 20; i++) test("doubles " + i, { concurrency: true }, async () => {
      const troupe = createTestTroupe({ actors: [double], seed: i });
      assert.equal(await troupe.client.run(double, i, { delay: "30d" }), 2 * i);
      await troupe[Symbol.asyncDispose]();
    });
  `;
  const cwd = fileURLToPath(new URL("../../dist/", import.meta.url));
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd,
    env,
    encoding: "utf8",
    timeout: 30_000,
  });
  expect([status, /(?:pass|# pass) (\d+)/.exec(stdout)?.[1]]).toEqual([0, "20"]);
});
