/** How the worker makes a record durable: two ways, one contract. */
import type { Msg, NatsConnection } from "@nats-io/transport-node";

/** One delivered task on its way through the worker. */
export interface Delivery {
  readonly message: Msg;
  readonly id: string;
  readonly task: { readonly n: number };
}

export interface RecordWriter {
  write(delivery: Delivery): void;
}

/** Makes a writer that calls `stored` once per delivery, in order, after the server has confirmed its record. */
export type MakeRecordWriter = (nc: NatsConnection, stored: (delivery: Delivery) => void) => RecordWriter;

/** 250 bytes, the size of a small task's record. Constant: the floor pays for no encoding. */
export const recordBytes: Uint8Array = Buffer.from(JSON.stringify({ status: "done", output: "x".repeat(221) }));
