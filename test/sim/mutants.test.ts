import { expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { play } from "./play.ts";
import { scenarioOf } from "./draw.ts";

/** So many seeds are tried before a bug counts as not found. */
const MOST_SEEDS = 150;

test.each(Object.entries(MUTANTS))("a host that %s is found out", { timeout: 60_000 }, async (_name, { law, ...mutant }) => {
  const broken = new Map<string, number>();
  for (let seed = 1; seed <= MOST_SEEDS && !broken.has(law); seed++)
    for (const breach of (await play(scenarioOf(seed), mutant)).breaches) if (!broken.has(breach.law)) broken.set(breach.law, seed);
  expect([...broken.keys()]).toContain(law);
});
