/** The two streams of the floor: the same shapes as the product's IN and CORE, and its names in one place. */
import { AckPolicy, DeliverPolicy, DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { JetStreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";

export const partitionCount = 8;
export const inStream = "IN";
export const stateStream = "STATE";
export const replyHeader = "Troupe-Reply";

export const submitSubject = (id: string): string => `floor.in.normal.noop.${id}`;
export const recordSubject = (id: string): string => `floor.state.noop.${id}`;
export const consumerName = (partition: number): string => `p${partition}`;

/** Delivered subjects read `floor.in.<partition>.normal.noop.<id>`. */
export const idOfSubject = (subject: string): string => subject.slice(subject.lastIndexOf(".") + 1);

export function connectFloor(url: string): Promise<NatsConnection> {
  // A stack trace per request costs more than the request.
  return connect({ servers: url, noAsyncTraces: true, maxReconnectAttempts: 0 });
}

/** `atomicIn` lets the bulk producer use atomic batches on IN, which the product forbids: only to measure the difference. */
export async function createFloorStreams(nc: NatsConnection, { atomicIn }: { atomicIn: boolean }): Promise<JetStreamManager> {
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({
    name: inStream,
    subjects: ["floor.in.*.*.*"],
    subject_transform: {
      src: "floor.in.*.*.*",
      dest: `floor.in.{{partition(${partitionCount},2,3)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}`,
    },
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    num_replicas: 1,
    ...(atomicIn ? { allow_atomic: true } : {}),
  });
  await jsm.streams.add({
    name: stateStream,
    subjects: ["floor.state.>"],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_msgs_per_subject: 1,
    num_replicas: 1,
    allow_atomic: true,
    allow_direct: true,
    allow_msg_ttl: true,
  });
  for (let partition = 0; partition < partitionCount; partition++) {
    await jsm.consumers.add(inStream, {
      durable_name: consumerName(partition),
      filter_subject: `floor.in.${partition}.>`,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      max_ack_pending: 2000,
      max_deliver: -1,
    });
  }
  return jsm;
}
