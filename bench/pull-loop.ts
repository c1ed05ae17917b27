/**
 * Raw pulls of one consumer. Owns one inbox; called by the worker once per partition.
 *
 * 1. At most `pullSize` messages are asked for and not yet delivered.
 * 2. The next pull leaves while half of the last is still to come, so the server never waits for us.
 * 3. A pull that expires gives back what it did not deliver; any other status ends the benchmark.
 */
import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { listen } from "./listen.ts";

const pullSize = 256;
const expiresNanos = 30_000_000_000;
const requestTimeout = 408;

export function pullForever(nc: NatsConnection, stream: string, consumer: string, deliver: (message: Msg) => void): void {
  const nextSubject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  const inbox = createInbox();
  let outstanding = 0;
  const pull = (): void => {
    const batch = pullSize - outstanding;
    outstanding = pullSize;
    nc.publish(nextSubject, JSON.stringify({ batch, expires: expiresNanos }), { reply: inbox });
  };
  listen(nc, inbox, (message) => {
    // Our tasks always have a body; asking for the headers of every message would decode them.
    if (message.data.length > 0) {
      outstanding--;
      deliver(message);
    } else {
      outstanding -= undeliveredBy(message);
    }
    if (outstanding <= pullSize / 2) pull();
  });
  pull();
}

function undeliveredBy(status: Msg): number {
  if (status.headers?.code !== requestTimeout) throw new Error(`pull ended: ${status.headers?.status}`);
  return Number(status.headers.get("Nats-Pending-Messages"));
}
