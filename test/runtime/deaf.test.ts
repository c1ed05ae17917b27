import { expect, test } from "vitest";
import type { Way } from "../../src/memory/connection.ts";
import type { Process } from "./process.ts";
import { Stand } from "./stage.ts";

const PARTITIONS = 4;
const SOON_MS = 1_000;
/** By when others have noticed, and taken, what a host that has gone quiet had: its sign's time to live, and a look. */
const TAKEN_MS = 5_000;

const share = ({ phases }: Process): number => phases.filter((phase) => phase === "running").length;

test.each<readonly [name: string, way: Way]>([
  ["is not heard", "up"],
  ["is heard and does not hear", "down"],
])("a host that %s loses its partitions once, and gets its share back once it does", async (_name, way) => {
  const stand = new Stand({ partitions: PARTITIONS, maxLatencyMs: 5 });
  const first = await stand.open();
  const second = await stand.open();
  await stand.advance(SOON_MS);
  expect([share(first), share(second)]).toEqual([2, 2]);
  first.attachment.stall(way);
  await stand.advance(TAKEN_MS);
  expect([share(first), share(second)]).toEqual([0, PARTITIONS]);
  const steps = (): number => stand.stepsOf("claimed").length + stand.stepsOf("released").length;
  const before = steps();
  await stand.advance(60_000);
  expect(steps() - before, "nobody leaves a partition to it").toBe(0);
  first.attachment.flow(way);
  await stand.advance(TAKEN_MS);
  expect([share(first), share(second)]).toEqual([2, 2]);
});
