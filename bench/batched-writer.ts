/**
 * Group commit: all records that became ready while the last batch was in flight form the next atomic batch.
 *
 * 1. One batch in flight, at most 500 records in it.
 * 2. The whole batch is sent at once; nothing waits for the reply to its first message.
 * 3. The first message asks for a reply too: an early error is told to nobody else.
 * 4. A batch of one is a plain publish: it is atomic by itself and saves about 1 ms.
 */
import { createInbox, nuid, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { recordSubject } from "./floor-streams.ts";
import { listen } from "./listen.ts";
import { rawHeaders } from "./raw-headers.ts";
import { recordBytes, type Delivery, type MakeRecordWriter, type RecordWriter } from "./record-writer.ts";

const batchLimit = 500;

class GroupCommit implements RecordWriter {
  readonly #nc: NatsConnection;
  readonly #stored: (delivery: Delivery) => void;
  readonly #replyOptions = { reply: createInbox() };
  #waiting: Delivery[] = [];
  #inFlight: Delivery[] = [];
  #batchId = "";
  #commitScheduled = false;

  constructor(nc: NatsConnection, stored: (delivery: Delivery) => void) {
    this.#nc = nc;
    this.#stored = stored;
    listen(nc, this.#replyOptions.reply, (reply) => this.#onReply(reply));
  }

  write(delivery: Delivery): void {
    this.#waiting.push(delivery);
    if (this.#inFlight.length > 0 || this.#commitScheduled) return;
    // A socket read delivers many messages in one go; the microtask lets all of them join.
    this.#commitScheduled = true;
    queueMicrotask(() => this.#commit());
  }

  #commit(): void {
    this.#commitScheduled = false;
    this.#inFlight = this.#waiting.splice(0, batchLimit);
    const size = this.#inFlight.length;
    if (size === 0) return;
    if (size === 1) {
      this.#batchId = "";
      this.#nc.publish(recordSubject(this.#inFlight[0]!.id), recordBytes, this.#replyOptions);
      return;
    }
    this.#batchId = nuid.next();
    const idLine = `Nats-Batch-Id: ${this.#batchId}\r\nNats-Batch-Sequence: `;
    for (let sequence = 1; sequence <= size; sequence++) {
      const last = sequence === size;
      const headers = rawHeaders(`${idLine}${sequence}\r\n${last ? "Nats-Batch-Commit: 1\r\n" : ""}`);
      const reply = sequence === 1 || last ? this.#replyOptions : undefined;
      this.#nc.publish(recordSubject(this.#inFlight[sequence - 1]!.id), recordBytes, { ...reply, headers });
    }
  }

  #onReply(reply: Msg): void {
    // Zero bytes answer the first message: the server is collecting. 'No responders' is empty too but has a status.
    if (reply.data.length === 0 && reply.headers === undefined) return;
    const ack = reply.data.length === 0 ? {} : reply.json<{ seq?: number; batch?: string; count?: number }>();
    const whole = (ack.batch ?? "") === this.#batchId && (ack.count ?? 1) === this.#inFlight.length;
    if (ack.seq === undefined || !whole) throw new Error(`commit refused: ${reply.headers?.status ?? ""} ${reply.string()}`);
    const settled = this.#inFlight;
    this.#inFlight = [];
    for (const delivery of settled) this.#stored(delivery);
    this.#commit();
  }
}

export const batchedWriter: MakeRecordWriter = (nc, stored) => new GroupCommit(nc, stored);
