import { describe, expect, it } from "vitest";
import { ProcessClock } from "../../src/memory/process-clock.ts";
import type { StepKind } from "../../src/memory/steps.ts";
import { bytes, signOf } from "../contract/fixture.ts";
import { Recorder } from "../contract/recorder.ts";
import { setStage, spy, X } from "./stage.ts";

describe("a crash", () => {
  it.each<[StepKind, "lost" | "arrives", string | undefined]>([
    ["commitSent", "lost", undefined],
    ["commitSent", "arrives", undefined],
    ["commitReceived", "lost", "1"],
    ["commitApplied", "lost", "1"],
    ["commitAnswered", "lost", "1"],
  ])("at %s, with what is under way %s", async (kind, underWay, stored) => {
    const s = await setStage();
    s.world.onStep((step) => {
      if (step.kind === kind) s.host.crash(underWay);
    });
    const commit = spy(s.write("1"));
    await s.clock.advance(1_000);
    expect([commit.state, s.stored(), s.host.phase]).toEqual(["waiting", stored, "dead"]);
  });

  it("leaves a commit under way to the fault: lost, stored without an answer, or as the seed says", async () => {
    const outcomes = new Set<string>();
    for (const [underWay, seed] of [
      ["lost", 1],
      ["arrives", 1],
      ...Array.from({ length: 20 }, (_, i) => ["seeded", i] as const),
    ] as const) {
      const s = await setStage({ seed, maxLatencyMs: 10 });
      const commit = spy(s.write("1"));
      s.host.crash(underWay);
      await s.clock.advance(100);
      expect(commit.state).toBe("waiting");
      outcomes.add(`${underWay}: ${s.stored() ?? "nothing"}`);
    }
    expect([...outcomes].sort()).toEqual(["arrives: 1", "lost: nothing", "seeded: 1", "seeded: nothing"]);
  });

  it("lets a first part of what was sent arrive, never a later one without the earlier", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const s = await setStage({ seed, maxLatencyMs: 10 });
      const applied: number[] = [];
      s.world.onStep((step) => {
        if (step.kind === "commitApplied") applied.push(applied.length);
      });
      for (let i = 0; i < 10; i++) void s.write(String(i));
      s.host.crash("seeded");
      await s.clock.advance(100);
      expect(s.stored()).toBe(applied.length === 0 ? undefined : String(applied.length - 1));
    }
  });

  it("at a delivery: it is not received, and comes again to the next host", async () => {
    const s = await setStage();
    s.world.publish("event", X.type, X.id, bytes("1"));
    s.world.onStep((step) => {
      if (step.kind === "delivered" && step.host === "host-a") s.host.crash();
    });
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 10));
    await s.clock.settle();
    expect(reader.deliveries).toEqual([]);
    const next = await s.drive(Recorder.open(s.world.attach("host-b").mailbox, 0, "in.event", 10));
    await s.clock.settle();
    expect(next.bodies).toEqual(["1"]);
  });

  it("answers nothing afterwards, and reads nothing", async () => {
    const s = await setStage();
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 10));
    s.host.crash();
    const asked = [s.host.store.load([X]), s.host.leases.owners(), s.host.leases.beat(signOf("host-a")), s.write("1")].map((promise) =>
      spy(promise as Promise<unknown>),
    );
    s.world.publish("event", X.type, X.id, bytes("1"));
    await s.clock.advance(10_000);
    expect(asked.map((seen) => seen.state)).toEqual(["waiting", "waiting", "waiting", "waiting"]);
    expect(reader.deliveries).toEqual([]);
  });
});

describe("a lost connection", () => {
  it("ends requests and makes commits unknown, then refuses at once, then works again", async () => {
    const s = await setStage({ maxLatencyMs: 10 });
    const [commit, load] = [spy(s.write("1")), spy(s.host.store.load([X]))];
    s.host.disconnect("lost");
    await s.clock.settle();
    expect([commit.value?.kind, load.error]).toEqual(["unknown", expect.objectContaining({ code: "no_answer" })]);
    const [later, owners] = [spy(s.write("2")), spy(s.host.leases.owners())];
    await s.clock.settle();
    expect([later.value?.kind, owners.error]).toEqual(["unknown", expect.objectContaining({ code: "no_connection" })]);
    s.host.reconnect();
    expect(await s.drive(s.write("3"))).toEqual({ kind: "committed" });
    expect(s.stored()).toBe("3");
  });

  it("rewinds every inlet when it is back", async () => {
    const s = await setStage();
    for (const body of ["1", "2", "3"]) s.world.publish("event", X.type, X.id, bytes(body));
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 10));
    await s.clock.settle();
    const before = reader.deliveries;
    await s.drive(s.host.store.forget(0, "in.event", before[0]?.sequence as number));
    before[1]?.acknowledge();
    s.host.disconnect("lost");
    s.world.publish("event", X.type, X.id, bytes("4"));
    await s.clock.advance(5_000);
    s.host.reconnect();
    before[2]?.acknowledge();
    await s.clock.settle();
    expect([reader.bodies, reader.rewinds]).toEqual([["2", "3", "4"], 1]);
    reader.verify();
  });

  it("loses what was on its way to the host", async () => {
    const s = await setStage({ maxLatencyMs: 50 });
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 10));
    await s.clock.advance(100);
    s.world.publish("event", X.type, X.id, bytes("1"));
    s.host.disconnect("arrives");
    await s.clock.advance(1_000);
    expect(reader.everything).toEqual([]);
  });

  it("does not take a source back from a host that opened it meanwhile, until that has gone", async () => {
    const s = await setStage();
    s.world.publish("event", X.type, X.id, bytes("1"));
    const reader = await s.drive(Recorder.open(s.host.mailbox, 0, "in.event", 10));
    await s.clock.settle();
    s.host.disconnect();
    const other = await s.drive(Recorder.open(s.world.attach("host-b").mailbox, 0, "in.event", 10));
    s.host.reconnect();
    await s.clock.settle();
    s.world.publish("event", X.type, X.id, bytes("2"));
    await s.clock.settle();
    expect([reader.bodies, other.bodies]).toEqual([[], ["1", "2"]]);
    await other.close();
    await s.clock.settle();
    expect(reader.bodies).toEqual(["1", "2"]);
  });
});

