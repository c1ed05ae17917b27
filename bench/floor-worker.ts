/**
 * The floor's worker: what any runtime on JetStream must at least do for a task, and nothing else. Decode the message,
 * write one record, acknowledge, answer whoever waits. `node floor-worker.js <url> batched|pipelined [atomic-in]`
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { batchedWriter } from "./batched-writer.ts";
import type { Usage, WorkerCommand } from "./contender.ts";
import { fail, obeyRunner, startUsage, tellRunner, wallClockMs } from "./entry.ts";
import {
  connectFloor,
  consumerName,
  createFloorStreams,
  idOfSubject,
  inStream,
  partitionCount,
  replyHeader,
  stateStream,
} from "./floor-streams.ts";
import { pipelinedWriter } from "./pipelined-writer.ts";
import { pullForever } from "./pull-loop.ts";
import type { Delivery, RecordWriter } from "./record-writer.ts";

class FloorWorker {
  readonly #nc: NatsConnection;
  readonly #jsm: JetStreamManager;
  #stored = 0;
  #expectedInAll = 0;
  #round = "";
  #usage: () => Usage = startUsage();
  readonly #writer: RecordWriter;

  constructor(nc: NatsConnection, jsm: JetStreamManager, variant: string) {
    this.#nc = nc;
    this.#jsm = jsm;
    this.#writer = (variant === "batched" ? batchedWriter : pipelinedWriter)(nc, (delivery) => this.#finish(delivery));
    for (let partition = 0; partition < partitionCount; partition++) {
      pullForever(nc, inStream, consumerName(partition), (message) => this.#take(message));
    }
  }

  expect(round: string, count: number): void {
    this.#round = round;
    this.#expectedInAll += count;
    this.#usage = startUsage();
    tellRunner({ kind: "expecting", round });
  }

  #take(message: Msg): void {
    this.#writer.write({ message, id: idOfSubject(message.subject), task: message.json() });
  }

  /** Acks are fire and forget: one that is lost costs a redelivery, and waiting for each would cost four times more. */
  #finish({ message, task }: Delivery): void {
    message.respond();
    // Empty when there are headers but not this one.
    const replyTo = message.headers?.get(replyHeader) ?? "";
    if (replyTo !== "") this.#nc.publish(replyTo, Buffer.from(`{"output":${task.n}}`));
    if (++this.#stored === this.#expectedInAll) this.#endRound(wallClockMs()).catch(fail);
  }

  async #endRound(lastDoneAt: number): Promise<void> {
    await this.#nc.flush();
    const usage = this.#usage();
    await this.#verify();
    tellRunner({ kind: "done", round: this.#round, lastDoneAt, ...usage });
  }

  /** A floor that lost something would be too low a floor. Acks still on their way get a second to arrive. */
  async #verify(): Promise<void> {
    const { state } = await this.#jsm.streams.info(stateStream);
    if (state.messages !== this.#expectedInAll) throw new Error(`${state.messages} records of ${this.#expectedInAll}`);
    for (let attempt = 0; attempt < 100; attempt++) {
      if ((await this.#jsm.streams.info(inStream)).state.messages === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("acknowledged tasks are still in the stream");
  }
}

const [url = "", variant = "", atomicIn] = process.argv.slice(2);
const nc = await connectFloor(url);
const jsm = await createFloorStreams(nc, { atomicIn: atomicIn === "atomic-in" });
const worker = new FloorWorker(nc, jsm, variant);
obeyRunner<WorkerCommand>(
  ({ round, count }) => worker.expect(round, count),
  () => nc.close(),
);
