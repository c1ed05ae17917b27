import { expect, test, vi } from "vitest";
import type { hear as Hear } from "../../src/core/hear.ts";
import { play } from "./play.ts";
import { scenarioOf } from "./draw.ts";

/** A runtime that hears of children, timers and work whatever their generation. */
vi.mock(import("../../src/core/hear.ts"), async (importOriginal) => {
  const { hear } = await importOriginal();
  const heedless: typeof Hear = (definition, record, envelope) => {
    const current =
      envelope.kind === "report"
        ? record.children?.[envelope.child]
        : envelope.kind === "settled"
          ? record.activities[envelope.activity]
          : envelope.kind === "timer"
            ? record.timers[envelope.timer]
            : undefined;
    return hear(
      definition,
      record,
      current === undefined ? envelope : ({ ...envelope, generation: current.generation } as typeof envelope),
    );
  };
  return { hear: heedless };
});

const MOST_SEEDS = 150;

test("a runtime that does not look at generations is found out", { timeout: 60_000 }, async () => {
  const broken = new Set<string>();
  for (let seed = 1; seed <= MOST_SEEDS && !broken.has("generation"); seed++)
    for (const { law } of (await play(scenarioOf(seed))).breaches) broken.add(law);
  expect([...broken]).toContain("generation");
});
