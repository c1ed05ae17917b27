import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { leaderOf } from "./leadership.ts";
import { ACTOR_POINTS, answered, isCommit, type Point } from "./points.ts";
import { Scene } from "./scene.ts";
import type { FaultServer } from "./servers.ts";
import { startTap, type Tap, type Watch } from "./tap.ts";
import { within } from "./within.ts";

/** A cluster whose server that leads CORE is killed at an exact step of a commit. */

const COUNT = 60;

const POINTS: readonly Point[] = [...ACTOR_POINTS.slice(1), answered("after a commit is stored, before its answer", isCommit)];

/** Commits of a host either go straight to the leader or by way of another server. */
const CASES = POINTS.flatMap((point, i) => [[point.name, i % 2 === 0 ? "straight" : "by another server", point] as const]);

test.each(CASES)(
  "the leader is killed %s (sent %s): another leads, everything comes to one end",
  { timeout: 90_000 },
  async (name, how, point) => {
    await using scene = await Scene.open({ count: 3, partitions: 2 });
    const { field, load } = scene;
    const leader = await eventually("one leads", () => leaderOf(field), 20_000);
    const first = how === "straight" ? leader : (field.servers.all.find((server) => server !== leader) as FaultServer);
    let kill = (): void => {};
    const isKilled = new Promise<void>((resolve) => (kill = resolve));
    let isOver = false;
    const strike = (): void => {
      isOver = true;
      leader.signal("SIGKILL");
      kill();
    };
    const look = point.watch(3, strike);
    // The network is well: only the server dies.
    const watch: Watch = (frame, from) => {
      if (!isOver) look(frame, from);
      return "pass";
    };
    await using tap = await startTap(first.port, watch);
    const others: Tap[] = await Promise.all(
      field.servers.all.filter((server) => server !== first).map(({ port }) => startTap(port, () => "pass")),
    );
    const host = await field.host({ via: [tap.port] });
    const second = await field.host({ via: others.map(({ port }) => port) });
    await Promise.all([host.joined, second.joined]);
    // They have timers in the server, and children that they mail.
    await load.begin(COUNT, "diary");
    await within("the point is reached", isKilled, 30_000);
    scene.fault(`leader killed ${name}`, leader.name);
    await load.begin(COUNT);
    await leader.start();
    const { breaches } = await scene.verdict();
    expect(breaches).toEqual([]);
    expect([host.hasEnded, second.hasEnded]).toEqual([false, false]);
    await Promise.all(others.map((other) => other[Symbol.asyncDispose]()));
  },
);
