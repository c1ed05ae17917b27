import { createHash } from "node:crypto";
import { check, type Breach } from "./checker.ts";
import { Client } from "./client.ts";
import { Cluster, type Mutant } from "./cluster.ts";
import { formatHistory, type Line } from "./history.ts";
import type { Scenario } from "./scenario.ts";
import { Trouble } from "./trouble.ts";

/** The longest that anything may take once there is calm: leases, backoffs, schedules. */
const LONGEST_MS = 180_000;
/** Enough for absorbed mail to be forgotten, and for what was withdrawn to be gone. */
const AFTERWARDS_MS = 7_000;

export interface Run {
  readonly lines: readonly Line[];
  readonly breaches: readonly Breach[];
  readonly tally: Readonly<Record<string, number>>;
}

/** One run from beginning to end. The same scenario gives the same lines. One at a time: actors' actions are heard by the newest. */
export async function play(scenario: Scenario, mutant?: Mutant): Promise<Run> {
  const { stackTraceLimit } = Error;
  // Errors are made by the thousand, and where from says nothing about what happened.
  Error.stackTraceLimit = 0;
  try {
    return await played(scenario, mutant);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

async function played(scenario: Scenario, mutant?: Mutant): Promise<Run> {
  const cluster = new Cluster(scenario, mutant);
  const { clock, recorder, world } = cluster;
  const trouble = new Trouble(cluster, scenario.faults);
  const clients = scenario.jobs.map((job) => new Client(cluster, job));
  for (let place = 0; place < scenario.hosts.length; place++) cluster.launch(place);
  await clock.advance(Trouble.endOf(scenario.faults) + 100);
  trouble.calm();
  // An acknowledgement that was lost is only made up for when its delivery comes again; a connection that loses some is reset.
  cluster.eachSource((partition, source) => world.rewind(partition, source));
  const isOver = (): boolean => clients.every(({ isDone }) => isDone) && [...recorder.awaited].every((actor) => hasEnded(cluster, actor));
  await clock.until(isOver, LONGEST_MS).catch(() => {});
  await clock.advance(AFTERWARDS_MS);
  // The last word of a client may have begun something anew.
  await clock.until(isOver, LONGEST_MS).catch(() => {});
  // What comes again long after everything has ended changes nothing.
  cluster.eachSource((partition, source) => world.rewind(partition, source));
  await clock.advance(AFTERWARDS_MS);
  recorder.note({
    kind: "rest",
    unacknowledged: cluster.unacknowledged,
    timers: world.timers.map(({ owner, timer, dueAt }) => ({ actor: `${owner.type}/${owner.id}`, timer, dueAt })),
    tickets: world.tickets.map((ticket) => {
      const [stand = "", actor = ""] = ticket.split(" ");
      return { stand, actor };
    }),
  });
  for (const member of cluster.members) member?.kill("lost");
  const { lines } = recorder;
  return { lines, breaches: check(lines), tally: { runs: 1, jobs: clients.length, ...recorder.tally, ...cluster.tally } };
}

function hasEnded({ recorder }: Cluster, actor: string): boolean {
  const record = recorder.states.get(actor);
  return record === undefined ? recorder.hasExpired(actor) : record.status !== "active" || record.parked !== undefined;
}

/** Two runs with the same history have the same. */
export function hashOf(lines: readonly Line[]): string {
  return createHash("sha256").update(formatHistory(lines)).digest("hex").slice(0, 16);
}
