import { expect, it } from "vitest";
import { LANES, START_LANES } from "../../src/core/address.ts";
import { addressIn, bytes, take, text, under, type MailboxFixture } from "./fixture.ts";
import { Recorder } from "./recorder.ts";
import { letterTo } from "./writes.ts";

/** What a delivery holds, and which source it comes from. */
export function messages(fixture: () => MailboxFixture): void {
  it("delivers each lane of the way in from its own source, to its own partition", async () => {
    const f = fixture();
    const to = addressIn(1, f.partitions, "x");
    for (const lane of LANES) await f.publish({ lane, to, body: bytes(lane) });
    await f.publish({ lane: "normal", to: addressIn(0, f.partitions, "x"), body: bytes("elsewhere") });
    for (const lane of LANES) {
      const reader = await Recorder.open(f.a.mailbox, 1, `in.${lane}`, 10);
      await f.until(() => reader.deliveries.length === 1);
      const delivery = reader.at(0);
      expect([delivery.partition, delivery.source, delivery.lane, delivery.type, delivery.id, text(delivery.body)]).toEqual([
        1,
        `in.${lane}`,
        lane,
        to.type,
        to.id,
        lane,
      ]);
    }
  });

  it("delivers in the order of arrival, whatever the actor", async () => {
    const f = fixture();
    const reader = await Recorder.open(f.a.mailbox, 0, "in.event", 100);
    const sequences: number[] = [];
    for (let i = 0; i < 20; i++)
      sequences.push(await f.publish({ lane: "event", to: addressIn(0, f.partitions, `x${i % 3}`), body: bytes(String(i)) }));
    await f.until(() => reader.deliveries.length === 20);
    expect(reader.bodies).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
    expect(reader.deliveries.map((delivery) => delivery.sequence)).toEqual(sequences);
    reader.verify();
  });

  it("hands over headers, and says nothing of those that are absent", async () => {
    const f = fixture();
    const to = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "in.normal", 10);
    await f.publish({
      lane: "normal",
      to,
      body: bytes("{}"),
      headers: { "Content-Type": "application/json", "Troupe-Reply": "_INBOX.a.b" },
    });
    await f.publish({ lane: "normal", to, body: bytes("{}") });
    await f.until(() => reader.deliveries.length === 2);
    expect(["Content-Type", "Troupe-Reply", "Troupe-Delay"].map((name) => reader.at(0).header(name))).toEqual([
      "application/json",
      "_INBOX.a.b",
      "",
    ]);
    expect(reader.at(1).header("Content-Type")).toBe("");
  });

  it("keeps bodies as they are, empty ones too", async () => {
    const f = fixture();
    const to = addressIn(0, f.partitions, "x");
    const all = Uint8Array.from({ length: 512 }, (_, i) => i % 256);
    const reader = await Recorder.open(f.a.mailbox, 0, "in.event", 10);
    await f.publish({ lane: "event", to, body: all });
    await f.publish({ lane: "event", to, body: new Uint8Array(0) });
    await f.until(() => reader.deliveries.length === 2);
    expect(Buffer.from(reader.at(0).body).equals(all)).toBe(true);
    expect(reader.at(1).body.length).toBe(0);
  });

  it("says when the server stored it, not when it was read", async () => {
    const f = fixture();
    const before = f.now();
    await f.publish({ lane: "event", to: addressIn(0, f.partitions, "x"), body: bytes("x") });
    const after = f.now();
    await f.pass(300);
    const reader = await Recorder.open(f.a.mailbox, 0, "in.event", 10);
    await f.until(() => reader.deliveries.length === 1);
    expect(reader.at(0).sentAt).toBeGreaterThanOrEqual(Math.floor(before));
    expect(reader.at(0).sentAt).toBeLessThanOrEqual(after + 5);
  });

  it("delivers starts of every priority from one source of mail, with their lanes, and events from the other", async () => {
    const f = fixture();
    const to = addressIn(1, f.partitions, "x");
    const fence = await take(f.a, 0);
    const writes = [
      letterTo(1, "low", to, "m-low"),
      letterTo(1, "event", to, "m-event"),
      letterTo(1, "high", to, "m-high"),
      letterTo(1, "normal", to, "m-normal"),
    ];
    expect(await f.a.store.commit(under(0, fence, ...writes))).toEqual({ kind: "committed" });
    const starts = await Recorder.open(f.a.mailbox, 1, "mail.start", 10);
    const events = await Recorder.open(f.a.mailbox, 1, "mail.event", 10);
    await f.until(() => starts.deliveries.length === 3 && events.deliveries.length === 1);
    expect(starts.deliveries.map((delivery) => [delivery.lane, text(delivery.body), delivery.source])).toEqual([
      ["low", "m-low", "mail.start"],
      ["high", "m-high", "mail.start"],
      ["normal", "m-normal", "mail.start"],
    ]);
    expect(events.deliveries.map((delivery) => [delivery.lane, text(delivery.body), delivery.source])).toEqual([
      ["event", "m-event", "mail.event"],
    ]);
    starts.verify();
  });
}

/** Whether a start is on its way. */
export function awaiting(fixture: () => MailboxFixture): void {
  it("knows a start on its way in until it is forgotten", async () => {
    const f = fixture();
    for (const lane of START_LANES) {
      const to = addressIn(0, f.partitions, lane);
      expect(await f.a.mailbox.awaits(to)).toBe(false);
      await f.publish({ lane, to, body: bytes("{}") });
      expect(await f.b.mailbox.awaits(to), "before it is read").toBe(true);
      const reader = await Recorder.open(f.a.mailbox, 0, `in.${lane}`, 10);
      await f.until(() => reader.deliveries.length === 1);
      expect(await f.b.mailbox.awaits(to), "while it is read").toBe(true);
      reader.at(0).acknowledge();
      await f.quiet();
      expect(await f.b.mailbox.awaits(to), "while it may come again").toBe(true);
      await f.a.store.forget(0, `in.${lane}`, reader.at(0).sequence);
      await f.until(async () => !(await f.b.mailbox.awaits(to)));
      await reader.close();
    }
  });

  it("knows a start in the mail until it is forgotten", async () => {
    const f = fixture();
    const to = addressIn(0, f.partitions, "child");
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, letterTo(0, "normal", to, "begin")));
    expect(await f.b.mailbox.awaits(to)).toBe(true);
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.start", 10);
    await f.until(() => reader.deliveries.length === 1);
    expect(await f.b.mailbox.awaits(to)).toBe(true);
    reader.at(0).acknowledge();
    await f.a.store.forget(0, "mail.start", reader.at(0).sequence);
    await f.until(async () => !(await f.b.mailbox.awaits(to)));
  });

  it("takes neither an event nor somebody else's start for one", async () => {
    const f = fixture();
    const to = addressIn(0, f.partitions, "x");
    await f.publish({ lane: "event", to, body: bytes("{}") });
    await f.publish({ lane: "normal", to: addressIn(0, f.partitions, "y"), body: bytes("{}") });
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, letterTo(0, "event", to, "m")));
    expect(await f.a.mailbox.awaits(to)).toBe(false);
  });
}
