import { expect, test } from "vitest";
import { Scene } from "./scene.ts";

const COUNT = 80;
const SKEW_MS = 5_000;
const DAY_MS = 24 * 3_600_000;

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

test("what a host sets whose clock is a day off falls due when it should, whoever keeps it then", { timeout: 90_000 }, async () => {
  await using scene = await Scene.open({ count: 1, partitions: 4 });
  const { field, load } = scene;
  const [ahead, behind] = [await field.host({ skewMs: DAY_MS }), await field.host({ skewMs: -DAY_MS })];
  await Promise.all([ahead.joined, behind.joined]);
  await load.begin(COUNT);
  const usual = await field.host();
  await usual.joined;
  await load.begin(COUNT);
  scene.fault("killed, its clock a day ahead", ahead.name);
  await ahead.kill();
  const { breaches } = await scene.verdict();
  expect(breaches).toEqual([]);
  expect([usual.hasEnded, behind.hasEnded]).toEqual([false, false]);
});
