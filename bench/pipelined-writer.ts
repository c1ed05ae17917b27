/**
 * Each record as a plain publish; the acks of all come back on one inbox subject.
 *
 * 1. One stream without replicas answers one connection's publishes in order, so the n-th ack is the n-th record's and
 *    no token is needed to tell them apart.
 * 2. There is no window of its own: the pulls bound what can be in flight.
 */
import { createInbox } from "@nats-io/transport-node";
import { recordSubject } from "./floor-streams.ts";
import { listen } from "./listen.ts";
import { checkPublishAck } from "./publish-acks.ts";
import { recordBytes, type Delivery, type MakeRecordWriter } from "./record-writer.ts";

/** How many settled entries the queue keeps before they are cut off: cutting each one would be quadratic. */
const cutAfter = 1024;

export const pipelinedWriter: MakeRecordWriter = (nc, stored) => {
  const inbox = createInbox();
  const options = { reply: inbox };
  const unconfirmed: Delivery[] = [];
  let head = 0;
  listen(nc, inbox, (ack) => {
    checkPublishAck(ack);
    stored(unconfirmed[head++]!);
    if (head >= cutAfter) {
      unconfirmed.splice(0, head);
      head = 0;
    }
  });
  return {
    write(delivery) {
      unconfirmed.push(delivery);
      nc.publish(recordSubject(delivery.id), recordBytes, options);
    },
  };
};
