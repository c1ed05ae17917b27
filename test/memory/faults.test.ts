import { describe, expect, it } from "vitest";
import { Random } from "../../src/memory/random.ts";
import { TroupeError } from "../../src/core/errors.ts";
import { bytes, signOf } from "../contract/fixture.ts";
import { Recorder } from "../contract/recorder.ts";
import { record } from "../contract/writes.ts";
import { setStage, spy, X, Y } from "./stage.ts";

describe("commits that go wrong", () => {
  it("is unknown and stored, or unknown and not", async () => {
    const s = await setStage();
    s.world.faults.failCommits({ kind: "unknown", stored: false }).failCommits({ kind: "unknown", stored: true });
    expect((await s.drive(s.write("1"))).kind).toBe("unknown");
    expect(s.stored()).toBeUndefined();
    expect((await s.drive(s.write("2"))).kind).toBe("unknown");
    expect(s.stored()).toBe("2");
    expect((await s.drive(s.write("3"))).kind).toBe("committed");
  });

  it("is stored after its unknown answer, unless its fence has moved by then", async () => {
    const s = await setStage();
    s.world.faults.failCommits({ kind: "late", afterMs: 500 }, { times: 2 });
    expect((await s.drive(s.write("late"))).kind).toBe("unknown");
    expect(s.stored()).toBeUndefined();
    await s.clock.advance(500);
    expect(s.stored()).toBe("late");
    expect((await s.drive(s.write("too late"))).kind).toBe("unknown");
    await s.drive(s.host.leases.claim(0, "host-a", s.fence));
    await s.clock.advance(500);
    expect(s.stored()).toBe("late");
  });

  it("is refused with the error that was asked for, and conflicts over what was asked for", async () => {
    const s = await setStage();
    const error = new TroupeError("too_large", "no");
    s.world.faults
      .failCommits({ kind: "refused", error })
      .failCommits({ kind: "conflict" })
      .failCommits({ kind: "conflict", lost: [3] });
    expect(await s.drive(s.write("1"))).toEqual({ kind: "refused", error });
    expect(await s.drive(s.write("2"))).toEqual({ kind: "conflict", lost: [0] });
    expect(await s.drive(s.write("3"))).toEqual({ kind: "conflict", lost: [3] });
    expect(s.stored()).toBeUndefined();
  });

  it("is delayed, and judged when it is applied", async () => {
    const s = await setStage();
    s.world.faults.failCommits({ kind: "delayed", byMs: 1_000 }, { times: 2 });
    const first = spy(s.write("delayed"));
    await s.clock.advance(999);
    expect([first.state, s.stored()]).toEqual(["waiting", undefined]);
    await s.clock.advance(1);
    expect([first.value, s.stored()]).toEqual([{ kind: "committed" }, "delayed"]);
    const second = spy(s.write("stale"));
    await s.clock.settle();
    await s.drive(s.host.leases.claim(0, "host-b", s.fence));
    await s.clock.advance(1_000);
    expect([second.value, s.stored()]).toEqual([{ kind: "conflict", lost: [0] }, "delayed"]);
  });

  it("meets only the commits that a rule is for, as often as it says", async () => {
    const s = await setStage();
    s.world.faults.failCommits(
      { kind: "unknown", stored: false },
      { times: 2, when: (commit) => commit.host === "host-a" && commit.writes.length > 1 },
    );
    const outcomes = [];
    for (let i = 0; i < 4; i++) outcomes.push((await s.drive(s.write("x"))).kind, (await s.drive(s.write("x", record(0, Y, "y")))).kind);
    expect(outcomes).toEqual(["committed", "unknown", "committed", "unknown", "committed", "committed", "committed", "committed"]);
  });

  it("fails now and then, the same way for the same seed", async () => {
    const run = async (seed: number): Promise<string[]> => {
      const s = await setStage();
      const random = new Random(seed);
      s.world.faults.failCommits({ kind: "unknown", stored: false }, { times: Number.POSITIVE_INFINITY, when: () => random.chance(0.3) });
      const kinds: string[] = [];
      for (let i = 0; i < 30; i++) kinds.push((await s.drive(s.write("x"))).kind);
      return kinds;
    };
    expect(await run(4)).toEqual(await run(4));
    expect(new Set(await run(4))).toEqual(new Set(["committed", "unknown"]));
  });

  it("ends with the plan", async () => {
    const s = await setStage();
    s.world.faults.failCommits({ kind: "conflict" }, { times: 10 }).clear();
    expect(await s.drive(s.write("x"))).toEqual({ kind: "committed" });
  });
});

