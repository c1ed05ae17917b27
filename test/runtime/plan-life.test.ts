import { describe, expect, test } from "vitest";
import { HEADERS } from "../../src/core/envelope.ts";
import { asked, played, Trip } from "./trip.ts";

describe("a plan is a task", () => {
  test("that waits for its delay, and expires when it has not begun by its deadline", async () => {
    const trip = new Trip();
    await trip.stand.open();
    trip.stand.start("trip", "1", asked("a"), { headers: { [HEADERS.delay]: "5000" } });
    await trip.stand.settle();
    expect(trip.state).toBe("undo.delayed");
    await trip.stand.advance(5_000);
    expect(trip.state).toBe("done");
  });

  test("that is cancelled stops its children, undoes what was done and tells why", async () => {
    const trip = new Trip();
    const { stand } = trip;
    await stand.open();
    stand.start("trip", "1", { errands: [{ key: "a" }, { key: "b", ms: 60_000 }] }, { headers: { [HEADERS.replyTo]: "inbox" } });
    await stand.advance(1_000);
    expect(trip.state).toBe("doing.running");
    stand.send("trip", "1", { type: "cancel", reason: "rain" });
    stand.send("trip", "1", { type: "cancel", reason: "snow" });
    await stand.settle();
    expect(trip.state).toBe("failed");
    expect(trip.log).toEqual(["job a", "unjob a"]);
    expect(trip.children).toEqual(["job a done", "job b failed", "unjob a done"]);
    expect(stand.replies).toMatchObject([{ state: "failed", error: { code: "cancelled", message: "rain" } }]);
    expect(trip.leftovers).toEqual([]);
  });

  test("that is cancelled before it begins does nothing", async () => {
    const trip = new Trip(({ log }) => ({ cleanup: () => void log.push("cleanup") }));
    await trip.stand.open();
    trip.stand.start("trip", "1", asked("a"), { headers: { [HEADERS.delay]: "5000" } });
    await trip.stand.settle();
    trip.stand.send("trip", "1", { type: "cancel" });
    await trip.stand.settle();
    expect([trip.state, trip.log]).toEqual(["failed", []]);
    expect(trip.leftovers).toEqual([]);
  });

  test("whose phases are tried again like a task's", async () => {
    const failing = new Map([
      ["prepare", 1],
      ["expand", 1],
      ["finish", 1],
      ["cleanup", 1],
    ]);
    const stumble = (phase: string): void => {
      const left = failing.get(phase) ?? 0;
      failing.set(phase, left - 1);
      if (left > 0) throw new Error(`${phase} stumbled`);
    };
    const trip = new Trip(({ log }) => ({
      prepare: () => stumble("prepare"),
      expand: function* () {
        yield { kind: "job", input: { key: "a" } };
        stumble("expand");
      },
      finish: ({ attempt }) => (stumble("finish"), log.push(`finish ${attempt}`), "made"),
      cleanup: () => stumble("cleanup"),
    }));
    await played(trip, asked());
    expect([trip.state, trip.record.output, trip.log]).toEqual(["done", "made", ["job a", "finish 2"]]);
    expect([...failing.values()]).toEqual([-1, -1, -1, -1]);
    expect(trip.leftovers).toEqual([]);
  });

  test("whose finish fails is rolled back; a failing cleanup changes nothing about its end", async () => {
    const trip = new Trip(() => ({
      retry: { attempts: 1 },
      finish: () => Promise.reject(new Error("no paper")),
      cleanup: () => Promise.reject(new Error("no broom")),
    }));
    await played(trip, asked("a"));
    expect(trip.state).toBe("failed");
    expect(trip.context).toMatchObject({
      error: { message: "no paper" },
      rollback: { state: "done" },
      cleanupError: { message: "no broom" },
    });
    expect(trip.log).toEqual(["job a", "unjob a"]);
  });
});
