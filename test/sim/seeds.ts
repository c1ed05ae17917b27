import type { Breach } from "./checker.ts";
import { hashOf, play } from "./play.ts";
import { scenarioOf } from "./draw.ts";

/** What came of some seeds, in a form that goes from worker to worker. */
export interface Result {
  readonly tally: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
}

export interface Failure {
  readonly seed: number;
  readonly breaches: readonly Breach[];
}

/** One of so many seeds is played twice: both times the same must happen. */
const TWICE_EVERY = 100;

export async function playSeeds(from: number, count: number): Promise<Result> {
  let tally: Readonly<Record<string, number>> = {};
  const failures: Failure[] = [];
  for (let seed = from; seed < from + count; seed++) {
    const run = await play(scenarioOf(seed));
    tally = added(tally, run.tally);
    if (run.breaches.length > 0) failures.push({ seed, breaches: run.breaches });
    if (seed % TWICE_EVERY === 0) await assertSame(seed, hashOf(run.lines));
  }
  return { tally, failures };
}

/** @throws where the same seed made something else happen: then no failure could be replayed */
async function assertSame(seed: number, hash: string): Promise<void> {
  const again = hashOf((await play(scenarioOf(seed))).lines);
  if (again !== hash) throw new Error(`Seed ${seed} is not deterministic: its history has the hash ${hash}, then ${again}`);
}

export function added(one: Result["tally"], other: Result["tally"]): Result["tally"] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, (one[name] ?? 0) + (other[name] ?? 0)]));
}
