import type { NatsConnection } from "@nats-io/nats-core";
import type { Names } from "../../src/nats/names.ts";

/** What waits in all sources: of every consumer, what was not delivered and what was not acknowledged. */
export async function unheard(connection: NatsConnection, names: Names, partitions: number): Promise<number> {
  const counts = Array.from({ length: partitions }, (_, partition) => names.sources(partition))
    .flat()
    .map(async ({ info }) => {
      const reply = JSON.parse((await connection.request(info)).string()) as { num_pending: number; num_ack_pending: number };
      return reply.num_pending + reply.num_ack_pending;
    });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}
