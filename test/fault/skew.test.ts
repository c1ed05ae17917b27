import { expect, test } from "vitest";
import { Scene } from "./scene.ts";

const COUNT = 80;
/** What a timer may be off by when one host arms it and another keeps it, beside the test's own patience. */
const SKEW_MS = 5_000;

test("hosts whose clocks disagree lose nothing and repeat nothing, whoever takes over from whom", { timeout: 120_000 }, async () => {
  await using scene = await Scene.open({ count: 1, partitions: 4 });
  const { field, load } = scene;
  let ahead = await field.host({ skewMs: SKEW_MS });
  let behind = await field.host({ skewMs: -SKEW_MS });
  await Promise.all([ahead.joined, behind.joined]);
  for (let round = 0; round < 2; round++) {
    await load.begin(COUNT);
    scene.fault("killed, its clock ahead", ahead.name);
    await ahead.kill();
    ahead = await field.host({ skewMs: SKEW_MS });
    await load.begin(COUNT);
    await ahead.joined;
    scene.fault("killed, its clock behind", behind.name);
    await behind.kill();
    behind = await field.host({ skewMs: -SKEW_MS });
    await behind.joined;
  }
  const { breaches } = await scene.verdict();
  expect(breaches).toEqual([]);
});

test("a host a day ahead is taken for alive, and takes nothing from others that live", { timeout: 60_000 }, async () => {
  await using scene = await Scene.open({ count: 1, partitions: 4 });
  const { field, load } = scene;
  const [usual, strange] = [await field.host(), await field.host({ skewMs: 24 * 3_600_000 })];
  await Promise.all([usual.joined, strange.joined]);
  // None with a timer of the server: one that this host arms is due a day later.
  await load.begin(COUNT, "park");
  const { breaches } = await scene.verdict();
  expect(breaches).toEqual([]);
  expect([usual.hasEnded, strange.hasEnded]).toEqual([false, false]);
});
