import { expect, it } from "vitest";
import type { Address } from "../../src/core/address.ts";
import type { Write } from "../../src/ports/store.ts";
import { addressIn, bytes, take, text, under, type StoreFixture } from "./fixture.ts";
import { Recorder } from "./recorder.ts";
import { record } from "./writes.ts";

const COMMITTED = { kind: "committed" };

/** Mail leaves with its commit, or not at all. */
export function mail(fixture: () => StoreFixture): void {
  it("delivers mail once it is committed, to an actor of a partition that the sender does not own", async () => {
    const f = fixture();
    const from = addressIn(0, f.partitions, "from");
    const to = addressIn(1, f.partitions, "to");
    const reader = await Recorder.open(f.b.mailbox, 1, "mail.event", 10);
    const fence = await take(f.a, 0);
    const letter = { body: bytes("hello"), headers: { "Content-Type": "text/plain" } };
    const outcome = await f.a.store.commit(
      under(0, fence, { kind: "mail", partition: 1, lane: "event", to, message: "m1", letter }, record(0, from, "sent")),
    );
    expect(outcome).toEqual(COMMITTED);
    await f.until(() => reader.deliveries.length === 1);
    const delivery = reader.at(0);
    expect([delivery.partition, delivery.source, delivery.lane, delivery.type, delivery.id]).toEqual([
      1,
      "mail.event",
      "event",
      to.type,
      to.id,
    ]);
    expect([text(delivery.body), delivery.header("Content-Type"), delivery.header("X-None")]).toEqual(["hello", "text/plain", ""]);
    reader.verify();
  });

  it("delivers nothing of a commit that was refused", async () => {
    const f = fixture();
    const to = addressIn(1, f.partitions, "to");
    const reader = await Recorder.open(f.b.mailbox, 1, "mail.event", 10);
    const stale = await take(f.a, 0);
    const fence = await take(f.b, 0);
    const send = (message: string): Write => ({ kind: "mail", partition: 1, lane: "event", to, message, letter: { body: bytes(message) } });
    const from = addressIn(0, f.partitions, "from");
    expect((await f.a.store.commit(under(0, stale, send("no"), record(0, from, "no")))).kind).toBe("conflict");
    expect(await f.b.store.commit(under(0, fence, send("yes"), record(0, from, "yes")))).toEqual(COMMITTED);
    await f.until(() => reader.deliveries.length > 0);
    await f.quiet();
    expect(reader.bodies).toEqual(["yes"]);
  });

  it("forgets mail through a sequence: nobody gets it again, what is behind stays", async () => {
    const f = fixture();
    const to = addressIn(0, f.partitions, "to");
    const fence = await take(f.a, 0);
    const writes = ["1", "2", "3", "4"].map((n): Write => ({
      kind: "mail",
      partition: 0,
      lane: "event",
      to,
      message: `m${n}`,
      letter: { body: bytes(n) },
    }));
    expect(await f.a.store.commit(under(0, fence, ...writes))).toEqual(COMMITTED);
    const first = await Recorder.open(f.a.mailbox, 0, "mail.event", 2);
    await f.until(() => first.deliveries.length === 2);
    for (const delivery of first.deliveries) delivery.acknowledge();
    await f.a.store.forget(0, "mail.event", first.at(1).sequence);
    await first.close();
    const second = await Recorder.open(f.b.mailbox, 0, "mail.event", 10);
    await f.until(() => second.deliveries.length >= 2);
    await f.quiet();
    expect(second.bodies).toEqual(["3", "4"]);
  });

  it("forgets what came to one actor by one lane, through a sequence, and nothing else", async () => {
    const f = fixture();
    const fence = await take(f.a, 0);
    const letterTo = (to: Address, lane: "normal" | "high", n: string): Write => ({
      kind: "mail",
      partition: 0,
      lane,
      to,
      message: `m${n}`,
      letter: { body: bytes(n) },
    });
    const one = addressIn(0, f.partitions, "one");
    const other = addressIn(0, f.partitions, "other");
    const sent = [letterTo(one, "normal", "1"), letterTo(other, "normal", "2"), letterTo(one, "high", "3"), letterTo(one, "normal", "4")];
    expect(await f.a.store.commit(under(0, fence, ...sent))).toEqual(COMMITTED);
    const first = await Recorder.open(f.a.mailbox, 0, "mail.start", 10);
    await f.until(() => first.deliveries.length === 4);
    await f.a.store.forget(0, "mail.start", first.at(2).sequence, { ...one, lane: "normal" });
    await first.close();
    const second = await Recorder.open(f.b.mailbox, 0, "mail.start", 10);
    await f.until(() => second.deliveries.length >= 3);
    await f.quiet();
    expect(second.bodies).toEqual(["2", "3", "4"]);
  });

  it("forgets what came in as it forgets mail: through a sequence, of one actor by one lane, or one alone", async () => {
    const f = fixture();
    const [one, other] = [addressIn(0, f.partitions, "one"), addressIn(0, f.partitions, "other")];
    const sequences: number[] = [];
    for (const [to, body] of [
      [one, "1"],
      [other, "2"],
      [one, "3"],
      [other, "4"],
    ] as const)
      sequences.push(await f.publish({ lane: "normal", to, body: bytes(body) }));
    await f.publish({ lane: "high", to: one, body: bytes("high") });
    await f.a.store.forget(0, "in.normal", sequences[0] as number);
    await f.a.store.forget(0, "in.normal", sequences[3] as number, { ...one, lane: "normal" });
    await f.publish({ lane: "normal", to: other, body: bytes("5") }).then((sequence) => f.a.store.forgetOne(0, "in.normal", sequence));
    await f.a.store.forgetOne(0, "in.normal", sequences[0] as number);
    const reader = await Recorder.open(f.b.mailbox, 0, "in.normal", 10);
    const high = await Recorder.open(f.b.mailbox, 0, "in.high", 10);
    await f.until(() => reader.deliveries.length >= 2 && high.deliveries.length === 1);
    await f.quiet();
    expect([reader.bodies, high.bodies]).toEqual([["2", "4"], ["high"]]);
  });

  it("forgets one source only, and may forget the same again", async () => {
    const f = fixture();
    const to = addressIn(0, f.partitions, "to");
    const fence = await take(f.a, 0);
    const start: Write = { kind: "mail", partition: 0, lane: "normal", to, message: "start", letter: { body: bytes("start") } };
    const event: Write = { kind: "mail", partition: 0, lane: "event", to, message: "event", letter: { body: bytes("event") } };
    await f.a.store.commit(under(0, fence, start, event));
    await f.a.store.forget(0, "mail.event", 1_000_000);
    await f.a.store.forget(0, "mail.event", 1_000_000);
    await f.a.store.forget(0, "mail.event", 0);
    const starts = await Recorder.open(f.a.mailbox, 0, "mail.start", 10);
    await f.until(() => starts.deliveries.length === 1);
    expect(starts.bodies).toEqual(["start"]);
  });
}

