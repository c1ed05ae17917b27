import { expect, it } from "vitest";
import { type MailboxFixture } from "./fixture.ts";
import { numbers, publishNumbers } from "./numbers.ts";
import { Recorder } from "./recorder.ts";

const PARTITION = 0;

/** How much comes. */
export function credit(fixture: () => MailboxFixture): void {
  it("delivers nothing before something is wanted, and no more than that", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 10);
    const reader = await Recorder.open(f.a.mailbox, PARTITION, "in.event");
    await f.quiet();
    expect(reader.bodies).toEqual([]);
    reader.want(3);
    await f.until(() => reader.deliveries.length === 3);
    await f.quiet();
    expect(reader.bodies).toEqual(numbers(1, 3));
    reader.want(2);
    await f.until(() => reader.deliveries.length === 5);
    await f.quiet();
    expect(reader.bodies).toEqual(numbers(1, 5));
    reader.verify();
  });

  it("takes the larger of two wants, not their sum", async () => {
    const f = fixture();
    const reader = await Recorder.open(f.a.mailbox, PARTITION, "in.event");
    for (const count of [2, 4, 3]) reader.want(count);
    await publishNumbers(f, 1, 9);
    await f.until(() => reader.deliveries.length === 4);
    await f.quiet();
    expect(reader.bodies).toEqual(numbers(1, 4));
    reader.verify();
  });

  it("stops at zero, and goes on where it stopped", async () => {
    const f = fixture();
    const reader = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 10);
    await publishNumbers(f, 1, 2);
    await f.until(() => reader.deliveries.length === 2);
    reader.want(0);
    await publishNumbers(f, 3, 6);
    await f.quiet();
    expect(reader.bodies).toEqual(numbers(1, 2));
    reader.want(10);
    await f.until(() => reader.deliveries.length === 6);
    expect(reader.bodies).toEqual(numbers(1, 6));
    expect(reader.rewinds).toBe(0);
    reader.verify();
  });

  it("may be asked again from within a delivery", async () => {
    const f = fixture();
    const reader = await Recorder.open(f.a.mailbox, PARTITION, "in.event");
    const receive = reader.receive.bind(reader);
    reader.receive = (delivery) => {
      receive(delivery);
      delivery.acknowledge();
      reader.want(1);
    };
    reader.want(1);
    await publishNumbers(f, 1, 30);
    await f.until(() => reader.deliveries.length === 30);
    expect(reader.bodies).toEqual(numbers(1, 30));
    reader.verify();
  });

  it("loses nothing and doubles nothing while messages come and go", async () => {
    const f = fixture();
    const reader = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 7);
    const receive = reader.receive.bind(reader);
    reader.receive = (delivery) => {
      receive(delivery);
      if (delivery.sequence % 3 !== 0) delivery.acknowledge();
      reader.want(1 + (delivery.sequence % 5));
    };
    await publishNumbers(f, 1, 200);
    await f.until(() => reader.deliveries.length >= 200);
    await f.quiet();
    expect(reader.bodies).toEqual(numbers(1, 200));
    expect(reader.rewinds).toBe(0);
    reader.verify();
  });
}
