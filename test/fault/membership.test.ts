import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { breaches, FaultStand, POLICIES } from "./stand.ts";
import { within } from "./within.ts";

const COUNT = 100;

test("of four hosts one drains, one is killed and one freezes under load: every task ends once", { timeout: 120_000 }, async () => {
  await using stand = await FaultStand.open();
  const first = stand.host({ concurrency: 20 });
  await first.joined;
  await stand.attend();
  const load = (name: string): Promise<void> => {
    const ids = Array.from({ length: COUNT }, (_, n) => `${name}${n}`);
    return stand.submit(ids, (id) => ({ ms: 20 + (Number(id.slice(1)) % 7) * 100 }));
  };
  await load("a");
  const [second, third, fourth] = [stand.host({ concurrency: 20 }), stand.host({ concurrency: 20 }), stand.host({ concurrency: 20 })];
  for (const host of [second, third, fourth]) await host.joined;
  await eventually("each has one of the four partitions", async () => (await stand.shares()).join() === "1,1,1,1", 30_000);
  await load("b");
  for (const { pid } of stand.hosts) await eventually("it works", () => stand.runs.some((run) => run.pid === pid), 20_000);
  second.signal("SIGTERM");
  expect(await within("the second host drains", second.ended)).toBe("exit code 0");
  third.signal("SIGKILL");
  fourth.signal("SIGSTOP");
  const firstId = await first.joined;
  await eventually("the first has all", async () => (await stand.owners()).every(({ host }) => host === firstId), 20_000);
  fourth.signal("SIGCONT");
  await eventually("the frozen one has its share again", async () => (await stand.shares()).join() === "2,2", 30_000);
  const views = await stand.settled(2 * COUNT * POLICIES.length, 60_000);
  expect(breaches(views, stand.runs, stand.stored)).toEqual([]);
});
