import { expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

const AT_ONCE = 2;
const TASKS = ["a", "b", "c", "d", "e", "f"] as const;

interface Incident {
  readonly what: "kill" | "freeze" | "disconnect" | "drain";
  /** The first happens at this step after the tasks were started; of any host. */
  readonly moment: number;
  readonly underWay: InFlight;
}

const tasks = (process: Process) => [
  process.standard({ name: "limited", limits: { atOnce: AT_ONCE } }),
  process.standard({ name: "failing", onCrash: "fail", limits: { atOnce: AT_ONCE } }),
];

const FROZEN_MS = 9_000;
const AWAY_MS = 1_500;
const ENDED: readonly string[] = ["done", "failed", "expired"];
/** Everything has happened by then where nothing goes wrong. */
const LAST_MOMENT = 150;

/** How many of a type are stored as working. */
function working(stand: Stand, type: string): number {
  return TASKS.filter((id) => stand.state(type, id) === "doing" && stand.record(type, id)?.permit?.stance === "has").length;
}

/** Six tasks of a type of which two may run at once: one fails first, one is cancelled while it waits, one has a deadline. */
async function play({ what, moment, underWay }: Incident): Promise<{ readonly stand: Stand; readonly steps: number }> {
  const stand = new Stand({ tasks, seed: moment + 1, maxLatencyMs: 3, partitions: 3 });
  const first = await stand.open({ soonRounds: 0 });
  await stand.open({ soonRounds: 0 });
  await stand.advance(5_000);
  let steps = 0;
  stand.world.onStep((step) => {
    if ("host" in step && ++steps === moment) strike(stand, first, what, underWay);
    if (step.kind !== "commitApplied") return;
    for (const type of ["limited", "failing"]) expect(working(stand, type)).toBeLessThanOrEqual(AT_ONCE);
  });
  for (const [n, id] of TASKS.entries()) {
    const headers = id === "f" ? { [HEADERS.deadline]: String(Math.round(stand.clock.now() + 100)) } : {};
    stand.start("limited", id, { ms: 200, failures: id === "a" ? 1 : 0 }, { headers });
    if (n < 3) stand.start("failing", id, { ms: 200 });
  }
  await stand.advance(50);
  stand.send("limited", "e", { type: "cancel" });
  await stand.advance(6_000);
  await stand.open({ soonRounds: 0 });
  // Until nothing is to be expected any more: also not a delivery that comes again, nor a host that wakes.
  const isOver = (): boolean => TASKS.every((id) => ENDED.includes(stand.state("limited", id))) && stand.world.tickets.length === 0;
  await stand.until(isOver, 30_000).catch(() => {});
  await stand.advance(what === "freeze" ? FROZEN_MS : 1_500);
  return { stand, steps };
}

function strike(stand: Stand, process: Process, what: Incident["what"], underWay: InFlight): void {
  if (what === "kill") process.kill(underWay);
  else if (what === "drain") void process.host.drain(1_000);
  else if (what === "freeze") {
    process.freeze();
    stand.clock.after(FROZEN_MS, () => process.thaw());
  } else {
    process.attachment.disconnect(underWay);
    stand.clock.after(AWAY_MS, () => process.attachment.reconnect());
  }
}

function verify(stand: Stand): void {
  for (const id of TASKS) expect(ENDED).toContain(stand.state("limited", id));
  for (const id of ["a", "b", "c", "d"]) expect(stand.state("limited", id)).toBe("done");
  for (const id of ["a", "b", "c"]) expect(["done", "failed"]).toContain(stand.state("failing", id));
  expect(stand.world.tickets).toEqual([]);
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.deadLetters).toEqual([]);
  stand.check();
}

test("nothing goes wrong where nothing happens, and everything that can happen is tried below", async () => {
  const { stand, steps } = await play({ what: "kill", moment: 0, underWay: "lost" });
  verify(stand);
  expect(stand.state("limited", "f")).toBe("expired");
  expect(stand.state("limited", "e")).toBe("failed");
  expect(steps).toBeGreaterThan(LAST_MOMENT / 2);
});

test.each([
  ["kill", "seeded"],
  ["kill", "arrives"],
  ["freeze", "seeded"],
  ["disconnect", "seeded"],
  ["drain", "seeded"],
] as const)(
  "whenever a host meets with: %s (what it sent: %s), no permit is lost and none given twice",
  { timeout: 60_000 },
  async (what, underWay) => {
    // Every moment of one of the two kinds of death.
    for (let moment = underWay === "arrives" ? 2 : 1; moment <= LAST_MOMENT; moment += what === "kill" ? 2 : 4) {
      const { stand } = await play({ what, moment, underWay });
      try {
        verify(stand);
      } catch (cause) {
        throw new Error(`at step ${moment}: ${(cause as Error).message}`, { cause });
      }
    }
  },
);
