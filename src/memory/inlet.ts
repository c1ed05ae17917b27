import type { Delivery, Inlet, Reader, Source } from "../ports/mailbox.ts";
import type { Connection } from "./connection.ts";
import type { Server } from "./server.ts";
import type { Message, Subscriber } from "./stream.ts";

/**
 * The host's end of one source.
 *
 * Owns: what was asked for, what came while nothing was wanted. Calls in: the mailbox, the reader; from the server by way of the
 * connection. Calls out: the reader, never from within `close`.
 * I1. `#reading` numbers the reading whose deliveries are accepted; everything of an older one is void, acknowledgements included.
 * I2. What comes while nothing is wanted is held back, in order, and handed over first.
 * I3. What is wanted survives a rewind.
 */
export class MemoryInlet implements Inlet, Subscriber {
  readonly connection: Connection;
  readonly partition: number;
  readonly source: Source;
  readonly #server: Server;
  readonly #reader: Reader;
  #reading = 0;
  #isClosed = false;
  #wanted = 0;
  #arrived = 0;
  #allowed = 0;
  #held: Message[] = [];
  #isHandingOver = false;

  constructor(server: Server, connection: Connection, partition: number, source: Source, reader: Reader) {
    this.#server = server;
    this.connection = connection;
    this.partition = partition;
    this.source = source;
    this.#reader = reader;
  }

  get isGone(): boolean {
    return this.#isClosed || this.connection.phase !== "up";
  }

  /** From the server. */
  begin(reading: number, isRewind: boolean): void {
    this.connection.push(() => {
      if (this.#isClosed) return;
      this.#void();
      this.#reading = reading;
      if (isRewind) this.#reader.rewound();
      this.#allow();
    });
  }

  /** From the server. */
  send(message: Message, reading: number): void {
    this.connection.push(() => {
      if (this.#isClosed || reading !== this.#reading) return;
      this.#arrived++;
      this.#held.push(message);
      this.#handOver();
    });
  }

  want(count: number): void {
    if (this.#isClosed) return;
    this.#wanted = count <= 0 ? 0 : Math.max(this.#wanted, count);
    this.#handOver();
    this.#allow();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.end();
    this.connection.tell(() => this.#server.source(this.partition, this.source).close(this));
  }

  /** Nothing more is delivered or acknowledged: closed, or opened again by its own host. */
  end(): void {
    this.#isClosed = true;
    this.#void();
  }

  /** The connection is back: whatever was delivered into the old one comes again, unless another host has taken the source. */
  resume(): void {
    if (this.#isClosed) return;
    this.#void();
    this.#reader.rewound();
    this.connection.tell(() => this.#server.source(this.partition, this.source).resume(this));
  }

  acknowledge(reading: number, sequence: number): void {
    const { partition, source, connection } = this;
    const ack = { host: connection.host, partition, source, sequence };
    if (this.#isClosed || reading !== this.#reading || !connection.passes({ kind: "ackSent", ...ack })) return;
    connection.tell(() => {
      if (this.#server.faults.forAck(ack)) return;
      if (this.#server.source(partition, source).acknowledge(connection, reading, sequence))
        this.#server.steps.tell({ kind: "acknowledged", ...ack });
    });
  }

  #void(): void {
    // No reading is numbered 0: nothing is accepted until the next one begins.
    this.#reading = 0;
    this.#held = [];
    this.#arrived = 0;
    this.#allowed = 0;
  }

  #allow(): void {
    const reading = this.#reading;
    const total = this.#arrived + Math.max(0, this.#wanted - this.#held.length);
    if (this.#isClosed || reading === 0 || total === this.#allowed) return;
    this.#allowed = total;
    this.connection.tell(() => this.#server.source(this.partition, this.source).allow(reading, total));
  }

  /** The reader may want more, stop or close from within `receive`: the state is looked at anew for each. */
  #handOver(): void {
    if (this.#isHandingOver) return;
    this.#isHandingOver = true;
    while (this.#wanted > 0 && this.#held.length > 0) {
      const message = this.#held.shift() as Message;
      this.#wanted--;
      const { partition, source, connection } = this;
      if (!connection.passes({ kind: "delivered", host: connection.host, partition, source, sequence: message.sequence })) break;
      this.#reader.receive(new MemoryDelivery(this, this.#reading, message));
    }
    this.#isHandingOver = false;
  }
}

class MemoryDelivery implements Delivery {
  readonly partition: number;
  readonly source: Source;
  readonly lane: Delivery["lane"];
  readonly type: string;
  readonly id: string;
  readonly sequence: number;
  readonly sentAt: number;
  readonly body: Uint8Array;
  readonly #inlet: MemoryInlet;
  readonly #reading: number;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(inlet: MemoryInlet, reading: number, message: Message) {
    this.partition = inlet.partition;
    this.source = inlet.source;
    this.lane = message.lane;
    this.type = message.type;
    this.id = message.id;
    this.sequence = message.sequence;
    this.sentAt = message.sentAt;
    this.body = message.body;
    this.#inlet = inlet;
    this.#reading = reading;
    this.#headers = message.headers;
  }

  header(name: string): string {
    return Object.hasOwn(this.#headers, name) ? (this.#headers[name] as string) : "";
  }

  acknowledge(): void {
    this.#inlet.acknowledge(this.#reading, this.sequence);
  }
}
