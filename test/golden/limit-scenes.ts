import { Stand } from "../runtime/stage.ts";
import type { Scene } from "./scene.ts";

/** Tasks of a limited type: one that works, and one that waits for its permit to come back. */
const stand: Scene["stand"] = (options) =>
  new Stand({ ...options, tasks: (process) => [process.standard({ name: "limited", limits: { atOnce: 1 } })] });

const waiting: Scene = {
  stand,
  async bring(found) {
    found.start("limited", "1", { ms: 60_000 });
    await found.until(() => found.state("limited", "1") === "doing");
    found.start("limited", "2", { ms: 10 });
    await found.until(() => found.record("limited", "2")?.permit?.stance === "waits");
    await found.advance(2_000);
  },
  async goOn(found, expect) {
    await found.advance(1_000);
    expect(found.state("limited", "1")).toBe("doing");
    expect(found.state("limited", "2")).toBe("undo.ready");
    await found.until(() => found.runsOf("limited/2").length > 0, 200_000);
    expect(found.state("limited", "1")).toBe("done");
    await found.until(() => found.state("limited", "2") === "done");
    expect(found.world.tickets).toEqual([]);
    await found.advance(5_000);
  },
};

export const LIMIT_SCENES: Readonly<Record<string, Scene>> = { "a task that works and one that waits for a permit": waiting };
