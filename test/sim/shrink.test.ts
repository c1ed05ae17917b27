import { expect, test } from "vitest";
import { MUTANTS } from "./mutants.ts";
import { play } from "./play.ts";
import { scenarioOf } from "./draw.ts";
import { fewer, shrunk } from "./shrink.ts";

test.each([
  [[3], 20],
  [[0, 19], 20],
  [[2, 3, 11], 16],
  [[], 7],
])("of many things the few that matter are left: %j of %i", async (needed, count) => {
  const all = Array.from({ length: count }, (_, i) => i);
  expect(await fewer(all, async (items) => needed.every((item) => items.includes(item)))).toEqual(needed);
});

test("a broken run is made smaller until nothing can be left out, always in the same way", { timeout: 60_000 }, async () => {
  const { law, ...mutant } = MUTANTS["keeps no marks"] ?? { law: "heard" };
  let seed = 1;
  while (!(await play(scenarioOf(seed), mutant)).breaches.some((breach) => breach.law === law)) seed++;
  const { scenario } = await shrunk(scenarioOf(seed), law, mutant);
  expect((await play(scenario, mutant)).breaches.map((breach) => breach.law)).toContain(law);
  expect(scenario.jobs.length).toBeLessThan(scenarioOf(seed).jobs.length);
  const lesser = [
    ...scenario.jobs.map((_, i) => ({ ...scenario, jobs: scenario.jobs.toSpliced(i, 1) })),
    ...scenario.faults.map((_, i) => ({ ...scenario, faults: scenario.faults.toSpliced(i, 1) })),
  ];
  for (const each of lesser) expect((await play(each, mutant)).breaches.map((breach) => breach.law)).not.toContain(law);
  expect((await shrunk(scenarioOf(seed), law, mutant)).scenario).toEqual(scenario);
});
