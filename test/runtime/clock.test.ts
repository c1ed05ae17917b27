import { expect, it } from "vitest";
import { systemClock } from "../../src/runtime/clock.ts";

it("an alarm never rings early, whatever part of a millisecond it was set in", async () => {
  const marginsMs: number[] = [];
  for (let n = 0; n < 300; n++) {
    const delayMs = 1 + (n % 3);
    const setAt = systemClock.monotonic();
    await new Promise<void>((resolve) => systemClock.after(delayMs, resolve));
    marginsMs.push(systemClock.monotonic() - setAt - delayMs);
    const pauseTil = systemClock.monotonic() + (n % 10) / 10;
    while (systemClock.monotonic() < pauseTil);
  }
  expect(Math.min(...marginsMs)).toBeGreaterThanOrEqual(0);
});
