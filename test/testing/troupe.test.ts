import { expect, it } from "vitest";
import { defineTask } from "../../src/index.ts";
import { createTestTroupe } from "../../src/testing.ts";
import { calendar, double, order } from "./cast.ts";

it("runs a task", async () => {
  await using troupe = createTestTroupe({ actors: [double] });
  expect(await troupe.client.run(double, 21)).toBe(42);
});

it("runs an actor's states by virtual time", async () => {
  await using troupe = createTestTroupe({ actors: [order], hosts: 2, seed: 7 });
  const ref = await troupe.client.start(order, { id: "o-1" });
  await troupe.waitForState(ref, "paying.waiting");
  const begunAt = troupe.now;
  await ref.send({ type: "paid", amount: 5 });
  await troupe.waitForState(ref, "shipped");
  expect(troupe.now - begunAt).toBe(3_000);
  expect((await ref.snapshot()).context.amount).toBe(5);
  await ref.send({ type: "arrived" });
  await ref.result();
});

it("lets a year of daily timers pass, each in its turn", async () => {
  await using troupe = createTestTroupe({ actors: [calendar] });
  const ref = await troupe.client.start(calendar, { id: "c" });
  await troupe.advance("365d");
  expect((await ref.snapshot()).context.days).toBe(365);
});

it("waits for what takes a week", async () => {
  await using troupe = createTestTroupe({ actors: [order] });
  const ref = await troupe.client.start(order, { id: "o-1" });
  const begunAt = troupe.now;
  await troupe.waitForState(ref, "forgotten");
  expect(troupe.now - begunAt).toBe(7 * 86_400_000);
});

it("says where an actor is that does not come", async () => {
  await using troupe = createTestTroupe({ actors: [order] });
  const ref = await troupe.client.start(order, { id: "o-1" });
  await ref.send({ type: "paid", amount: 5 });
  await expect(troupe.waitForState(ref, "done")).rejects.toThrow(/order\/o-1 is in shipped[^]*takes arrived/);
});

it("retries in virtual time", async () => {
  let tries = 0;
  const flaky = defineTask<void, string>({
    name: "flaky",
    retry: { attempts: 5, minDelay: "1h", maxDelay: "10h", jitter: 0 } as never,
    run: () => {
      if (++tries < 4) throw new Error("not yet");
      return "now";
    },
  });
  await using troupe = createTestTroupe({ actors: [flaky] });
  expect(await troupe.client.run(flaky)).toBe("now");
});
