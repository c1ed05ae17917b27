import { describe, expect, test } from "vitest";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

const TTL_MS = 3_000;

describe("hosts that do not fit together", () => {
  const other = (process: Process) => [process.standard({ name: "job", onCrash: process.name === "host-2" ? "park" : "rerun" })];
  const same = (process: Process) => [process.standard({ name: "job", version: process.name === "host-2" ? "2" : "1", onCrash: "rerun" })];

  test("are refused where one version of a type has two definitions, whoever joins first", async () => {
    const stand = new Stand({ tasks: other });
    await stand.open();
    const second = stand.launch();
    await expect(Promise.all([second.host.start(), stand.advance(5_000)])).rejects.toMatchObject({
      code: "clashing_definition",
      faults: [{ path: "job" }],
    });
    expect(second.host.hasLeft).toBe(true);
    await stand.advance(5_000);
    expect(second.phases).toEqual(["vacant", "vacant"]);
    expect(stand.processes[0]?.host.members.map(({ host }) => host)).toEqual(["host-1"]);
  });

  test("are refused, exactly one of them, where they start at the same time", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const stand = new Stand({ tasks: other, seed, maxLatencyMs: 30 });
      const both = [stand.launch(), stand.launch()];
      const started = Promise.allSettled(both.map(({ host }) => host.start()));
      await stand.advance(10_000);
      expect((await started).map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect(both.map(({ phases }) => phases.filter((phase) => phase === "running").length).toSorted((one, other) => one - other)).toEqual([
        0, 2,
      ]);
    }
  });

  test("join where the version differs, and where the other one is dead", async () => {
    const rolling = new Stand({ tasks: same });
    await rolling.open();
    await rolling.open();
    const restarted = new Stand({ tasks: other });
    (await restarted.open()).kill();
    const second = await restarted.open();
    await restarted.advance(TTL_MS);
    expect(second.phases).toEqual(["running", "running"]);
  });
});
