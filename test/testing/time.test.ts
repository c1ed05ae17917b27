import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { fromCallback, setup } from "xstate";
import { defineActor, defineTask } from "../../src/index.ts";
import { createTestTroupe } from "../../src/testing.ts";
import { calendar, double, order, worker } from "./cast.ts";

const DAY_MS = 86_400_000;

describe("virtual time", () => {
  it("stands still while nobody waits, and is what it was told to be at first", async () => {
    await using troupe = createTestTroupe({ actors: [double], now: "2030-02-03T04:05:06Z" });
    expect(await troupe.client.run(double, 21)).toBe(42);
    expect(new Date(troupe.now).toISOString()).toBe("2030-02-03T04:05:06.000Z");
  });

  it("passes to the next timer while somebody waits for a state", async () => {
    await using troupe = createTestTroupe({ actors: [order], hosts: 2, seed: 7 });
    const ref = await troupe.client.start(order, { id: "o-1" });
    await troupe.waitForState(ref, "paying.waiting");
    await ref.send({ type: "paid", amount: 5 });
    const paidAt = troupe.now;
    const view = await troupe.waitForState(ref, "shipped");
    expect([troupe.now - paidAt, view.context.amount]).toEqual([3_000, 5]);
    await ref.send({ type: "arrived" });
    await ref.result();
    expect(troupe.now - paidAt, "nothing was waited for").toBe(3_000);
  });

  it("passes for everything that waits: result, waitFor, run with a delay, a deadline", async () => {
    await using troupe = createTestTroupe({ actors: [order, double] });
    const begunAt = troupe.now;
    const ref = await troupe.client.start(order, { id: "o-1" });
    await ref.waitFor(({ context }) => context.reminders === 2);
    expect(troupe.now - begunAt).toBe(2 * DAY_MS);
    await ref.result();
    expect(troupe.now - begunAt).toBe(7 * DAY_MS);
    const asked = troupe.now;
    expect(await troupe.client.run(double, 1, { delay: "90d" })).toBe(2);
    expect(troupe.now - asked).toBe(90 * DAY_MS);
    await expect(troupe.client.run(double, 1, { delay: "10d", timeout: "1d" })).rejects.toMatchObject({ code: "no_answer" });
    expect(troupe.now - asked).toBe(91 * DAY_MS);
  });

  it("passes by itself for a year of daily timers, each in its turn", async () => {
    await using troupe = createTestTroupe({ actors: [calendar] });
    const [one, other] = [await troupe.client.start(calendar, { id: "a" }), await troupe.client.start(calendar, { id: "b" })];
    const seen: string[] = [];
    const watching = [one, other].map(async (ref) => {
      for await (const { id, context } of ref.watch()) {
        seen.push(`${id}${context.days}`);
        if (context.days === 20) return;
      }
    });
    await troupe.advance("365d");
    await Promise.all(watching);
    expect([(await one.snapshot()).context.days, (await other.snapshot()).context.days]).toEqual([365, 365]);
    const days = (id: string) => seen.filter((each) => each.startsWith(id)).map((each) => Number(each.slice(1)));
    expect(days("a").at(-1)).toBe(20);
    expect(days("b")).toEqual(days("b").toSorted((a, b) => a - b));
  });

  it("leaps over what only housekeeping would fill: ten years cost no more than their timers", async () => {
    await using troupe = createTestTroupe({ actors: [double], hosts: 3 });
    const ref = await troupe.client.start(double, { id: "late", input: 4, delay: "3650d" });
    const looks = troupe.logged.length;
    await troupe.advance("3649d");
    expect(await ref.get()).toMatchObject({ state: "undo" });
    await troupe.advance("1d");
    expect(await ref.result()).toBe(8);
    expect(troupe.logged.length - looks, "no lease lapsed, nothing was warned of").toBe(0);
    expect(troupe.now).toBe(Date.UTC(2027, 0, 1) + 3_650 * DAY_MS);
  });

  it("ends retention: a task expires, and its id is free again", async () => {
    const short = defineTask<void, string>({ name: "short", retention: { done: "10m" }, run: () => "done" });
    await using troupe = createTestTroupe({ actors: [short] });
    const ref = await troupe.client.start(short, { id: "s-1" });
    expect(await ref.result()).toBe("done");
    const endedAt = troupe.now;
    await troupe.advance("9m");
    expect(await ref.get()).toMatchObject({ state: "done" });
    await troupe.waitForState(ref, "expired");
    expect(troupe.now - endedAt).toBe(600_000);
    expect(await ref.get()).toBeUndefined();
    await troupe.client.start(short, { id: "s-1" });
    expect(await ref.result()).toBe("done");
  });

  it("is what a deadline is judged by", async () => {
    await using troupe = createTestTroupe({ actors: [double], hosts: 0 });
    const ref = await troupe.client.start(double, { input: 1, deadline: troupe.now + 60_000 });
    await troupe.advance("2m");
    troupe.startHost();
    await expect(ref.result()).rejects.toMatchObject({ code: "expired" });
    await expect(troupe.client.start(double, { input: 1, deadline: troupe.now - 1 })).rejects.toMatchObject({ code: "bad_deadline" });
  });

  it("can be told an instant, and refuses what is none", async () => {
    await using troupe = createTestTroupe({ actors: [double] });
    await troupe.advanceTo("2027-06-01T00:00:00Z");
    expect(troupe.now).toBe(Date.UTC(2027, 5, 1));
    await troupe.advanceTo(new Date(0));
    expect(troupe.now).toBe(Date.UTC(2027, 5, 1));
    await expect(troupe.advance("1 year" as never)).rejects.toMatchObject({ code: "bad_options" });
    await expect(troupe.advanceTo("tomorrow")).rejects.toMatchObject({ code: "bad_options" });
  });
});

