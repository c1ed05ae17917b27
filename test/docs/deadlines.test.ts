import { expect, it } from "vitest";
import { DEADLINES } from "../../src/core/deadlines.ts";
import { readPage } from "./page.ts";

it("the README states the deadlines that are in force", () => {
  const stated = readPage("README.md")
    .rows("When the connection fails")
    .filter((cells) => cells.length === 3)
    .map(([, ms]) => Number(ms));
  const { connectMs, pingMs, sendMs, sendAtMostMs, callMs, outageMs, closeMs } = DEADLINES;
  expect(stated).toEqual([connectMs, pingMs, sendMs, sendAtMostMs, callMs, outageMs, closeMs]);
  expect(stated).toHaveLength(Object.keys(DEADLINES).length);
});
