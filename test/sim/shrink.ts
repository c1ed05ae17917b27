import type { LawName } from "./checker.ts";
import type { Mutant } from "./cluster.ts";
import { play } from "./play.ts";
import type { Scenario } from "./scenario.ts";

/** A smaller scenario that still breaks the law, and how many runs that took. */
export interface Shrunk {
  readonly scenario: Scenario;
  readonly runs: number;
}

/** More would be waited for too long. */
const MOST_RUNS = 400;

/**
 * Leaves out what is not needed for a law to be broken: faults, jobs, what jobs are told, hosts; then makes the rest simpler. Delta
 * debugging: halves first, then smaller parts, until no single one can be left out.
 */
export async function shrunk(scenario: Scenario, law: LawName, mutant?: Mutant): Promise<Shrunk> {
  let runs = 0;
  const breaks = async (candidate: Scenario): Promise<boolean> => {
    if (runs++ >= MOST_RUNS) return false;
    return (await play(candidate, mutant)).breaches.some((breach) => breach.law === law);
  };
  let best = scenario;
  for (let size = Infinity; JSON.stringify(best).length < size;) {
    size = JSON.stringify(best).length;
    best = { ...best, faults: await fewer(best.faults, (faults) => breaks({ ...best, faults })) };
    best = { ...best, jobs: await fewer(best.jobs, (jobs) => breaks({ ...best, jobs })) };
    for (const [i, job] of best.jobs.entries()) {
      if (!("says" in job)) continue;
      const withSays = (says: typeof job.says): Scenario => ({ ...best, jobs: best.jobs.with(i, { ...job, says }) });
      best = withSays(await fewer(job.says, (says) => breaks(withSays(says))));
    }
    for (const simpler of simplifications(best)) if (await breaks(simpler(best))) best = simpler(best);
  }
  return { scenario: best, runs };
}

/** The fewest items with which it still holds, as far as leaving out parts, and parts of parts, finds them. */
export async function fewer<T>(items: readonly T[], holds: (items: readonly T[]) => Promise<boolean>): Promise<readonly T[]> {
  let left = items;
  for (let part = Math.ceil(left.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let from = 0; from < left.length;) {
      const without = [...left.slice(0, from), ...left.slice(from + part)];
      if (await holds(without)) left = without;
      else from += part;
    }
  }
  return left;
}

type Simplification = (scenario: Scenario) => Scenario;

/** Each leads to a scenario that is no larger. */
function simplifications({ jobs, hosts }: Scenario): readonly Simplification[] {
  const fewerHosts: Simplification = (from) => ({ ...from, hosts: from.hosts.slice(0, Math.max(1, from.hosts.length - 1)) });
  return [
    ...(hosts.length > 1 ? [fewerHosts] : []),
    (from) => ({ ...from, server: { ...from.server, partitions: 1 } }),
    (from) => ({ ...from, server: { ...from.server, maxLatencyMs: 0 } }),
    (from) => ({ ...from, server: { ...from.server, maxWrites: 1_000 } }),
    (from) => ({ ...from, hosts: from.hosts.map((host) => ({ ...host, paceMs: 0 })) }),
    (from) => ({ ...from, hosts: from.hosts.map((host) => ({ ...host, soonRounds: 0 })) }),
    (from) => ({ ...from, hosts: from.hosts.map((host) => ({ ...host, nearMail: false })) }),
    ...jobs.flatMap((job, i): Simplification[] =>
      job.losses.length === 0
        ? []
        : [(from) => ({ ...from, jobs: from.jobs.map((each, n) => (n === i ? { ...each, losses: [] } : each)) })],
    ),
  ];
}
