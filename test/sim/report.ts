import type { Breach } from "./checker.ts";
import type { Mutant } from "./cluster.ts";
import type { Failure } from "./seeds.ts";
import { scenarioOf } from "./draw.ts";
import type { Scenario } from "./scenario.ts";
import { shrunk } from "./shrink.ts";

/** A broken seed for people: how to play it again, what was broken, and the least that breaks it. */
export async function describeFailure({ seed, breaches }: Failure): Promise<string> {
  const [first] = breaches;
  const least = first === undefined ? "" : await describeLeast(scenarioOf(seed), first);
  return [commandOf(seed), ...breaches.map(describeBreach), least].join("\n");
}

export function commandOf(seed: number): string {
  return `npm run sim -- --seed ${seed} --trace`;
}

export function describeBreach({ law, line, message }: Breach): string {
  return `  ${law}, line ${line}: ${message}`;
}

export async function describeLeast(scenario: Scenario, { law }: Breach, mutant?: Mutant): Promise<string> {
  const { scenario: small, runs } = await shrunk(scenario, law, mutant);
  return [
    `seed ${scenario.seed} breaks ${law} with as little as this (${runs} runs):`,
    `  server ${JSON.stringify(small.server)}`,
    ...small.hosts.map((host) => `  host ${JSON.stringify(host)}`),
    ...small.jobs.map((job) => `  job ${JSON.stringify(job)}`),
    ...small.faults.map((fault) => `  fault ${JSON.stringify(fault)}`),
  ].join("\n");
}
