import { test } from "vitest";
import { playSeeds } from "./seeds.ts";
import { describeFailure } from "./report.ts";

/** Seeds that CI plays, over all files; more by hand, with `npm run sim`. */
const SEEDS = Number(process.env["TROUPE_SIM_SEEDS"] ?? 2_000);
const FILES = 2;
const PORTIONS = 10;

/** One file's share of the seeds, in portions. */
export function playSlice(file: number): void {
  const count = Math.ceil(SEEDS / FILES / PORTIONS);
  const portions = Array.from({ length: PORTIONS }, (_, i) => 1 + (file * PORTIONS + i) * count);
  test.each(portions)(`${count} seeds from %i break no law`, { timeout: 180_000 }, async (from) => {
    const { failures } = await playSeeds(from, count);
    const [first] = failures;
    if (first !== undefined) throw new Error(await describeFailure(first));
  });
}
