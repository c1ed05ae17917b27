import type { Partition } from "./partition.ts";
import type { Seats } from "./seats.ts";

const PARTITIONS_PER_TURN = 2;
/** A partition in which work goes on for longer lets others leave meanwhile. */
const TURN_MS = 100;

/**
 * A host that drains: its partitions leave in turns, and those whose turn has not come go on; where nobody takes them they all stop at
 * once. Others must know before that this host takes nothing any more, and it who comes after it. Calls in: leaving.ts.
 * @returns once the last has begun to leave: what each leaving comes to
 */
export async function inTurns(
  partitions: readonly Partition[],
  seats: Pick<Seats, "nextOf" | "hasHeirs">,
  graceMs: number,
  pause: (ms: number) => Promise<void>,
): Promise<readonly Promise<void>[]> {
  const farewell = { graceMs, whenBound: "go" } as const;
  const leaving: Promise<void>[] = [];
  for (const partition of partitions) {
    leaving.push(partition.handOver(farewell, () => seats.nextOf(partition.number)));
    if (seats.hasHeirs && leaving.length % PARTITIONS_PER_TURN === 0)
      await Promise.race([Promise.allSettled(leaving.slice(-PARTITIONS_PER_TURN)), pause(TURN_MS)]);
  }
  return leaving;
}