describe("requests and acknowledgements that go wrong", () => {
  it("loses a claim's answer, with and without the claim", async () => {
    const s = await setStage();
    s.world.faults.failRequests("claim", { applied: false }).failRequests("claim", { applied: true });
    await expect(s.drive(s.host.leases.claim(1, "host-a", 0))).rejects.toMatchObject({ code: "no_answer" });
    expect(s.world.owner(1).fence).toBe(0);
    await expect(s.drive(s.host.leases.claim(1, "host-a", 0))).rejects.toMatchObject({ code: "no_answer" });
    expect(s.world.owner(1).host).toBe("host-a");
  });

  it("loses beats of one host", async () => {
    const s = await setStage();
    const other = s.world.attach("host-b");
    s.world.faults.loseBeats({ when: (host) => host === "host-b" });
    await s.drive(s.host.leases.beat(signOf("host-a")));
    await expect(s.drive(other.leases.beat(signOf("host-b")))).rejects.toMatchObject({ code: "no_answer" });
    expect(await s.drive(s.host.leases.alive("host-b"))).toBe(false);
    await s.drive(other.leases.beat(signOf("host-b")));
    expect(await s.drive(s.host.leases.alive("host-b"))).toBe(true);
  });

  it("drops acknowledgements: the message stays unacknowledged", async () => {
    const s = await setStage();
    for (const body of ["1", "2"]) s.world.publish("event", X.type, X.id, bytes(body));
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 10));
    await s.clock.settle();
    s.world.faults.dropAcks();
    for (const delivery of reader.deliveries) delivery.acknowledge();
    await s.clock.settle();
    expect(s.world.unacknowledged(0, "in.event").map(({ sequence }) => sequence)).toEqual([1]);
    reader.verify();
  });

  it("rewinds: tells it first, voids what was before, keeps what is wanted", async () => {
    const s = await setStage();
    for (const body of ["1", "2", "3"]) s.world.publish("event", X.type, X.id, bytes(body));
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 7));
    await s.clock.settle();
    const before = reader.deliveries;
    s.world.rewind(0, "in.event");
    await s.clock.settle();
    expect(reader.bodies).toEqual(["1", "2", "3"]);
    for (const delivery of before) delivery.acknowledge();
    await s.clock.settle();
    expect(s.world.unacknowledged(0, "in.event")).toHaveLength(3);
    s.world.publish("event", X.type, X.id, bytes("4"));
    s.world.publish("event", X.type, X.id, bytes("5"));
    await s.clock.settle();
    expect(reader.bodies, "seven were asked for, seven came").toEqual(["1", "2", "3", "4"]);
  });

  it("rewinds: what was acknowledged but not forgotten comes again", async () => {
    const s = await setStage();
    const letter = (message: string) =>
      ({ kind: "mail", partition: 0, lane: "event", to: X, message, letter: { body: bytes(message) } }) as const;
    await s.drive(s.write("x", letter("1"), letter("2")));
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "mail.event", 10));
    await s.clock.settle();
    for (const delivery of reader.deliveries) delivery.acknowledge();
    await s.clock.settle();
    expect(s.world.unacknowledged(0, "mail.event")).toEqual([]);
    await s.drive(s.host.store.forget(0, "mail.event", reader.at(0).sequence));
    s.world.rewind(0, "mail.event");
    await s.clock.settle();
    expect(reader.bodies).toEqual(["2"]);
  });
});
