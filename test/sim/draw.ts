import { START_LANES } from "../../src/core/address.ts";
import { STRATEGIES } from "../../src/core/supervision.ts";
import { Random } from "../../src/memory/random.ts";
import { FAMILIES, TASKS, type Errand, type TaskType } from "./cast.ts";
import { drawFaults } from "./faults.ts";
import type { MemberOptions } from "./member.ts";
import { ORDERS } from "./plans.ts";
import type { Job, JobOf, Loss, Say, Scenario, Sent } from "./scenario.ts";

/** Everything about a run follows from this number. */
export function scenarioOf(seed: number): Scenario {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ 0x5f356495);
  const hosts = Array.from({ length: random.pick([1, 2, 2, 3, 4]) }, () => drawHost(random));
  const { length } = hosts;
  return {
    seed,
    server: {
      partitions: random.pick([1, 2, 2, 3, 5]),
      maxLatencyMs: random.pick([0, 0, 5, 60]),
      singlesOverlap: random.chance(0.5),
      ...(random.chance(0.1) ? { inMaxMessages: 4 } : {}),
      // Small enough for records in parts, which take many writes.
      ...(random.chance(0.15) ? { maxWriteBytes: 3_000, maxWrites: 1_000 } : { maxWrites: random.pick([12, 40, 1_000, 1_000]) }),
    },
    hosts,
    jobs: Array.from({ length: 1 + random.below(random.chance(0.9) ? 9 : 25) }, (_, i) => drawJob(random, i)),
    faults: drawFaults(random, length),
  };
}

function drawHost(random: Random): MemberOptions {
  return {
    concurrency: random.pick([1, 2, 3, 20]),
    cacheBytes: random.pick([0, 4_096, 1_000_000]),
    nearMail: random.chance(0.75),
    knownIds: { bytes: random.pick([64, 4_096]), readsBeforeCensus: random.pick([1, 1, 3, 1_000]) },
    soonRounds: random.pick([0, 0, 12]),
    paceMs: random.pick([0, 0, 0, 1, 15]),
  };
}

function drawLosses(random: Random): readonly Loss[] {
  if (random.chance(0.8)) return [];
  return Array.from({ length: 1 + random.below(2) }, () => random.pick(["request", "answer", "answer"] as const));
}

function drawSays(random: Random, most: number, draw: () => Omit<Say, "afterMs" | "losses">): readonly Say[] {
  return Array.from({ length: random.below(most + 1) }, () => ({
    ...draw(),
    afterMs: random.pick([0, 0, 1, 10, 300, 1_300, 3_000]),
    losses: drawLosses(random),
  }));
}

const MS = [0, 0, 0, 0, 20, 20, 300, 300, 1_000, 2_500, 14_000] as const;

function drawJob(random: Random, i: number): Job {
  const sent: Sent = { id: `j${i}`, atMs: random.chance(0.6) ? random.below(400) : random.below(6_000), losses: drawLosses(random) };
  const kind = random.below(14);
  if (kind < 5) return drawTask(random, sent);
  switch (kind) {
    case 5:
    case 6:
      return { ...sent, kind: "diary", says: drawSays(random, 9, () => drawWord(random)) };
    case 7:
    case 8: {
      const shape = random.below(FAMILIES.length);
      const { jobs } = FAMILIES[shape] as (typeof FAMILIES)[number];
      return { ...sent, kind: "family", shape, questions: 1 + random.below(4), ms: Array.from({ length: jobs }, () => random.pick(MS)) };
    }
    case 9:
      return { ...sent, kind: "swapper", ms: random.pick([1, 10, 300, 1_300, 3_000]), says: drawSays(random, 5, () => ({ what: "swap" })) };
    case 10: {
      const says = drawSays(random, 4, () => ({ what: "hit", child: random.pick(["a", "b", "c"] as const) }));
      return { ...sent, kind: "crew", strategy: random.pick(STRATEGIES), says };
    }
    case 11:
      return {
        ...sent,
        kind: "grove",
        says: drawSays(random, 3, () => ({ what: "regrow", child: random.pick(["a", "b", "c"] as const) })),
      };
    case 12: {
      const type = random.pick(["rerun", "rerun", "fail", "brief", "few", "shared", "shared"] as const);
      return { ...sent, kind: "burst", type, count: 2 + random.below(14), ms: random.pick([0, 0, 20, 300]) };
    }
    default:
      return drawTrip(random, sent);
  }
}

function drawTask(random: Random, sent: Sent): JobOf<"task"> {
  const type = random.pick(Object.keys(TASKS) as TaskType[]);
  const delayMs = random.pick([0, 0, 0, 500, 4_000]);
  return {
    ...sent,
    kind: "task",
    type,
    lane: random.pick(START_LANES),
    ms: type === "brief" ? random.pick([0, 100, 1_000]) : random.pick(MS),
    failures: random.pick([0, 0, 0, 1, 2, 5]),
    delayMs,
    ...(random.chance(0.15) ? { deadlineMs: delayMs + random.pick([50, 1_000, 9_000]) } : {}),
    ...(random.chance(0.2) ? { cancelAfterMs: random.pick([0, 10, 600, 3_000]) } : {}),
    ...(random.chance(0.25) ? { againAfterMs: random.pick([0, 100, 3_500, 9_000, 75_000]) } : {}),
    ...(TASKS[type] === "park" && random.chance(0.5) ? { retryAfterMs: random.pick([4_000, 9_000]) } : {}),
  };
}

function drawWord(random: Random): Omit<Say, "afterMs" | "losses"> {
  const what = random.pick(["note", "note", "note", "ask", "pass", "pass", "nap", "sleep", "chore", "boom"] as const);
  if (what === "note" && random.chance(0.3)) return { what, bytes: 900 };
  if (what === "pass") return { what, to: `diary/j${random.below(8)}` };
  return what === "chore" ? { what, ms: random.pick(MS), failures: random.pick([0, 0, 1, 2]) } : { what };
}

function drawTrip(random: Random, sent: Sent): JobOf<"trip"> {
  const count = 1 + random.below(5);
  const errands = Array.from({ length: count }, (_, n): Errand => ({
    key: `e${n}`,
    ms: random.pick(MS),
    failures: random.chance(0.1) ? 1 + random.below(2) : 0,
    step: Math.floor(n / 2),
    ...(n > 0 && random.chance(0.5) ? { after: [`e${random.below(n)}`] } : {}),
  }));
  return {
    ...sent,
    kind: "trip",
    order: random.pick(ORDERS),
    errands,
    ...(random.chance(0.15) ? { cancelAfterMs: random.pick([10, 600, 3_000]) } : {}),
  };
}