describe("a reader from the grave", () => {
  it("does not starve the host that replaced it, before or after that loses its connection", async () => {
    const s = await setStage({ maxLatencyMs: 50 });
    s.world.publish("event", X.type, X.id, bytes("1"));
    void s.host.mailbox.open(0, "in.event", { receive() {}, rewound() {} });
    s.host.crash("arrives");
    const next = s.world.attach("host-b");
    const reader = await s.drive(Recorder.open(next.mailbox, 0, "in.event", 10));
    await s.clock.advance(1_000);
    expect(reader.bodies).toEqual(["1"]);
    next.disconnect();
    await s.clock.advance(1_000);
    next.reconnect();
    await s.clock.advance(1_000);
    expect([reader.bodies, s.world.unacknowledged(0, "in.event").length]).toEqual([["1"], 1]);
    reader.verify();
  });
});

describe("a frozen process", () => {
  it("gets no answer and no delivery until it wakes, while what it had sent arrives", async () => {
    const s = await setStage();
    const process = new ProcessClock(s.clock);
    const frozen = s.world.attach("host-z", process);
    const reader = await s.drive(Recorder.open(frozen.mailbox, 0, "in.event", 10));
    const claim = spy(frozen.leases.claim(1, "host-z", 0));
    process.freeze();
    s.world.publish("event", X.type, X.id, bytes("1"));
    await s.clock.advance(60_000);
    expect([claim.state, reader.deliveries, s.world.owner(1).host]).toEqual(["waiting", [], "host-z"]);
    process.thaw();
    await s.clock.settle();
    expect([claim.value, reader.bodies]).toEqual([s.world.owner(1).fence, ["1"]]);
  });
});

describe("determinism", () => {
  it("repeats every step for a seed, and not for another", async () => {
    const run = async (seed: number): Promise<string> => {
      const s = await setStage({ seed, maxLatencyMs: 7 });
      const other = s.world.attach("host-b");
      const reader = await s.drive(Recorder.open(other.mailbox, 0, "in.event", 100));
      for (let i = 0; i < 20; i++) {
        s.world.publish("event", X.type, X.id, bytes(String(i)));
        void s.write(String(i));
        void other.leases.claim(i % 4, "host-b", 0).catch(() => {});
        await s.clock.advance(1);
        reader.deliveries.at(-1)?.acknowledge();
      }
      await s.clock.advance(100);
      return JSON.stringify(s.steps.map((step) => [step.kind, "host" in step ? step.host : ""]));
    };
    expect(await run(3)).toBe(await run(3));
    expect(await run(3)).not.toBe(await run(4));
  });
});

describe("a way that stalls", () => {
  it("to the server: what is sent arrives once it flows, in order, and is answered no_answer meanwhile", async () => {
    const s = await setStage();
    s.host.stall("up");
    const [first, second] = [spy(s.write("1")), spy(s.write("2"))];
    await s.clock.advance(4_999);
    expect([first.state, second.state, s.stored()]).toEqual(["waiting", "waiting", undefined]);
    await s.clock.advance(1);
    expect(first.value).toMatchObject({ kind: "unknown", cause: { code: "no_answer" } });
    s.host.flow("up");
    await s.clock.settle();
    expect(s.stored()).toBe("2");
    await s.drive(s.write("3"));
    expect(s.stored()).toBe("3");
  });

  it("from the server: it does what it is asked, and nobody hears of it in time", async () => {
    const s = await setStage();
    s.host.stall("down");
    const commit = spy(s.write("1"));
    await s.clock.advance(1_000);
    expect([commit.state, s.stored()]).toEqual(["waiting", "1"]);
    s.host.flow("down");
    await s.clock.settle();
    expect(commit.value).toEqual({ kind: "committed" });
  });

  it("holds what was under way already, and lets it go when the host dies", async () => {
    const s = await setStage({ maxLatencyMs: 10 });
    const commit = spy(s.write("1"));
    s.host.stall("up");
    await s.clock.advance(1_000);
    expect(s.stored()).toBeUndefined();
    s.host.crash("arrives");
    await s.clock.advance(1_000);
    expect([commit.state, s.stored()]).toEqual(["waiting", "1"]);
  });

  it("flows again after a reconnect", async () => {
    const s = await setStage();
    s.host.stall("up");
    s.host.stall("down");
    s.host.disconnect("lost");
    s.host.reconnect();
    await s.drive(s.write("1"));
    expect(s.stored()).toBe("1");
  });
});
