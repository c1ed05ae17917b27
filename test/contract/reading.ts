import { expect, it } from "vitest";
import { addressIn, take, under, type MailboxFixture } from "./fixture.ts";
import { numbers, publishNumbers } from "./numbers.ts";
import { Recorder } from "./recorder.ts";
import { letterTo } from "./writes.ts";

const PARTITION = 0;

/** What comes again after a source is opened again. */
export function reopening(fixture: () => MailboxFixture): void {
  it("begins with the first that is not forgotten, in order, whatever was acknowledged", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 8);
    const first = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 6);
    await f.until(() => first.deliveries.length === 6);
    for (const index of [0, 2, 3]) first.at(index).acknowledge();
    await f.quiet();
    await f.a.store.forget(PARTITION, "in.event", first.at(0).sequence);
    await first.close();
    const second = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 10);
    await f.until(() => second.deliveries.length === 7);
    await f.quiet();
    expect(second.bodies).toEqual(numbers(2, 8));
    expect(second.deliveries.slice(0, 5).map((delivery) => delivery.sequence)).toEqual(
      first.deliveries.slice(1).map((each) => each.sequence),
    );
    second.verify();
  });

  it("puts what comes again before what is new", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 3);
    const first = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 3);
    await f.until(() => first.deliveries.length === 3);
    await first.close();
    await publishNumbers(f, 4, 6);
    const second = await Recorder.open(f.b.mailbox, PARTITION, "in.event", 10);
    await f.until(() => second.deliveries.length === 6);
    expect(second.bodies).toEqual(numbers(1, 6));
  });

  it("never delivers again what was forgotten", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 4);
    const first = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 4);
    await f.until(() => first.deliveries.length === 4);
    for (const delivery of first.deliveries) delivery.acknowledge();
    first.at(0).acknowledge();
    await f.a.store.forget(PARTITION, "in.event", first.at(3).sequence);
    await first.close();
    await publishNumbers(f, 5, 5);
    for (const side of [f.a, f.b]) {
      const again = await Recorder.open(side.mailbox, PARTITION, "in.event", 10);
      await f.until(() => again.deliveries.length > 0);
      await f.quiet();
      expect(again.bodies).toEqual(["5"]);
      await again.close();
    }
  });

  it("delivers mail again that was not acknowledged", async () => {
    const f = fixture();
    const to = addressIn(PARTITION, f.partitions, "x");
    const fence = await take(f.a, PARTITION);
    await f.a.store.commit(under(PARTITION, fence, ...numbers(1, 4).map((n) => letterTo(PARTITION, "event", to, n))));
    const first = await Recorder.open(f.a.mailbox, PARTITION, "mail.event", 3);
    await f.until(() => first.deliveries.length === 3);
    await first.close();
    const second = await Recorder.open(f.b.mailbox, PARTITION, "mail.event", 10);
    await f.until(() => second.deliveries.length === 4);
    expect(second.bodies).toEqual(numbers(1, 4));
    expect(second.at(0).sequence).toBe(first.at(0).sequence);
    second.verify();
  });

  it("delivers mail again that was acknowledged, unless it was forgotten", async () => {
    const f = fixture();
    const to = addressIn(PARTITION, f.partitions, "x");
    const fence = await take(f.a, PARTITION);
    await f.a.store.commit(under(PARTITION, fence, ...numbers(1, 5).map((n) => letterTo(PARTITION, "event", to, n))));
    const first = await Recorder.open(f.a.mailbox, PARTITION, "mail.event", 5);
    await f.until(() => first.deliveries.length === 5);
    for (const index of [0, 1, 3]) first.at(index).acknowledge();
    await f.a.store.forget(PARTITION, "mail.event", first.at(0).sequence);
    await first.close();
    const second = await Recorder.open(f.b.mailbox, PARTITION, "mail.event", 10);
    await f.until(() => second.bodies.includes("5"));
    await f.quiet();
    // Marks in the records absorb it.
    expect(second.bodies).toEqual(numbers(2, 5));
    second.verify();
  });

  it("delivers nothing after it was closed", async () => {
    const f = fixture();
    const reader = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 10);
    await publishNumbers(f, 1, 1);
    await f.until(() => reader.deliveries.length === 1);
    await reader.close();
    await publishNumbers(f, 2, 3);
    await f.quiet();
    expect(reader.bodies).toEqual(["1"]);
    await reader.close();
  });
}

/** A second host opens what a first one reads. */
export function superseding(fixture: () => MailboxFixture): void {
  it("gives the new reader everything that is not forgotten, and what is new", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 4);
    const old = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 4);
    await f.until(() => old.deliveries.length === 4);
    for (const index of [0, 1]) old.at(index).acknowledge();
    await f.a.store.forget(PARTITION, "in.event", old.at(0).sequence);
    const reader = await Recorder.open(f.b.mailbox, PARTITION, "in.event", 10);
    await publishNumbers(f, 5, 6);
    await f.until(() => reader.deliveries.length === 5);
    await f.quiet();
    expect(reader.bodies).toEqual(numbers(2, 6));
    expect(old.everything).toHaveLength(4);
    reader.verify();
  });

  it("does not heed the old reader's acknowledgements of what the new one has yet to get", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 3);
    const old = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 3);
    await f.until(() => old.deliveries.length === 3);
    const reader = await Recorder.open(f.b.mailbox, PARTITION, "in.event");
    for (const delivery of old.everything) delivery.acknowledge();
    await f.quiet();
    reader.want(10);
    await f.until(() => reader.deliveries.length === 3);
    expect(reader.bodies).toEqual(numbers(1, 3));
  });

  it("gives the old reader nothing more, even where it still wants something", async () => {
    const f = fixture();
    if (!f.capabilities.supersededReadersStarve) return;
    const old = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 100);
    await publishNumbers(f, 1, 2);
    await f.until(() => old.deliveries.length === 2);
    const reader = await Recorder.open(f.b.mailbox, PARTITION, "in.event", 100);
    await publishNumbers(f, 3, 6);
    old.want(200);
    await f.until(() => reader.deliveries.length === 6);
    await f.quiet();
    expect(old.everything).toHaveLength(2);
    expect(reader.rewinds).toBe(0);
    reader.verify();
  });

  it("takes over from a reader whose host died", async () => {
    const f = fixture();
    await publishNumbers(f, 1, 3);
    const old = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 100);
    await f.until(() => old.deliveries.length === 3);
    old.at(0).acknowledge();
    await f.a.store.forget(PARTITION, "in.event", old.at(0).sequence);
    await f.killA();
    const reader = await Recorder.open(f.b.mailbox, PARTITION, "in.event", 100);
    await publishNumbers(f, 4, 4);
    await f.until(() => reader.deliveries.length === 3);
    expect(reader.bodies).toEqual(numbers(2, 4));
  });

  it("keeps partitions and sources apart", async () => {
    const f = fixture();
    const one = await Recorder.open(f.a.mailbox, 0, "in.event", 10);
    await Recorder.open(f.b.mailbox, 1, "in.event", 10);
    await Recorder.open(f.b.mailbox, 0, "in.normal", 10);
    await publishNumbers(f, 1, 2);
    await f.until(() => one.deliveries.length === 2);
    await publishNumbers(f, 3, 3);
    await f.until(() => one.deliveries.length === 3);
    expect([one.bodies, one.rewinds]).toEqual([numbers(1, 3), 0]);
  });
}
