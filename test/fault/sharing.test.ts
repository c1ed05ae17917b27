import { expect, test } from "vitest";
import type { TaskView } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { FaultStand, forks, POLICIES } from "./stand.ts";

const COUNT = 4;
const IDS = Array.from({ length: COUNT }, (_, i) => `t${i}`);
const WORK_MS = 4_000;

/** Every host owns some of the tasks; those with a gpu run all of them. */
async function submitted(stand: FaultStand): Promise<void> {
  for (const policy of POLICIES) for (const id of IDS) await stand.client.start(`gpu-${policy}`, { id, input: { ms: WORK_MS } });
}

const outcomeOf = ({ state, parked }: TaskView): string => (parked === undefined ? state : `parked ${parked.reason}`);

/** What may not be, whoever died. */
function breachesOf(stand: FaultStand, views: ReadonlyMap<string, TaskView>): readonly string[] {
  const allowed: Readonly<Record<string, readonly string[]>> = {
    "gpu-rerun": ["done"],
    "gpu-fail": ["done", "failed"],
    "gpu-park": ["done", "parked crashed"],
  };
  const found = [...views].flatMap(([key, view]) => {
    const runs = stand.runs.filter((run) => run.key === key).length;
    return [
      ...(allowed[view.type]?.includes(outcomeOf(view)) === true ? [] : [`${key} is ${outcomeOf(view)}`]),
      ...(view.type !== "gpu-rerun" && runs > 1 ? [`${key} may run once and ran ${runs} times`] : []),
      ...(view.state === "done" && runs === 0 ? [`${key} is done and never ran`] : []),
    ];
  });
  return [...found, ...forks(stand.stored)];
}

test("kill -9 of a host whose work another runs: the work goes on, and its result finds the next owner", { timeout: 60_000 }, async () => {
  await using stand = await FaultStand.open();
  const owner = stand.host({ concurrency: 20 });
  await owner.joined;
  await stand.attend();
  const worker = stand.host({ concurrency: 20, labels: ["gpu"] });
  await worker.joined;
  await submitted(stand);
  await eventually("all of it runs", () => stand.runs.length === COUNT * POLICIES.length, 20_000);
  await owner.kill();
  const views = await stand.settled(COUNT * POLICIES.length, 30_000);
  expect(breachesOf(stand, views)).toEqual([]);
  expect([...views.values()].map(outcomeOf)).toEqual(Array(COUNT * POLICIES.length).fill("done"));
  expect(stand.runs.map(({ pid }) => pid)).toEqual(Array(COUNT * POLICIES.length).fill(worker.pid));
});

test("kill -9 of the host that runs others' work: its crash policy decides", { timeout: 60_000 }, async () => {
  await using stand = await FaultStand.open();
  await stand.host({ concurrency: 20 }).joined;
  await stand.attend();
  const first = stand.host({ concurrency: 20, labels: ["gpu"] });
  await first.joined;
  await submitted(stand);
  await eventually("all of it runs", () => stand.runs.length === COUNT * POLICIES.length, 20_000);
  await first.kill();
  const second = stand.host({ concurrency: 20, labels: ["gpu"] });
  const views = await stand.settled(COUNT * POLICIES.length, 40_000);
  expect(breachesOf(stand, views)).toEqual([]);
  const outcomes = (type: string) => new Set([...views.values()].flatMap((view) => (view.type === type ? [outcomeOf(view)] : [])));
  expect(outcomes("gpu-fail")).toEqual(new Set(["failed"]));
  expect(outcomes("gpu-park")).toEqual(new Set(["parked crashed"]));
  expect(stand.runs.filter(({ pid }) => pid === second.pid).map(({ key }) => key.split("/")[0])).toEqual(Array(COUNT).fill("gpu-rerun"));
});

test(
  "a host that is frozen while it runs others' work, and wakes after it was given up, changes nothing",
  { timeout: 60_000 },
  async () => {
    await using stand = await FaultStand.open();
    await stand.host({ concurrency: 20 }).joined;
    await stand.attend();
    const first = stand.host({ concurrency: 20, labels: ["gpu"] });
    await first.joined;
    await submitted(stand);
    await eventually("all of it runs", () => stand.runs.length === COUNT * POLICIES.length, 20_000);
    first.signal("SIGSTOP");
    await stand.host({ concurrency: 20, labels: ["gpu"] }).joined;
    await eventually(
      "what may be repeated runs again",
      () => stand.runs.filter(({ key }) => key.startsWith("gpu-rerun/")).length === 2 * COUNT,
      30_000,
    );
    first.signal("SIGCONT");
    const views = await stand.settled(COUNT * POLICIES.length, 30_000);
    expect(breachesOf(stand, views)).toEqual([]);
    expect([...views.values()].filter(({ type }) => type === "gpu-rerun").map(({ attempt }) => attempt)).toEqual(Array(COUNT).fill(1));
  },
);
