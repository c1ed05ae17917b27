/** Submitting without waiting for results: one by one, in chunks, and (for comparison) in atomic batches. */
import { createInbox, nuid, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { submitSubject } from "./floor-streams.ts";
import { listen } from "./listen.ts";
import { checkPublishAck } from "./publish-acks.ts";
import { rawHeaders } from "./raw-headers.ts";

const unacknowledgedLimit = 1024;
const chunkSize = 500;
const chunksInFlight = 4;

const padding = "x".repeat(67);

/**
 * A task of about 100 bytes, built and encoded anew for each as a client would. `nc.publish` takes strings too, but
 * encodes them with a TextEncoder, which costs 1 us where Buffer.from costs 0.2.
 */
export function taskBody(round: string, n: number): Uint8Array {
  return Buffer.from(JSON.stringify({ n, round, padding }));
}

/** Resolves when all are acknowledged. All acks come on one subject and are only counted. */
export function submitOneByOne(nc: NatsConnection, round: string, count: number): Promise<void> {
  const options = { reply: createInbox() };
  let sent = 0;
  let acknowledged = 0;
  const fillWindow = (): void => {
    for (; sent < count && sent - acknowledged < unacknowledgedLimit; sent++) {
      nc.publish(submitSubject(`${round}-${sent}`), taskBody(round, sent), options);
    }
  };
  return new Promise((resolve) => {
    const acks = listen(nc, options.reply, (ack) => {
      checkPublishAck(ack);
      acknowledged++;
      // Refilling at half writes in bursts: fewer, larger writes to the socket.
      if (sent - acknowledged <= unacknowledgedLimit / 2) fillWindow();
      if (acknowledged < count) return;
      acks.unsubscribe();
      resolve();
    });
    fillWindow();
  });
}

/** Bulk over plain messages, all that IN allows: a chunk is done when all of its acks are in. */
export function submitChunks(nc: NatsConnection, round: string, count: number): Promise<void> {
  return inLanes(count, async (from, to) => {
    const options = { reply: createInbox() };
    let unacknowledged = to - from;
    await new Promise<void>((resolve) => {
      const countAck = (ack: Msg): void => {
        checkPublishAck(ack);
        if (--unacknowledged === 0) resolve();
      };
      listen(nc, options.reply, countAck, unacknowledged); // the last ack ends the subscription
      for (let n = from; n < to; n++) nc.publish(submitSubject(`${round}-${n}`), taskBody(round, n), options);
    });
  });
}

/** Bulk as atomic batches. */
export function submitAtomicBatches(nc: NatsConnection, round: string, count: number): Promise<void> {
  return inLanes(count, async (from, to) => {
    const idLine = `Nats-Batch-Id: ${nuid.next()}\r\nNats-Batch-Sequence: `;
    for (let n = from; n < to - 1; n++) {
      const headers = rawHeaders(`${idLine}${n - from + 1}\r\n`);
      nc.publish(submitSubject(`${round}-${n}`), taskBody(round, n), { headers });
    }
    const headers = rawHeaders(`${idLine}${to - from}\r\nNats-Batch-Commit: 1\r\n`);
    const ack = await nc.request(submitSubject(`${round}-${to - 1}`), taskBody(round, to - 1), { headers, timeout: 10_000 });
    const { count: stored } = ack.json<{ count?: number }>();
    if (stored !== to - from) throw new Error(`batch refused: ${ack.string()}`);
  });
}

/** Runs `submit` over consecutive chunks, a few of them at a time. */
async function inLanes(count: number, submit: (from: number, to: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const from = next;
      next = Math.min(count, next + chunkSize);
      await submit(from, next);
    }
  };
  await Promise.all(Array.from({ length: chunksInFlight }, lane));
}
