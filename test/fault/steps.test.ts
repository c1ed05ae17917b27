import { expect, test } from "vitest";
import { POINTS } from "./points.ts";
import { stand } from "./attended.ts";
import { breaches } from "./stand.ts";
import { startTap } from "./tap.ts";
import { within } from "./within.ts";

const COUNT = 8;
let round = 0;

const CASES = POINTS.flatMap((point) => (point.delay === undefined ? [1, 4] : [2]).map((nth) => [point.name, nth, point] as const));

test.each(CASES)("kill -9 of the host %s (number %i): every task comes to one end", async (_name, nth, point) => {
  const base = (await stand.views()).size;
  const ids = Array.from({ length: COUNT }, (_, i) => `r${round}-${i}`);
  round++;
  const options = point.delay === undefined ? {} : { delay: point.delay };
  // Some are short enough to end in their first commit, some are surely running when the end comes.
  await stand.submit(ids, (id) => ({ ms: id.endsWith("1") ? 60 : 0 }), options);
  await using tap = await startTap(
    stand.server.port,
    point.watch(nth, () => victim.signal("SIGKILL")),
  );
  const victim = stand.host({ via: tap.port });
  expect(await within("the host reaches the point", victim.ended)).toBe("SIGKILL");
  const successor = stand.host();
  try {
    const views = await stand.settled(base + 3 * COUNT, 20_000);
    expect(breaches(views, stand.runs, stand.stored)).toEqual([]);
  } finally {
    await successor.kill();
  }
});
