/** What a limit costs: no-op tasks of types that differ in nothing but their limits, submitted together, one host. */
import type { RunLimits } from "../src/core/run-limits.ts";
import { defineTask } from "../src/index.ts";
import { withActors, withLimit, type ActorStand } from "./actor-stand.ts";
import { wallClockMs } from "./entry.ts";

const CHUNK = 500;
const CHUNKS_IN_FLIGHT = 4;
const KEYS = 100;
const PADDING = "x".repeat(67);

interface Numbered {
  readonly n: number;
}

const LIMITS = {
  "no limit": undefined,
  "atOnce far away": { atOnce: 100_000 },
  "atOnce 100": { atOnce: 100 },
  "atOnce 10": { atOnce: 10 },
  "perKey.atOnce 10, 100 keys": { key: ({ n }) => String(n % KEYS), perKey: { atOnce: 10 } },
  "perSecond far away": { perSecond: 1_000_000 },
} as const satisfies Readonly<Record<string, RunLimits<Numbered> | undefined>>;

export const LIMIT_NAMES = Object.keys(LIMITS);

const typeOf = (name: string): string => `limits-${LIMIT_NAMES.indexOf(name)}`;

export const limitedTasks = Object.entries<RunLimits<Numbered> | undefined>(LIMITS).map(([name, limits]) =>
  defineTask<Numbered, number>({
    name: typeOf(name),
    ...(limits === undefined ? {} : { limits }),
    run: async ({ input }) => input.n,
  }),
);

export interface LimitsResult {
  readonly name: string;
  readonly tasksPerSecond: number;
  readonly hostMicrosPerTask: number;
}

/** `tasks` of each type; a quarter of them beside, to warm up. */
export async function measureLimits(tasks: number): Promise<readonly LimitsResult[]> {
  const results: LimitsResult[] = [];
  for (const name of LIMIT_NAMES) {
    results.push(
      await withActors(async (stand) => {
        const host = await stand.host();
        await play(stand, host, name, "warm", tasks / 4);
        return play(stand, host, name, "measured", tasks);
      }),
    );
  }
  return results;
}

type Host = Awaited<ReturnType<ActorStand["host"]>>;

async function play({ client }: ActorStand, host: Host, name: string, round: string, tasks: number): Promise<LimitsResult> {
  const ended = host.ended(tasks);
  const since = wallClockMs();
  await withLimit(Math.ceil(tasks / CHUNK), CHUNKS_IN_FLIGHT, async (chunk) => {
    const count = Math.min(CHUNK, tasks - chunk * CHUNK);
    const starts = Array.from({ length: count }, (_, i) => {
      const n = chunk * CHUNK + i;
      return { id: `${round}-${n}`, input: { n, padding: PADDING } };
    });
    const refused = (await client.startMany(typeOf(name), starts)).find((result) => result.status === "rejected");
    if (refused !== undefined) throw refused.reason;
  });
  const { at, cpuMicros } = await ended;
  return { name, tasksPerSecond: (tasks / (at - since)) * 1_000, hostMicrosPerTask: cpuMicros / tasks };
}
