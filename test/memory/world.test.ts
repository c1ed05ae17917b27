import { describe, expect, it } from "vitest";
import type { Write } from "../../src/ports/store.ts";
import { addressIn, bytes, text, under } from "../contract/fixture.ts";
import { record, timer } from "../contract/writes.ts";
import { setStage, X, Y } from "./stage.ts";

describe("the way in", () => {
  it("refuses when it is full, and takes more once something is forgotten", async () => {
    const s = await setStage({ inMaxMessages: 2 });
    s.world.publish("normal", X.type, X.id, bytes("1"));
    s.world.publish("event", Y.type, Y.id, bytes("2"));
    expect(() => s.world.publish("low", X.type, X.id, bytes("3"))).toThrow(expect.objectContaining({ code: "in_full" }));
    const inlet = await s.drive(s.host.mailbox.open(0, "in.event", { receive: (delivery) => delivery.acknowledge(), rewound() {} }));
    inlet.want(1);
    await s.clock.settle();
    expect(s.world.unacknowledged(0, "in.event")).toEqual([]);
    expect(() => s.world.publish("low", X.type, X.id, bytes("3"))).toThrow(expect.objectContaining({ code: "in_full" }));
    await s.drive(s.host.store.forget(0, "in.event", 2));
    expect(s.world.publish("low", X.type, X.id, bytes("3"))).toBeGreaterThan(2);
  });

  it("takes a message with a known id for the same one, for two minutes", async () => {
    const s = await setStage();
    const send = () => s.world.publish("event", X.type, X.id, bytes("x"), { "Nats-Msg-Id": "m1" });
    const sequence = send();
    expect(send()).toBe(sequence);
    expect(s.world.messages(0, "in.event")).toHaveLength(1);
    await s.clock.advance(120_000);
    expect(send()).toBeGreaterThan(sequence);
  });
});

describe("what others see", () => {
  it("tells watchers of every change, and of removals when the time is over", async () => {
    const s = await setStage();
    const changes: (string | undefined)[] = [];
    const stop = s.world.watch((change) => changes.push(text(change.bytes) ?? "removed"));
    await s.drive(s.write("1"));
    await s.drive(s.host.store.commit(under(0, s.fence, { ...record(0, X, "2"), ttlMs: 60_000 })));
    await s.clock.advance(60_000);
    expect(changes).toEqual(["1", "2", "removed"]);
    stop();
    await s.drive(s.write("3"));
    expect(changes).toHaveLength(3);
    expect([...s.world.records.keys()]).toEqual([`${X.type}/${X.id}`]);
  });

  it("fires timers with no host attached, and lists those that are set", async () => {
    const s = await setStage();
    await s.drive(s.host.store.commit(under(0, s.fence, timer(0, X, "wake", s.clock.now() + 3_600_000, "wake-1"))));
    s.host.crash();
    expect(s.world.timers.map((set) => set.timer)).toEqual(["wake"]);
    await s.clock.advance(3_600_000);
    expect(s.world.messages(0, "mail.event").map((message) => text(message.body))).toEqual(["wake-1"]);
    expect(s.world.timers).toEqual([]);
    expect(s.steps.filter((step) => step.kind === "timerFired")).toEqual([
      { kind: "timerFired", partition: 0, owner: expect.anything(), timer: "wake" },
    ]);
  });

  it("keeps what left through an outlet, and nothing that was under way when the host died", async () => {
    const s = await setStage();
    const heard: string[] = [];
    s.world.onOutgoing((outgoing) => heard.push(outgoing.kind));
    s.host.outlet.reply("_INBOX.1", bytes("answer"));
    s.host.outlet.event(X, "shipped", bytes("{}"));
    await s.clock.settle();
    s.host.outlet.reply("_INBOX.2", bytes("lost"));
    s.host.crash("lost");
    s.host.outlet.reply("_INBOX.3", bytes("from the grave"));
    await s.clock.settle();
    expect(heard).toEqual(["reply", "event"]);
    expect(s.world.outgoing).toEqual([
      { kind: "reply", host: "host-a", to: "_INBOX.1", body: bytes("answer") },
      { kind: "event", host: "host-a", from: X, name: "shipped", body: bytes("{}") },
    ]);
  });
});

describe("what the runtime may not do", () => {
  it.each<[string, Write]>([
    ["a record in another partition", record(1, X, "x")],
    ["a record without its fence", record(1, addressIn(1, 4, "x"), "x")],
    [
      "mail to a partition that is not its target's",
      { kind: "mail", partition: 2, lane: "event", to: X, message: "m", letter: { body: bytes("") } },
    ],
    ["a timer that is due at no time", { ...timer(0, X, "t", Number.NaN, "t") }],
  ])("refuses %s as a defect", async (_, write) => {
    const s = await setStage();
    expect(await s.drive(s.host.store.commit(under(0, s.fence, write)))).toMatchObject({ kind: "refused", error: { code: "defect" } });
  });

  it("refuses two writes to one place, and a commit of nothing", async () => {
    const s = await setStage();
    for (const writes of [[record(0, X, "1"), record(0, X, "2")], []]) {
      expect(await s.drive(s.host.store.commit(under(0, s.fence, ...writes)))).toMatchObject({
        kind: "refused",
        error: { code: "defect" },
      });
    }
  });

  it("refuses a second batch in flight, and a second single where those may not overlap", async () => {
    for (const singlesOverlap of [true, false]) {
      const s = await setStage({ singlesOverlap });
      const batches = await s.drive(Promise.all([s.write("1", record(0, Y, "1")), s.write("2", record(0, Y, "2"))]));
      expect(batches.map((outcome) => outcome.kind)).toEqual(["committed", "refused"]);
      const singles = await s.drive(Promise.all([s.write("1"), s.write("2")]));
      expect(singles.map((outcome) => outcome.kind)).toEqual(["committed", singlesOverlap ? "committed" : "refused"]);
    }
  });

  it("does not see a caller's buffer change what was stored", async () => {
    const s = await setStage();
    const body = bytes("before");
    await s.drive(s.host.store.commit(under(0, s.fence, { kind: "record", partition: 0, address: X, bytes: body })));
    body.fill(0);
    const [loaded] = await s.drive(s.host.store.load([X]));
    expect(text(loaded)).toBe("before");
    loaded?.fill(0);
    expect(s.stored()).toBe("before");
  });
});
