import * as fc from "fast-check";
import type { CommitFault } from "../../src/memory/faults.ts";
import type { InFlight } from "../../src/memory/link.ts";
import type { StepKind } from "../../src/memory/steps.ts";
import { SOURCES, type Source } from "../../src/ports/mailbox.ts";
import type { KnownIdsOptions } from "../../src/runtime/known-ids.ts";
import type { HostOptions, Process } from "./process.ts";
import type { Stand } from "./stage.ts";

/** What may happen to hosts, to what they send and to what they are sent, at any moment. */

/** From a delivery to its acknowledgement. */
const COMMIT_POINTS = [
  "delivered",
  "commitSent",
  "commitReceived",
  "commitApplied",
  "commitAnswered",
  "ackSent",
] as const satisfies readonly StepKind[];
export const TURN_POINTS = [...COMMIT_POINTS, "acknowledged", "requestSent", "requestAnswered"] as const satisfies readonly StepKind[];
/** Everything at which a host may die, lose its connection or freeze. */
export const POINTS = [...TURN_POINTS, "claimed", "forgotten"] as const satisfies readonly StepKind[];

/** A host that dies at each of these, the first time or a later one, and what it sent last is lost or arrives. */
export const crashes = (nths: readonly number[]) =>
  COMMIT_POINTS.flatMap((at) =>
    nths.flatMap((nth) => (["lost", "arrives"] as const satisfies readonly InFlight[]).map((underWay) => ({ at, nth, underWay }))),
  );

const COMMIT_FAULTS: readonly CommitFault[] = [
  { kind: "unknown", stored: true },
  { kind: "unknown", stored: false },
  { kind: "late", afterMs: 3_000 },
  { kind: "delayed", byMs: 400 },
  { kind: "conflict" },
];

export interface Incident {
  readonly at: StepKind;
  readonly nth: number;
  /** `join`: another host comes. `drain`: another comes, and this one leaves. */
  readonly what: "kill" | "disconnect" | "freeze" | "join" | "drain";
  readonly underWay: InFlight;
}

export interface Trouble {
  readonly incidents: readonly Incident[];
  readonly commitFaults: readonly { readonly fault: CommitFault; readonly after: number }[];
  readonly lostAcks: number;
  readonly disturbances: readonly { readonly atMs: number; readonly what: "rewind" }[];
}

const incident: fc.Arbitrary<Incident> = fc.record({
  at: fc.constantFrom(...POINTS),
  nth: fc.integer({ min: 1, max: 25 }),
  what: fc.constantFrom("kill", "kill", "kill", "disconnect", "freeze", "join", "drain"),
  underWay: fc.constantFrom("seeded", "lost", "arrives"),
});

const trouble = {
  incidents: fc.array(incident, { maxLength: 4 }),
  commitFaults: fc.array(fc.record({ fault: fc.constantFrom(...COMMIT_FAULTS), after: fc.integer({ min: 0, max: 12 }) }), { maxLength: 2 }),
  lostAcks: fc.integer({ min: 0, max: 4 }),
  disturbances: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 6_000 }), what: fc.constant("rewind" as const) }), {
    maxLength: 3,
  }),
} satisfies { readonly [Kind in keyof Trouble]: fc.Arbitrary<Trouble[Kind]> };

/** How the hosts are, whom it may happen to. */
export interface Setting extends Trouble {
  readonly seed: number;
  readonly latencyMs: number;
  readonly overlap: boolean;
  readonly soonRounds: number;
  readonly concurrency: number;
  readonly hosts: number;
  readonly knownIds: KnownIdsOptions;
}

export const setting = {
  ...trouble,
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  latencyMs: fc.constantFrom(0, 5, 60),
  overlap: fc.boolean(),
  soonRounds: fc.constantFrom(0, 12),
  concurrency: fc.constantFrom(1, 3, 20),
  hosts: fc.constantFrom(1, 2),
  knownIds: fc.record({ bytes: fc.constantFrom(64, 4_096), readsBeforeCensus: fc.constantFrom(1, 1, 3, 1_000) }),
} satisfies { readonly [Part in keyof Setting]: fc.Arbitrary<Setting[Part]> };

const DOWN_MS = 700;
const FROZEN_MS = 4_500;
const DRAIN_MS = 1_500;

/** Hosts that meet with trouble; whatever dies is replaced by a new process soon. */
export function launchInTrouble(
  stand: Stand,
  { incidents, commitFaults, lostAcks, disturbances }: Trouble,
  hosts: number,
  options: HostOptions,
): void {
  const { clock, world } = stand;
  for (const { fault, after } of commitFaults) {
    let seen = 0;
    world.faults.failCommits(fault, { when: () => seen++ >= after });
  }
  world.faults.dropAcks({ times: lostAcks });
  const launch = (): void => {
    const process = stand.launch(options);
    process.host.start().catch(() => replace(process, "lost"));
  };
  const replace = (process: Process, underWay: InFlight): void => {
    if (process.isDead) return;
    process.kill(underWay);
    clock.after(DOWN_MS, launch);
  };
  arm(stand, incidents, replace, launch);
  for (let i = 0; i < hosts; i++) launch();
  for (const { atMs, what } of disturbances)
    clock.after(atMs, () => eachSource(stand, (partition, source) => world[what](partition, source)));
}

export function eachSource(stand: Stand, visit: (partition: number, source: Source) => void): void {
  for (let partition = 0; partition < stand.world.partitions; partition++) for (const source of SOURCES) visit(partition, source);
}

function arm(
  stand: Stand,
  incidents: readonly Incident[],
  replace: (process: Process, underWay: InFlight) => void,
  launch: () => void,
): void {
  const left = incidents.map((each) => ({ ...each, count: each.nth }));
  stand.world.onStep((step) => {
    if (!("host" in step)) return;
    const process = stand.processes.find(({ name, isDead }) => name === step.host && !isDead);
    for (const each of left) {
      if (each.at !== step.kind || process === undefined || process.isDead || --each.count !== 0) continue;
      if (each.what === "kill") replace(process, each.underWay);
      else if (each.what === "join") launch();
      else if (each.what === "drain") {
        launch();
        void process.host.drain(DRAIN_MS);
      } else if (each.what === "freeze") {
        process.freeze();
        stand.clock.after(FROZEN_MS, () => process.thaw());
      } else {
        process.attachment.disconnect(each.underWay);
        stand.clock.after(DOWN_MS, () => process.attachment.reconnect());
      }
    }
  });
}
