import { writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseDuration } from "../../src/core/duration.ts";
import { soak } from "./soak.ts";

/** How long, from which seed, on how many servers, and where the result is written: see main.mjs. */
const { TROUPE_SOAK = "20s", TROUPE_SOAK_SEED = "1", TROUPE_SOAK_SERVERS = "3", TROUPE_SOAK_OUT } = process.env;
const forMs = parseDuration(TROUPE_SOAK) ?? 20_000;

test(
  `hosts and servers killed, frozen and cut off at random for ${TROUPE_SOAK}: nothing is lost, nothing happens twice`,
  { timeout: forMs + 240_000 },
  async () => {
    const { lines, log, ...result } = await soak({
      seed: Number(TROUPE_SOAK_SEED),
      forMs,
      servers: TROUPE_SOAK_SERVERS === "1" ? 1 : 3,
      climate: { hosts: 3, mostCalmMs: 3_000, mostMs: 6_000, mostSkewMs: 2_000 },
      perSecond: 20,
      mostOpen: 120,
      partitions: 4,
      onProgress: (text) => process.stderr.write(`${text}\n`),
    });
    const summary = { ...result, breaches: result.breaches.slice(0, 100) };
    process.stderr.write(`${JSON.stringify(summary, undefined, 2)}\n`);
    if (TROUPE_SOAK_OUT !== undefined) {
      writeFileSync(TROUPE_SOAK_OUT, `${JSON.stringify(summary, undefined, 2)}\n`);
      writeFileSync(`${TROUPE_SOAK_OUT}.log`, log);
      writeFileSync(`${TROUPE_SOAK_OUT}.history`, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
    expect(result).toMatchObject({ lost: 0, duplicates: 0, doubleTransitions: 0 });
    expect(result.breaches).toEqual([]);
    expect(result.surprises).toEqual([]);
    expect(result.finished).toBe(result.submitted);
  },
);
