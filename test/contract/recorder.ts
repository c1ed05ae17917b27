import { assert } from "vitest";
import type { Delivery, Inlet, Mailbox, Reader, Source } from "../../src/ports/mailbox.ts";
import { text } from "./fixture.ts";

/**
 * A reader that keeps what it was given, and holds the adapter to its word: between two rewinds sequences rise strictly, and no
 * more comes than was asked for.
 */
export class Recorder implements Reader {
  /** Since the last rewind: what is not void. */
  deliveries: Delivery[] = [];
  /** All there ever were, void ones included. */
  readonly everything: Delivery[] = [];
  rewinds = 0;
  violations: string[] = [];
  #allowed = 0;
  #inlet: Inlet | undefined;

  static async open(mailbox: Mailbox, partition: number, source: Source, want = 0): Promise<Recorder> {
    const recorder = new Recorder();
    recorder.#inlet = await mailbox.open(partition, source, recorder);
    if (want > 0) recorder.want(want);
    return recorder;
  }

  receive(delivery: Delivery): void {
    const before = this.deliveries.at(-1);
    if (before !== undefined && before.sequence >= delivery.sequence) this.violations.push(`${delivery.sequence} after ${before.sequence}`);
    if (this.#allowed <= 0) this.violations.push(`${delivery.sequence} was not asked for`);
    this.#allowed--;
    this.deliveries.push(delivery);
    this.everything.push(delivery);
  }

  rewound(): void {
    this.rewinds++;
    this.deliveries = [];
  }

  want(count: number): void {
    this.#allowed = count === 0 ? 0 : Math.max(this.#allowed, count);
    this.#inlet?.want(count);
  }

  async close(): Promise<void> {
    await this.#inlet?.close();
  }

  get bodies(): (string | undefined)[] {
    return this.deliveries.map((delivery) => text(delivery.body));
  }

  at(index: number): Delivery {
    const delivery = this.deliveries[index];
    assert(delivery !== undefined, `there is no delivery ${index}`);
    return delivery;
  }

  /** Nothing came out of order or unasked. */
  verify(): void {
    assert.deepEqual(this.violations, []);
  }
}
