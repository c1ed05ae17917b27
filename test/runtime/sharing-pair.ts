import { expect } from "vitest";
import { partitionOf } from "../../src/core/placement.ts";
import type { Process } from "./process.ts";
import { Stand, type StandOptions } from "./stage.ts";

/** A task that only a host with a gpu can do, beside the standard ones. */
export const gpu = (process: Process) => [
  process.standard({ name: "gpu", labels: ["gpu"] }),
  process.standard({ name: "gpuFail", labels: ["gpu"], onCrash: "fail" }),
  process.task<unknown, string>({
    name: "speaks",
    labels: ["gpu"],
    run: async ({ progress, signal }) => {
      progress({ percent: 50 });
      await process.pause(2_000, signal);
      return "spoke";
    },
  }),
  process.standard({ name: "short", labels: ["gpu"], timeout: "1s", retry: { attempts: 2, minDelayMs: 4_000, jitter: 0 } }),
];

/** Two hosts that have their share of the partitions; the second has a gpu. */
export async function pair(
  options: StandOptions & { readonly slots?: number } = {},
): Promise<{ stand: Stand; owner: Process; taker: Process }> {
  const stand = new Stand({ tasks: gpu, ...options });
  const owner = await stand.open({ concurrency: options.slots ?? 10 });
  const taker = await stand.open({ concurrency: options.slots ?? 10, labels: ["gpu"] });
  await stand.advance(5_000);
  return { stand, owner, taker };
}

/** Ids whose partition is that host's. */
export function idsOf(stand: Stand, process: Process, type: string, count: number): readonly string[] {
  const ids = Array.from({ length: 200 }, (_, i) => `${type}-${i}`);
  return ids.filter((id) => stand.world.owner(partitionOf(type, id, stand.world.partitions)).host === process.name).slice(0, count);
}

export const hostsOf = (stand: Stand, key: string): readonly string[] => stand.runsOf(key).map(({ host }) => host);

/** Nothing of all that is left anywhere. */
export function expectClean(stand: Stand): void {
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.world.offeredWork).toEqual([]);
  expect(stand.world.deadLetters).toEqual([]);
  stand.check();
}