/** Dead letters and turns. */
export function kept(fixture: () => StoreFixture): void {
  it("keeps dead letters with their bodies and reasons", async () => {
    const f = fixture();
    const address = addressIn(0, f.partitions, "x");
    const fence = await take(f.a, 0);
    const dead = (name: string): Write => ({
      kind: "dead",
      partition: 0,
      address,
      name,
      letter: { body: bytes(name), headers: { "Troupe-Reason": `why ${name}` } },
    });
    expect(await f.a.store.commit(under(0, fence, dead("in-event-1")))).toEqual(COMMITTED);
    expect(await f.a.store.commit(under(0, fence, dead("in-event-2"), dead("in-event-3")))).toEqual(COMMITTED);
    const found = await f.deadLetters(address);
    expect(found.map((stored) => [stored.name, text(stored.letter.body), stored.letter.headers?.["Troupe-Reason"]])).toEqual(
      [1, 2, 3].map((n) => [`in-event-${n}`, `in-event-${n}`, `why in-event-${n}`]),
    );
    expect(await f.deadLetters(addressIn(0, f.partitions, "other"))).toEqual([]);
  });

  it("keeps turns in order beside the record", async () => {
    const f = fixture();
    const address = addressIn(0, f.partitions, "x");
    const fence = await take(f.a, 0);
    for (const revision of [1, 2]) {
      const turn: Write = { kind: "turn", partition: 0, address, revision, bytes: bytes(`turn ${revision}`) };
      expect(await f.a.store.commit(under(0, fence, turn, record(0, address, String(revision))))).toEqual(COMMITTED);
    }
    await f.until(async () => (await f.turns(address)).length === 2);
    expect((await f.turns(address)).map((turn) => [turn.revision, text(turn.bytes)])).toEqual([
      [1, "turn 1"],
      [2, "turn 2"],
    ]);
  });
}

/** Records that are removed by the server: only where time is virtual, since no server keeps one for less than a minute. */
export function retention(fixture: () => StoreFixture): void {
  it("removes a record when its time is over, not before, and takes a new one", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const [ended, running] = ["ended", "running"].map((name) => addressIn(0, f.partitions, name)) as [never, never];
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, { ...record(0, ended, "ended"), ttlMs: 90_000 }, record(0, running, "running")));
    await f.pass(89_000);
    expect((await f.b.store.load([ended, running])).map(text)).toEqual(["ended", "running"]);
    await f.pass(2_000);
    expect((await f.b.store.load([ended, running])).map(text)).toEqual([undefined, "running"]);
    expect(await f.a.store.commit(under(0, fence, record(0, ended, "again")))).toEqual(COMMITTED);
    await f.pass(200_000);
    expect((await f.b.store.load([ended])).map(text)).toEqual(["again"]);
  });

  it("keeps no record for less than a minute", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const address = addressIn(0, f.partitions, "x");
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, { ...record(0, address, "x"), ttlMs: 10 }));
    await f.pass(59_000);
    expect((await f.b.store.load([address])).map(text)).toEqual(["x"]);
    await f.pass(2_000);
    expect(await f.b.store.load([address])).toEqual([undefined]);
  });

  it("measures the time from the last write", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const address = addressIn(0, f.partitions, "x");
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, { ...record(0, address, "1"), ttlMs: 60_000 }));
    await f.pass(50_000);
    await f.a.store.commit(under(0, fence, { ...record(0, address, "2"), ttlMs: 60_000 }));
    await f.pass(50_000);
    expect((await f.b.store.load([address])).map(text)).toEqual(["2"]);
    await f.pass(11_000);
    expect(await f.b.store.load([address])).toEqual([undefined]);
  });
}
