import type { CommitFault } from "../../src/memory/faults.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { Random } from "../../src/memory/random.ts";
import type { StepKind } from "../../src/memory/steps.ts";
import type { Way } from "../../src/memory/connection.ts";

/**
 * Everything that goes wrong in a run, as data: it can be printed, and one after the other left out to find the few that matter.
 * `host` is a place in the cluster, whoever has it at that time. Times are ms from the beginning.
 */
export type Fault =
  /** A process dies `hops` promise reactions after an instant: between any two awaits. Another takes its place. */
  | {
      readonly kind: "crash";
      readonly host: number;
      readonly atMs: number;
      readonly hops: number;
      readonly underWay: InFlight;
      readonly downMs: number;
    }
  /** Whoever does the nth of these from an instant on dies at it, or freezes, is cut off, cannot be heard. */
  | ({ readonly kind: "at"; readonly step: StepKind; readonly nth: number; readonly atMs: number } & Incident)
  /** All processes die at once. */
  | { readonly kind: "crashAll"; readonly atMs: number; readonly underWay: InFlight; readonly downMs: number }
  /** Nothing of the process runs; then it goes on as if nothing had been. */
  | { readonly kind: "freeze"; readonly host: number; readonly atMs: number; readonly forMs: number }
  /** The connection is lost, and comes back. */
  | { readonly kind: "cut"; readonly host: number; readonly atMs: number; readonly forMs: number; readonly underWay: InFlight }
  /** The network carries nothing one way or both ways, and tells nobody. */
  | { readonly kind: "stall"; readonly host: number; readonly atMs: number; readonly forMs: number; readonly ways: readonly Way[] }
  | { readonly kind: "usurp"; readonly atMs: number; readonly hops: number; readonly partition: number }
  | { readonly kind: "commit"; readonly nth: number; readonly fault: CommitFault }
  | { readonly kind: "loseAcks"; readonly atMs: number; readonly times: number }
  /** Requests that get no answer, whether done or not. */
  | {
      readonly kind: "request";
      readonly atMs: number;
      readonly request: "load" | "open" | "claim" | "release" | "owners" | "alive" | "forget" | "awaits" | "census";
      readonly applied: boolean;
      readonly times: number;
    }
  | { readonly kind: "loseBeats"; readonly host: number; readonly atMs: number; readonly times: number }
  /** Everything that is not acknowledged comes again; or also what is, but is still stored. */
  | { readonly kind: "rewind"; readonly atMs: number }
  /** All connections are lost; what the server knew of its consumers perhaps too. */
  | { readonly kind: "serverRestart"; readonly atMs: number; readonly downMs: number; readonly isForgetful: boolean }
  /** A host's hour is set anew. */
  | { readonly kind: "jump"; readonly host: number; readonly atMs: number; readonly byMs: number }
  | { readonly kind: "slow"; readonly host: number; readonly atMs: number; readonly forMs: number; readonly paceMs: number }
  /** A host leaves as it should, and another takes its place: a deploy. */
  | { readonly kind: "leave"; readonly host: number; readonly atMs: number; readonly how: "drain" | "stop"; readonly downMs: number };

/** What may happen to a process at a step of its own. */
export type Incident =
  | { readonly what: "crash"; readonly underWay: InFlight; readonly downMs: number }
  | { readonly what: "freeze"; readonly forMs: number }
  /** Somebody takes a partition from whoever has it and believes in it still; a number beyond the last one begins anew. */
  | { readonly what: "usurp"; readonly partition: number }
  | { readonly what: "cut"; readonly forMs: number; readonly underWay: InFlight }
  | { readonly what: "stall"; readonly forMs: number; readonly ways: readonly Way[] };

/** No fault begins after this. */
const TROUBLE_MS = 12_000;

const STEPS = [
  "delivered",
  "commitSent",
  "commitReceived",
  "commitApplied",
  "commitAnswered",
  "ackSent",
  "acknowledged",
  "requestSent",
  "requestAnswered",
  "claimed",
  "forgotten",
] as const satisfies readonly StepKind[];

