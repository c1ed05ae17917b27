import { expect, it } from "vitest";
import { addressIn, bytes, take, text, under, type StoreFixture } from "./fixture.ts";
import { Recorder } from "./recorder.ts";
import { record, timer } from "./writes.ts";

/** Servers look at their timers four times a second. */
const LATE_MS = 1_500;

/** The part of the store's contract that is about timers. */
export function timers(fixture: () => StoreFixture): void {
  it("fires at its time, into the owner's mail, with its letter", async () => {
    const f = fixture();
    const owner = addressIn(1, f.partitions, "x");
    const reader = await Recorder.open(f.b.mailbox, 1, "mail.event", 10);
    const fence = await take(f.a, 1);
    const dueAt = f.now() + 1_000;
    await f.a.store.commit(under(1, fence, timer(1, owner, "wake", dueAt, "wake-1"), record(1, owner, "asleep")));
    await f.pass(600);
    expect(reader.deliveries).toEqual([]);
    await f.until(() => reader.deliveries.length === 1, 1_000 + LATE_MS);
    const delivery = reader.at(0);
    expect([delivery.lane, delivery.type, delivery.id, text(delivery.body), delivery.header("Troupe-Kind")]).toEqual([
      "event",
      owner.type,
      owner.id,
      "wake-1",
      "timer",
    ]);
    expect(delivery.sentAt).toBeGreaterThanOrEqual(dueAt - 5);
    expect(delivery.sentAt).toBeLessThan(dueAt + LATE_MS);
  });

  it("fires with nobody reading, and once", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, timer(0, owner, "wake", f.now() + 200, "wake-1")));
    await f.pass(200 + LATE_MS);
    const reader = await Recorder.open(f.b.mailbox, 0, "mail.event", 10);
    await f.until(() => reader.deliveries.length > 0);
    await f.quiet();
    expect(reader.bodies).toEqual(["wake-1"]);
  });

  it("fires at once when it is due already", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, timer(0, owner, "wake", f.now() - 60_000, "wake-1"), record(0, owner, "x")));
    await f.until(() => reader.deliveries.length === 1, LATE_MS);
    expect(reader.bodies).toEqual(["wake-1"]);
  });

  it("is replaced by a second of the same name, sooner or later", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    const start = f.now();
    await f.a.store.commit(
      under(0, fence, timer(0, owner, "later", start + 400, "later-1"), timer(0, owner, "sooner", start + 60_000, "sooner-1")),
    );
    await f.a.store.commit(
      under(0, fence, timer(0, owner, "later", start + 2_000, "later-2"), timer(0, owner, "sooner", start + 200, "sooner-2")),
    );
    await f.until(() => reader.deliveries.length === 2, 2_000 + LATE_MS);
    expect(reader.bodies).toEqual(["sooner-2", "later-2"]);
  });

  it("belongs to its actor: the same name elsewhere is another timer", async () => {
    const f = fixture();
    const [x, y] = ["x", "y"].map((name) => addressIn(0, f.partitions, name)) as [never, never];
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    const dueAt = f.now() + 200;
    await f.a.store.commit(under(0, fence, timer(0, x, "wake", dueAt, "x"), timer(0, y, "wake", dueAt, "y")));
    await f.a.store.commit(under(0, fence, { kind: "cancelTimer", partition: 0, owner: x, timer: "wake" }));
    await f.until(() => reader.deliveries.length > 0, 200 + LATE_MS);
    await f.pass(LATE_MS);
    expect(reader.bodies).toEqual(["y"]);
  });

  it("can be cancelled, and set again", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, timer(0, owner, "wake", f.now() + 400, "wake-1"), record(0, owner, "1")));
    expect(
      await f.a.store.commit(under(0, fence, { kind: "cancelTimer", partition: 0, owner, timer: "wake" }, record(0, owner, "2"))),
    ).toEqual({ kind: "committed" });
    await f.pass(400 + LATE_MS);
    expect(reader.bodies).toEqual([]);
    await f.a.store.commit(under(0, fence, timer(0, owner, "wake", f.now() + 100, "wake-2")));
    await f.until(() => reader.deliveries.length === 1, 100 + LATE_MS);
    expect(reader.bodies).toEqual(["wake-2"]);
  });

  it("may be cancelled after it has fired, or without ever having been", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    await f.a.store.commit(under(0, fence, timer(0, owner, "wake", f.now(), "wake-1")));
    await f.until(() => reader.deliveries.length === 1, LATE_MS);
    const cancel = (name: string) => f.a.store.commit(under(0, fence, { kind: "cancelTimer", partition: 0, owner, timer: name }));
    expect(await cancel("wake")).toEqual({ kind: "committed" });
    expect(await cancel("never")).toEqual({ kind: "committed" });
    await f.quiet();
    expect(reader.bodies).toEqual(["wake-1"]);
  });

  it("is withdrawn with its actor's record, whether it is armed, has fired, was withdrawn before or has never been", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    const store = async (bytes: string, withdrawn: string): Promise<void> => {
      const withdrawal = { kind: "cancelTimer", partition: 0, owner, timer: withdrawn } as const;
      expect(await f.a.store.commit(under(0, fence, withdrawal, record(0, owner, bytes)))).toEqual({ kind: "committed" });
      expect((await f.a.store.load([owner])).map(text)).toEqual([bytes]);
    };
    await f.a.store.commit(under(0, fence, timer(0, owner, "fired", f.now(), "fired-1"), timer(0, owner, "wake", f.now() + 500, "wake-1")));
    await f.until(() => reader.deliveries.length === 1, LATE_MS);
    await store("1", "wake");
    await store("2", "wake");
    await f.a.store.commit(under(0, fence, { kind: "cancelTimer", partition: 0, owner, timer: "wake" }));
    await store("3", "wake");
    await store("4", "fired");
    await store("5", "never");
    await f.pass(500 + LATE_MS);
    expect(reader.bodies).toEqual(["fired-1"]);
  });

  it("is not withdrawn by a record that was refused", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const stale = await take(f.a, 0);
    const fence = await take(f.b, 0);
    const reader = await Recorder.open(f.b.mailbox, 0, "mail.event", 10);
    await f.b.store.commit(under(0, fence, timer(0, owner, "wake", f.now() + 300, "wake-1")));
    const withdrawal = { kind: "cancelTimer", partition: 0, owner, timer: "wake" } as const;
    expect(await f.a.store.commit(under(0, stale, withdrawal, record(0, owner, "late")))).toEqual({ kind: "conflict", lost: [0] });
    await f.until(() => reader.deliveries.length === 1, 300 + LATE_MS);
    expect(reader.bodies).toEqual(["wake-1"]);
  });

  it("is not set by a commit that was refused", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.b.mailbox, 0, "mail.event", 10);
    const stale = await take(f.a, 0);
    const fence = await take(f.b, 0);
    const due = f.now() + 100;
    expect((await f.a.store.commit(under(0, stale, timer(0, owner, "wake", due, "no")))).kind).toBe("conflict");
    await f.b.store.commit(under(0, fence, timer(0, owner, "other", due + 200, "yes")));
    await f.until(() => reader.deliveries.length > 0, 300 + LATE_MS);
    expect(reader.bodies).toEqual(["yes"]);
  });

  it("keeps a letter's bytes as they are", async () => {
    const f = fixture();
    const owner = addressIn(0, f.partitions, "x");
    const reader = await Recorder.open(f.a.mailbox, 0, "mail.event", 10);
    const fence = await take(f.a, 0);
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    await f.a.store.commit(
      under(
        0,
        fence,
        { ...timer(0, owner, "wake", f.now(), "w"), letter: { body } },
        { ...timer(0, owner, "empty", f.now(), "e"), letter: { body: bytes("") } },
      ),
    );
    await f.until(() => reader.deliveries.length === 2, LATE_MS);
    expect(reader.deliveries.map((delivery) => delivery.body.length).sort((x, y) => x - y)).toEqual([0, 256]);
    expect(reader.deliveries.some((delivery) => Buffer.from(delivery.body).equals(body))).toBe(true);
  });
}
