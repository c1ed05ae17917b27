import { expect, test } from "vitest";
import { hashOf, play } from "./play.ts";
import { scenarioOf } from "./scenario.ts";
import { describeLine } from "./trace.ts";

test("x", { timeout: 110_000 }, async () => {
  const only = process.env["SEED"];
  if (only !== undefined) {
    const { breaches, lines } = await play(scenarioOf(Number(only)));
    const actor = process.env["ACTOR"];
    const text = lines.map((line, i) => `${i} ${describeLine(line)}`).filter((line) => actor === undefined || line.includes(actor) || line.includes(" fault") || line.includes("calm") || line.includes(" owned"));
    console.log([...text, ...breaches.map(({ law, message, line }) => `${law} @${line}: ${message}`), JSON.stringify(scenarioOf(Number(only)))].join("\n"));
    return;
  }
  const from = Number(process.env["FROM"] ?? 1);
  const count = Number(process.env["COUNT"] ?? 20);
  const t = Date.now();
  const laws = new Map<string, number>();
  for (let seed = from; seed < from + count; seed++) {
    const { breaches, lines, tally } = await play(scenarioOf(seed));
    if (breaches.length > 0) {
      for (const { law } of breaches) laws.set(law, (laws.get(law) ?? 0) + 1);
      console.log(seed, lines.length, breaches.slice(0, 4).map(({ law, message }) => `${law}: ${message}`).join("\n    "));
    }
    if (seed === from) console.log(tally, hashOf(lines), hashOf((await play(scenarioOf(seed))).lines));
  }
  console.log((Date.now() - t) / count, "ms a seed", [...laws]);
  expect(1).toBe(1);
});
