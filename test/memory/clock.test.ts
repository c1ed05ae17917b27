import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../src/memory/clock.ts";
import { ProcessClock } from "../../src/memory/process-clock.ts";
import { Random } from "../../src/memory/random.ts";

describe("virtual clock", () => {
  it("runs nothing by itself, and what is soon in the order in which it was asked for", async () => {
    const clock = new VirtualClock();
    const ran: string[] = [];
    clock.soon(() => {
      ran.push("first");
      clock.soon(() => ran.push("third"));
    });
    clock.soon(() => ran.push("second"));
    expect(ran).toEqual([]);
    await clock.settle();
    expect(ran).toEqual(["first", "second", "third"]);
  });

  it("settles chains of promises that lead to more", async () => {
    const clock = new VirtualClock();
    let isDone = false;
    const work = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => clock.soon(resolve));
      for (let i = 0; i < 50; i++) await Promise.resolve();
      await new Promise<void>((resolve) => clock.soon(resolve));
      isDone = true;
    };
    void work();
    await clock.settle();
    expect(isDone).toBe(true);
  });

  it("fires alarms by time, then by age, each at its own instant", async () => {
    const clock = new VirtualClock(1_000);
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${clock.now()}`);
    clock.after(30, note("c"));
    clock.after(10, note("a"));
    clock.after(10, note("b"));
    clock.after(31, note("late"));
    await clock.advance(30);
    expect(fired).toEqual(["a@1010", "b@1010", "c@1030"]);
    expect([clock.now(), clock.monotonic(), clock.nextAlarmInMs]).toEqual([1_030, 30, 1]);
  });

  it("settles between two alarms: what the first causes happens before the second", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(10, () => void Promise.resolve().then(() => clock.soon(() => seen.push("caused by the first"))));
    clock.after(10, () => seen.push("second"));
    await clock.advance(10);
    expect(seen).toEqual(["caused by the first", "second"]);
  });

  it("never fires what was cancelled, and lets alarms set alarms", async () => {
    const clock = new VirtualClock(0);
    const fired: number[] = [];
    const alarm = clock.after(5, () => fired.push(-1));
    const tick = () => {
      fired.push(clock.now());
      if (fired.length < 4) clock.after(10, tick);
    };
    clock.after(10, tick);
    alarm.cancel();
    await clock.advanceTo(35);
    expect(fired).toEqual([10, 20, 30]);
    expect(await clock.runUntilIdle(1_000)).toBe(true);
    expect([fired.at(-1), clock.now()]).toEqual([40, 40]);
  });

  it("fires what is due at once when it settles", async () => {
    const clock = new VirtualClock();
    let count = 0;
    clock.after(0, () => count++);
    clock.after(-5, () => count++);
    await clock.settle();
    expect([count, clock.monotonic()]).toEqual([2, 0]);
  });

  it("orders thousands of alarms", async () => {
    const clock = new VirtualClock(0);
    const random = new Random(3);
    const fired: number[] = [];
    const due = Array.from({ length: 2_000 }, () => random.below(500));
    for (const at of due) clock.after(at, () => fired.push(at));
    await clock.advance(500);
    expect(fired).toEqual([...due].sort((x, y) => x - y));
  });

  it("waits for something as long as it was told, and not longer", async () => {
    const clock = new VirtualClock(0);
    let isDone = false;
    clock.after(40, () => (isDone = true));
    await clock.until(() => isDone, 50);
    expect(clock.now()).toBe(40);
    await expect(clock.until(() => false, 50)).rejects.toThrow("50 ms");
  });

  it("notices a livelock", async () => {
    const clock = new VirtualClock();
    const again = () => clock.soon(again);
    clock.soon(again);
    await expect(clock.settle()).rejects.toThrow("Livelock");
  });

  it("lets two drive at once", async () => {
    const clock = new VirtualClock(0);
    const answers = [10, 20, 5].map((ms) => {
      let isDone = false;
      clock.after(ms, () => (isDone = true));
      return clock.until(() => isDone, 100);
    });
    await Promise.all(answers);
    expect(clock.now()).toBe(20);
  });
});

describe("process clock", () => {
  it("may have its hour set anew; what is waited for comes when it would have come", async () => {
    const clock = new VirtualClock();
    const process = new ProcessClock(clock);
    const ran: number[] = [];
    process.after(100, () => ran.push(process.now() - clock.now()));
    process.jump(-5_000);
    process.jump(2_000);
    await clock.advance(99);
    expect([ran, process.monotonic()]).toEqual([[], 99]);
    await clock.advance(1);
    expect(ran).toEqual([-3_000]);
  });

  it("has its own idea of the hour, not of how time passes", async () => {
    const clock = new VirtualClock(1_000);
    const process = new ProcessClock(clock, -400);
    expect([process.now(), process.monotonic()]).toEqual([600, 0]);
    await clock.advance(10);
    expect([process.now(), process.monotonic()]).toEqual([610, 10]);
  });

  it("holds back what becomes due while it is frozen, and drops it when it dies", async () => {
    const clock = new VirtualClock(0);
    const process = new ProcessClock(clock);
    const ran: string[] = [];
    process.after(10, () => ran.push(`alarm@${clock.now()}`));
    const cancelled = process.after(10, () => ran.push("cancelled"));
    process.freeze();
    process.soon(() => ran.push("soon"));
    await clock.advance(100);
    expect(ran).toEqual([]);
    cancelled.cancel();
    process.thaw();
    await clock.settle();
    expect(ran).toEqual(["soon", "alarm@100"]);
    process.after(10, () => ran.push("dead"));
    process.soon(() => ran.push("dead"));
    process.stop();
    await clock.advance(100);
    expect(ran).toEqual(["soon", "alarm@100"]);
  });
});

describe("random", () => {
  it("repeats itself for a seed, and differs for another", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => random.below(1_000));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1).every((n) => n >= 0 && n < 1_000)).toBe(true);
  });

  it("spreads", () => {
    const random = new Random(9);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4_000; i++) counts[random.below(4)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
  });
});
