import { expect, test } from "vitest";
import { partitionOf } from "../../src/core/placement.ts";
import type { InFlight } from "../../src/memory/link.ts";
import { POLICIES, type Process } from "./process.ts";
import { Stand } from "./stage.ts";

const TYPES = POLICIES.map((policy) => `gpu-${policy}`);
const tasks = (process: Process) => POLICIES.map((policy) => process.standard({ name: `gpu-${policy}`, onCrash: policy, labels: ["gpu"] }));

interface Incident {
  readonly victim: "owner" | "taker" | "both";
  readonly what: "kill" | "freeze" | "disconnect";
  /** The first happens at this step after the tasks were started; of any host. */
  readonly moment: number;
  readonly underWay?: InFlight;
  readonly workMs?: number;
}

/** Partitions are the same hosts' in every run. */
const idOf = (type: string): string => IDS.get(type) ?? "";
const IDS = new Map<string, string>();

/** Ids whose partition is the first host's. */
function chooseIds(stand: Stand): void {
  for (const type of TYPES)
    for (let i = 0; !IDS.has(type); i++)
      if (stand.world.owner(partitionOf(type, `${i}`, stand.world.partitions)).host === "host-1") IDS.set(type, `${i}`);
}

/** Everything is over by then where nothing happens. */
const LAST_MOMENT = 60;
const FROZEN_MS = 9_000;
const AWAY_MS = 1_500;

/** A task of each policy that an owner without a gpu offers and another host takes, while something happens to them. A third stands by. */
async function play({ victim, what, moment, underWay = "seeded", workMs = 200 }: Incident): Promise<Stand> {
  const stand = new Stand({ tasks, seed: moment, maxLatencyMs: 3, partitions: 3 });
  const owner = await stand.open({ soonRounds: 0 });
  const taker = await stand.open({ labels: ["gpu"], soonRounds: 0 });
  await stand.open({ soonRounds: 0 });
  await stand.advance(5_000);
  chooseIds(stand);
  const strike = (process: Process): void => {
    if (what === "kill") process.kill(underWay);
    else if (what === "freeze") {
      process.freeze();
      stand.clock.after(FROZEN_MS, () => process.thaw());
    } else {
      process.attachment.disconnect(underWay);
      stand.clock.after(AWAY_MS, () => process.attachment.reconnect());
    }
  };
  let steps = 0;
  stand.world.onStep((step) => {
    if (!("host" in step) || ++steps !== moment) return;
    for (const process of victim === "both" ? [owner, taker] : [victim === "owner" ? owner : taker]) strike(process);
  });
  for (const type of TYPES) stand.start(type, idOf(type), { ms: workMs });
  await stand.advance(6_000);
  await stand.open({ labels: ["gpu"], soonRounds: 0 });
  // Until nothing is to be expected any more: also not a delivery that comes again, nor a host that wakes.
  await stand.until(() => TYPES.every((type) => isOver(stand, type)), 50_000).catch(() => {});
  await stand.advance(what === "freeze" ? FROZEN_MS : 2_000);
  // What somebody had in hand who died comes again after ten seconds; whether it is there still is looked for once a minute.
  if (stand.world.offeredWork.length > 0) await stand.advance(61_000);
  return stand;
}

const outcomeOf = (stand: Stand, type: string): string => {
  const record = stand.record(type, idOf(type));
  return record?.parked === undefined ? stand.state(type, idOf(type)) : `parked ${record.parked.reason}`;
};

const isOver = (stand: Stand, type: string): boolean => !["", "undo.ready", "doing"].includes(outcomeOf(stand, type));

/** What holds whoever dies, and when. */
function breachesOf(stand: Stand): readonly string[] {
  return [
    ...stand.laws.broken,
    ...stand.unacknowledged.map((left) => `unacknowledged: ${left}`),
    ...stand.world.offeredWork.map((left) => `offered still: ${left}`),
    ...stand.deadLetters.map(({ key, code }) => `dead letter of ${key}: ${code}`),
    ...TYPES.flatMap((type) => breachesOfType(stand, type)),
  ];
}

function breachesOfType(stand: Stand, type: string): readonly string[] {
  const outcome = outcomeOf(stand, type);
  const runs = stand.runsOf(`${type}/${idOf(type)}`).length;
  const allowed = { "gpu-rerun": ["done"], "gpu-fail": ["done", "failed"], "gpu-park": ["done", "parked crashed"] }[type] ?? [];
  const isOnce = type === "gpu-rerun" || runs <= 1;
  return [
    ...(allowed.includes(outcome) ? [] : [`${type} is ${outcome}`]),
    ...(isOnce ? [] : [`${type} may run once and ran ${runs} times`]),
    ...(outcome === "done" && runs === 0 ? [`${type} is done and never ran`] : []),
  ];
}

/** Runs it at every moment up to one at which everything was over. */
async function breachesAtEvery(
  incident: Omit<Incident, "moment">,
  more: (stand: Stand) => readonly string[] = () => [],
): Promise<readonly string[]> {
  const found: string[] = [];
  for (let moment = 1; moment <= LAST_MOMENT; moment += incident.what === "kill" ? 1 : 3) {
    const stand = await play({ ...incident, moment });
    found.push(...[...breachesOf(stand), ...more(stand)].map((words) => `at ${moment}: ${words}`));
  }
  return found;
}

/** Whoever has taken the work lives: nothing is run twice, and nothing is lost. */
const undisturbed = (stand: Stand): readonly string[] =>
  TYPES.flatMap((type) => {
    const runs = stand.runsOf(`${type}/${idOf(type)}`).length;
    return outcomeOf(stand, type) === "done" && runs === 1 ? [] : [`${type} is ${outcomeOf(stand, type)} after ${runs} runs`];
  });

test.each(["lost", "arrives"] as const)(
  "the owner dies at any step (what it sent %s): the worker's work goes on, once",
  { timeout: 60_000 },
  async (underWay) => {
    expect(await breachesAtEvery({ victim: "owner", what: "kill", underWay, workMs: 7_000 }, undisturbed)).toEqual([]);
  },
);

test.each(["lost", "arrives"] as const)(
  "the worker dies at any step (what it sent %s): the crash policy decides",
  { timeout: 60_000 },
  async (underWay) => {
    expect(await breachesAtEvery({ victim: "taker", what: "kill", underWay })).toEqual([]);
  },
);

test("both die at any step: the crash policy decides", { timeout: 60_000 }, async () => {
  expect(await breachesAtEvery({ victim: "both", what: "kill" })).toEqual([]);
});

test.each(["owner", "taker"] as const)(
  "the %s is frozen at any step, and comes back after others have taken its place",
  { timeout: 60_000 },
  async (victim) => {
    expect(await breachesAtEvery({ victim, what: "freeze" }, victim === "owner" ? undisturbed : () => [])).toEqual([]);
  },
);

test.each(["owner", "taker"] as const)(
  "the %s loses its connection for a while at any step: nothing is run twice",
  { timeout: 60_000 },
  async (victim) => {
    expect(await breachesAtEvery({ victim, what: "disconnect" }, undisturbed)).toEqual([]);
  },
);
