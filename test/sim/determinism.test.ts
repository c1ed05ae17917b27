import { expect, test } from "vitest";
import { check } from "./checker.ts";
import { formatHistory, parseHistory } from "./history.ts";
import { hashOf, play } from "./play.ts";
import { scenarioOf } from "./draw.ts";

const SEEDS = Array.from({ length: 40 }, (_, i) => 1 + i * 37);

test("the same seed makes the same happen, whatever was played before", { timeout: 120_000 }, async () => {
  const hashes = new Map<number, string>();
  for (const seed of SEEDS) hashes.set(seed, hashOf((await play(scenarioOf(seed))).lines));
  for (const seed of SEEDS.toReversed()) expect([seed, hashOf((await play(scenarioOf(seed))).lines)]).toEqual([seed, hashes.get(seed)]);
  expect(new Set(hashes.values()).size).toBe(SEEDS.length);
});

test("a scenario is data: what was written down and read is played the same", async () => {
  for (const seed of SEEDS.slice(0, 5)) {
    const scenario = scenarioOf(seed);
    const again = JSON.parse(JSON.stringify(scenario)) as typeof scenario;
    expect(hashOf((await play(again)).lines)).toBe(hashOf((await play(scenario)).lines));
  }
});

test("a history that was written down and read is judged the same", async () => {
  const { lines } = await play(scenarioOf(3));
  const written = formatHistory(lines);
  expect(formatHistory(parseHistory(written))).toBe(written);
  // A start that is accepted and never heard of again.
  const lost = [{ at: 0, kind: "accepted", source: "in.low", partition: 0, sequence: 9_999, actor: "rerun/lost" } as const, ...lines];
  expect(check(lines)).toEqual([]);
  expect(check(parseHistory(formatHistory(lost)))).toEqual(check(lost));
  expect(check(lost).map(({ law }) => law)).toEqual(["one-end"]);
});
