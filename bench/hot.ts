/** One actor and a hundred thousand events, in order: queued before the host starts, and sent while it runs. */
import { transition, initialTransition } from "xstate";
import { withActors, withLimit, type ActorStand } from "./actor-stand.ts";
import { counter } from "./actors.ts";
import { wallClockMs } from "./entry.ts";
import { cpuMicrosOf } from "./process-usage.ts";

const IN_FLIGHT = 2_048;

export interface HotResult {
  readonly events: number;
  /** Sent while it hears them, from the first send to the last commit. */
  readonly livePerSecond: number;
  /** Queued while no host runs, from the host's first sign of life to the last commit. */
  readonly queuedPerSecond: number;
  readonly hostMicrosPerEvent: number;
  readonly serverMicrosPerEvent: number;
  readonly withHistoryPerSecond: number;
  /** XState's own pure transition of the same machine and events. */
  readonly transitionsPerSecond: number;
}

export async function measureHot(events: number): Promise<HotResult> {
  const transitionsPerSecond = pureTransitions(events);
  const live = await withActors((stand) => sendAll(stand, "counter", events));
  const withHistory = await withActors((stand) => sendAll(stand, "journal", events));
  const queued = await withActors((stand) => workOff(stand, events));
  return { events, livePerSecond: live, withHistoryPerSecond: withHistory, transitionsPerSecond, ...queued };
}

/** One actor after the other: the first is the warm-up. */
async function sendAll({ client, host: startHost }: ActorStand, type: string, events: number): Promise<number> {
  const host = await startHost();
  let perSecond = 0;
  for (const id of ["warm", "hot"]) {
    const ref = await client.start(type, { id, input: { events } });
    const startedAt = wallClockMs();
    const ended = host.ended(1);
    await withLimit(events, IN_FLIGHT, (n) => ref.send({ type: "tick", n }));
    perSecond = (events / ((await ended).at - startedAt)) * 1000;
  }
  return perSecond;
}

async function workOff(
  { client, server, host: startHost }: ActorStand,
  events: number,
): Promise<Pick<HotResult, "queuedPerSecond" | "hostMicrosPerEvent" | "serverMicrosPerEvent">> {
  const first = await startHost();
  const ref = await client.start("counter", { id: "hot", input: { events } });
  await ref.waitFor(({ revision }) => revision > 0, { timeout: "30s" });
  await first.stop();
  await withLimit(events, IN_FLIGHT, (n) => ref.send({ type: "tick", n }));
  const serverBefore = cpuMicrosOf(server.pid);
  const host = await startHost();
  const startedAt = wallClockMs();
  const { at, cpuMicros } = await host.ended(1);
  const serverMicros = cpuMicrosOf(server.pid) - serverBefore;
  return {
    queuedPerSecond: (events / (at - startedAt)) * 1000,
    hostMicrosPerEvent: cpuMicros / events,
    serverMicrosPerEvent: serverMicros / events,
  };
}

function pureTransitions(events: number): number {
  let perSecond = 0;
  for (let round = 0; round < 3; round++) {
    let [snapshot] = initialTransition(counter, { events });
    const startedAt = performance.now();
    for (let n = 0; n < events; n++) [snapshot] = transition(counter, snapshot, { type: "tick", n });
    perSecond = (events / (performance.now() - startedAt)) * 1000;
    if (snapshot.status !== "done") throw new Error("the counter did not count");
  }
  return perSecond;
}
