/**
 * Subscribing with a callback that may fail loudly. The client's read loop catches whatever a callback throws, prints
 * `reader closed` and *stops reading the connection* while it stays open: the process hangs instead of failing.
 */
import type { Msg, NatsConnection, Subscription } from "@nats-io/transport-node";
import { fail } from "./entry.ts";

export function listen(nc: NatsConnection, subject: string, take: (message: Msg) => void, max?: number): Subscription {
  return nc.subscribe(subject, {
    ...(max === undefined ? {} : { max }),
    callback: (error, message) => {
      if (error !== null) fail(error);
      try {
        take(message);
      } catch (thrown) {
        fail(thrown);
      }
    },
  });
}