describe("work and virtual time", () => {
  it("waits for real timers of user code, and no virtual time passes meanwhile", async () => {
    const real = worker(() => pause(30, "slept"));
    await using troupe = createTestTroupe({ actors: [real], patience: "10s" });
    const ref = await troupe.client.start(real, { id: "w" });
    const view = await troupe.waitForState(ref, "made");
    expect([view.context.made, troupe.now]).toEqual(["slept", Date.UTC(2027, 0, 1)]);
  });

  it("hears of callbacks that real timers call, where nothing else is ahead", async () => {
    const rung = defineActor({
      name: "rung",
      machine: setup({
        actors: {
          bell: fromCallback(({ sendBack }) => {
            const timer = setTimeout(() => sendBack({ type: "ring" }), 20);
            return () => clearTimeout(timer);
          }),
        },
      }).createMachine({
        id: "rung",
        initial: "quiet",
        states: { quiet: { invoke: { id: "bell", src: "bell" }, on: { ring: "loud" } }, loud: {} },
      }),
    });
    await using troupe = createTestTroupe({ actors: [rung], patience: "10s" });
    const ref = await troupe.client.start(rung, { id: "r" });
    await troupe.waitForState(ref, "loud");
    expect(troupe.now).toBeLessThan(Date.UTC(2027, 0, 1) + 60_000);
  });

  it("holds the timers of others back too, and those of a year that is let pass", async () => {
    let made = 0;
    const nightly = defineTask<void, number>({ name: "nightly", retention: { done: "30d" }, run: async () => pause(5).then(() => ++made) });
    await using troupe = createTestTroupe({ actors: [nightly], patience: "10s" });
    const refs = await Promise.all([1, 2, 3].map((day) => troupe.client.start(nightly, { id: `n-${day}`, delay: `${day}d` })));
    await troupe.advance("3d");
    expect(made).toBe(3);
    expect(
      (await Promise.all(refs.map((ref) => ref.snapshot()))).map(({ updatedAt = 0 }) => (updatedAt - Date.UTC(2027, 0, 1)) / DAY_MS),
    ).toEqual([1, 2, 3]);
  });

  it("lets work sleep in virtual time, where its timeout is as long", async () => {
    let abortedAfter = 0;
    await using troupe = createTestTroupe({
      patience: "10s",
      actors: [
        defineTask<number, string>({
          name: "sleeper",
          timeout: "1h",
          retry: { attempts: 1 },
          run: async ({ input, signal }) => {
            const begunAt = troupe.now;
            signal.addEventListener("abort", () => (abortedAfter = troupe.now - begunAt));
            await troupe.sleep(input, signal);
            return "rested";
          },
        }),
      ],
    });
    expect(await troupe.client.run("sleeper", 59 * 60_000)).toBe("rested");
    expect(troupe.now).toBe(Date.UTC(2027, 0, 1) + 59 * 60_000);
    await expect(troupe.client.run("sleeper", 61 * 60_000)).rejects.toMatchObject({ code: "timeout" });
    expect(abortedAfter).toBe(3_600_000);
  });

  it("takes work that never ends for hanging, and times it out", async () => {
    const hung = defineTask<void, string>({
      name: "hung",
      timeout: "1h",
      retry: { attempts: 2 },
      run: () => new Promise<string>(() => {}),
    });
    await using troupe = createTestTroupe({ actors: [hung], patience: 0 });
    await expect(troupe.client.run(hung)).rejects.toThrow(/timeout of 3600000 ms/);
    expect(troupe.now - Date.UTC(2027, 0, 1)).toBeGreaterThan(7_200_000);
  });

  it("hears of a missing heartbeat, and of one that is given", async () => {
    await using troupe = createTestTroupe({
      patience: 0,
      actors: [
        defineTask<{ readonly beats: number }, string>({
          name: "beating",
          heartbeatTimeout: "1m",
          retry: { attempts: 1 },
          run: async ({ input, heartbeat, signal }) => {
            for (let i = 0; i < input.beats; i++) {
              await troupe.sleep("50s", signal);
              heartbeat();
            }
            return input.beats === 0 ? troupe.sleep("5m", signal).then(() => "silent") : "alive";
          },
        }),
      ],
    });
    expect(await troupe.client.run("beating", { beats: 20 })).toBe("alive");
    await expect(troupe.client.run("beating", { beats: 0 })).rejects.toThrow(/no heartbeat for 60000 ms/);
  });

  it("retries in virtual time", async () => {
    const triedAt: number[] = [];
    await using troupe = createTestTroupe({
      actors: [
        defineTask<void, string>({
          name: "flaky",
          retry: { attempts: 5, minDelayMs: 3_600_000, maxDelayMs: 36_000_000, factor: 2, jitter: 0 },
          run: () => {
            triedAt.push((troupe.now - Date.UTC(2027, 0, 1)) / 3_600_000);
            if (triedAt.length < 4) throw new Error("not yet");
            return "now";
          },
        }),
      ],
    });
    expect(await troupe.client.run("flaky")).toBe("now");
    expect(triedAt).toEqual([0, 1, 3, 7]);
  });
});