const UNDER_WAY = ["lost", "arrives", "seeded"] as const satisfies readonly InFlight[];

/** Draws one more thing that goes wrong. */
function draw(random: Random, hosts: number): Fault {
  const host = random.below(hosts);
  // Most happens while the work is being done.
  const atMs = random.below(random.chance(0.7) ? 4_000 : TROUBLE_MS);
  const downMs = random.pick([50, 700, 700, 3_500]);
  const underWay = random.pick(UNDER_WAY);
  const forMs = random.pick([100, 1_000, 2_800, 3_500, 4_500, 7_000]);
  const kind = random.below(20);
  const ways = random.pick([["up"], ["down"], ["up", "down"]] as const);
  if (kind < 3) return { kind: "crash", host, atMs, hops: random.below(60), underWay, downMs };
  if (kind < 4) return { kind: "crashAll", atMs, underWay, downMs };
  if (kind < 9) {
    const incident: Incident = random.pick([
      { what: "crash", underWay, downMs },
      { what: "crash", underWay, downMs },
      { what: "crash", underWay, downMs },
      { what: "freeze", forMs },
      { what: "usurp", partition: random.below(5) },
      { what: "usurp", partition: random.below(5) },
      { what: "cut", forMs, underWay },
      { what: "stall", forMs, ways },
    ]);
    return { kind: "at", step: random.pick(STEPS), nth: 1 + random.below(random.chance(0.5) ? 4 : 30), atMs, ...incident };
  }
  if (kind === 9 && random.chance(0.5)) return { kind: "freeze", host, atMs, forMs };
  switch (kind) {
    case 9:
      return { kind: "usurp", atMs, hops: random.below(60), partition: random.below(5) };
    case 10:
      return { kind: "cut", host, atMs, forMs, underWay };
    case 11:
      return { kind: "stall", host, atMs, forMs, ways };
    case 12:
    case 13:
      return { kind: "commit", nth: random.below(40), fault: commitFault(random) };
    case 14:
      return { kind: "loseAcks", atMs, times: 1 + random.below(5) };
    case 15: {
      const request = random.pick(["load", "open", "claim", "release", "owners", "alive", "forget", "awaits", "census"] as const);
      return { kind: "request", atMs, request, applied: random.chance(0.5), times: 1 + random.below(3) };
    }
    case 16:
      return { kind: "rewind", atMs };
    case 17:
      return random.chance(0.5)
        ? { kind: "loseBeats", host, atMs, times: 1 + random.below(6) }
        : { kind: "serverRestart", atMs, downMs: random.pick([100, 1_000, 4_000]), isForgetful: random.chance(0.5) };
    case 18:
      return random.chance(0.5)
        ? { kind: "jump", host, atMs, byMs: random.pick([-15_000, -1_000, 1_000, 15_000]) }
        : { kind: "slow", host, atMs, forMs, paceMs: random.pick([1, 20, 150]) };
    default:
      return { kind: "leave", host, atMs, how: random.pick(["drain", "stop"] as const), downMs };
  }
}

function commitFault(random: Random): CommitFault {
  switch (random.below(6)) {
    case 0:
      return { kind: "unknown", stored: true };
    case 1:
      return { kind: "unknown", stored: false };
    case 2:
      return { kind: "late", afterMs: random.pick([10, 400, 3_000, 6_000]) };
    case 3:
      return random.chance(0.3) ? { kind: "conflict" } : { kind: "conflict", lost: [random.below(3)] };
    default:
      return { kind: "delayed", byMs: random.pick([5, 60, 400, 2_500]) };
  }
}

export function drawFaults(random: Random, hosts: number): readonly Fault[] {
  const count = random.chance(0.1) ? 0 : 1 + random.below(random.pick([4, 4, 4, 4, 10, 10, 30]));
  return Array.from({ length: count }, () => draw(random, hosts));
}
