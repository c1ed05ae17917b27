import { expect, test } from "vitest";
import { Stand } from "./stage.ts";

test("20 tasks that wait, on two hosts of ten slots each, all run at once", async () => {
  const stand = new Stand();
  await stand.open();
  await stand.open();
  for (let i = 0; i < 20; i++) stand.start("rerun", `t${i}`, { ms: 60_000 });
  await stand.until(() => stand.running === 20, 5_000);
  expect(stand.runs.filter(({ host }) => host === "host-2")).toHaveLength(10);
  await stand.advance(61_000);
  for (let i = 0; i < 20; i++) expect(stand.state("rerun", `t${i}`)).toBe("done");
  await stand.advance(1_000);
  expect(stand.runs).toHaveLength(20);
  expect(stand.unacknowledged).toEqual([]);
  expect(stand.world.offeredWork).toEqual([]);
  stand.check();
});
