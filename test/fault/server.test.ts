import { expect, test } from "vitest";
import { answered, at, isAck, isCommit } from "./points.ts";
import { breaches, FaultStand } from "./stand.ts";
import { startTap } from "./tap.ts";
import { within } from "./within.ts";

const COUNT = 20;

const CASES = [
  at("before a commit is sent", isCommit, "cut"),
  at("right after a commit is sent", isCommit, "pass and cut"),
  answered("after a commit is stored, before its answer", isCommit),
  at("right after an acknowledgement", isAck, "pass and cut"),
].flatMap((point) => [["the server", point.name, point] as const, ["both", point.name, point] as const]);

test.each(CASES)("kill -9 of %s %s: every task comes to one end", async (victims, _name, point) => {
  await using stand = await FaultStand.open();
  const first = stand.host();
  await first.joined;
  await stand.attend();
  await first.kill();
  await stand.submit(
    Array.from({ length: COUNT }, (_, i) => `t${i}`),
    (id) => ({ ms: id.endsWith("1") ? 60 : 0 }),
  );
  let reached = (): void => {};
  const isReached = new Promise<void>((resolve) => (reached = resolve));
  let isOver = false;
  const watch = point.watch(7, () => {
    isOver = true;
    process.kill(stand.server.pid, "SIGKILL");
    if (victims === "both") host.signal("SIGKILL");
    reached();
  });
  await using tap = await startTap(stand.server.port, (frame, from) => (isOver ? "pass" : watch(frame, from)));
  const host = stand.host({ via: tap.port });
  await within("the point is reached", isReached);
  await within("the server is gone", stand.server.ended);
  await stand.server.stop();
  await stand.startServer();
  if (victims === "both") {
    await within("the host is gone", host.ended);
    stand.host();
  }
  const views = await stand.settled(3 * COUNT, 20_000);
  expect(breaches(views, stand.runs, stand.stored)).toEqual([]);
  expect(host.hasEnded).toBe(victims === "both");
});
