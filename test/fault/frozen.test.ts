import { expect, test } from "vitest";
import { partitionOf } from "../../src/core/placement.ts";
import { eventually } from "../support/eventually.ts";
import { isCommit } from "./points.ts";
import { breaches, FaultStand, NAMES, PARTITIONS, POLICIES } from "./stand.ts";
import { startTap } from "./tap.ts";
import { within } from "./within.ts";

const COUNT = 6;

test("a frozen host commits nothing after another has taken over, and has its share again afterwards", { timeout: 60_000 }, async () => {
  await using stand = await FaultStand.open();
  let commitsHeld = 0;
  await using tap = await startTap(stand.server.port, (frame, from) => {
    if (isHolding && isCommit(frame, from)) commitsHeld++;
    return "pass";
  });
  let isHolding = false;
  const frozen = stand.host({ concurrency: 100, via: tap.port });
  const frozenId = await frozen.joined;
  await stand.attend();
  const ids = Array.from({ length: COUNT }, (_, i) => `t${i}`);
  // Some end while the wire is slow, some while their host is frozen, some long after.
  await stand.submit(ids, (id) => ({ ms: 300 + Number(id.slice(1)) * 400 }));
  await eventually("all of them run", () => stand.runs.length === COUNT * POLICIES.length);
  // The first results are on their way, and stay there, when their host freezes.
  isHolding = true;
  tap.hold();
  await eventually("a commit is on the wire", () => commitsHeld > 0);
  frozen.signal("SIGSTOP");
  const second = stand.host({ concurrency: 100 });
  const secondId = await second.joined;
  const taken = await eventually("the second host has taken everything", async () => {
    const now = await stand.owners();
    return now.every(({ host }) => host === secondId) && now;
  });

  let beats = 0;
  stand.connection.subscribe(NAMES.hostKey(frozenId), { callback: () => void beats++ });
  await stand.connection.flush();
  tap.release();
  frozen.signal("SIGCONT");
  await eventually("the frozen host is awake and has given two signs of life", () => beats >= 2 || frozen.hasEnded);
  const views = await stand.settled(COUNT * POLICIES.length, 20_000);

  const fenceOf = (key: string): number => {
    const [type = "", id = ""] = key.split("/");
    return taken[partitionOf(type, id, PARTITIONS)]?.fence as number;
  };
  const late = stand.stored.filter(({ key, sequence, record }) => sequence > fenceOf(key) && record.epoch < fenceOf(key));
  expect(late.map(({ key, record }) => `${key} under ${record.epoch}, not ${fenceOf(key)}`)).toEqual([]);
  expect(breaches(views, stand.runs, stand.stored)).toEqual([]);
  await eventually("the frozen host has its share again", async () => (await stand.shares()).join() === "2,2");

  expect(frozen.hasEnded).toBe(false);
  second.signal("SIGTERM");
  expect(await within("the second host drains", second.ended)).toBe("exit code 0");
  await stand.submit(["after"], () => ({}));
  await stand.settled((COUNT + 1) * POLICIES.length, 20_000);
  expect(stand.runs.filter(({ key }) => key.endsWith("/after")).map(({ pid }) => pid)).toEqual(POLICIES.map(() => frozen.pid));
  frozen.signal("SIGTERM");
  expect(await within("the frozen host drains", frozen.ended)).toBe("exit code 0");
});
