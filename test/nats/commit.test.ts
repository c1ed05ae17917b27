import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Commit, Write } from "../../src/ports/store.ts";
import { eventually } from "../support/eventually.ts";
import { startRig, type Rig, type System } from "./rig.ts";

let rig: Rig;
let system: System;
let fences: number[];
beforeAll(async () => void (rig = await startRig()));
afterAll(() => rig[Symbol.asyncDispose]());
beforeEach(async () => {
  system = await rig.system();
  fences = [];
  for (let partition = 0; partition < 4; partition++) fences.push((await system.adapter.leases.claim(partition, "me", 0)) as number);
});

const text = (value: string) => Buffer.from(value);
const address = (id: string) => ({ type: "order", id });
const record = (id: string, partition = 0, body = id): Write => ({ kind: "record", partition, address: address(id), bytes: text(body) });
const mail = (id: string, partition = 0): Write => ({
  kind: "mail",
  partition,
  lane: "event",
  to: address(id),
  message: "m1",
  letter: { body: text("{}"), headers: { "Troupe-Kind": "event" } },
});
const under = (writes: readonly Write[], ...partitions: number[]): Commit => ({
  fences: new Map(partitions.map((partition) => [partition, fences[partition] as number])),
  writes,
});
const stale = (writes: readonly Write[], partition: number): Commit => ({
  fences: new Map([...under(writes, 0, 1).fences, [partition, (fences[partition] as number) - 1]]),
  writes,
});

describe("a commit on the wire", () => {
  it("carries its fence when it is alone, as a plain publish", async () => {
    expect(await system.adapter.store.commit(under([record("a")], 0))).toEqual({ kind: "committed" });
    const { head } = (await system.read(system.names.state(address("a")))) as { head: string };
    expect(head).toBe(
      `NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: ${fences[0]}\r\nNats-Expected-Last-Subject-Sequence-Subject: ${system.names.own(0)}\r\n\r\n`,
    );
  });

  it("carries one fence for each partition when it is a batch, with one id and rising numbers", async () => {
    await system.adapter.store.commit(under([mail("z", 3), record("a", 0), record("b", 1)], 0, 1));
    const heads = await Promise.all(
      [system.names.mail(3, "event", address("z"), "m1"), system.names.state(address("a")), system.names.state(address("b"))].map(
        async (subject) => (await system.read(subject))?.head ?? "",
      ),
    );
    const ids = heads.map((head) => /Nats-Batch-Id: (\S+)/.exec(head)?.[1]);
    expect(new Set(ids).size).toBe(1);
    expect(heads.map((head) => /Nats-Batch-Sequence: (\d+)/.exec(head)?.[1])).toEqual(["1", "2", "3"]);
    expect(heads.map((head) => head.includes("Nats-Batch-Commit"))).toEqual([false, false, true]);
    expect(heads.flatMap((head) => /Sequence-Subject: (\S+)/.exec(head)?.[1] ?? [])).toEqual([system.names.own(0), system.names.own(1)]);
    expect(heads[0]).toContain("Troupe-Kind: event");
  });

  it("asks for a time to live of a minute at least", async () => {
    await system.adapter.store.commit(under([{ ...record("a"), ttlMs: 1 } as Write], 0));
    expect((await system.read(system.names.state(address("a"))))?.head).toContain("Nats-TTL: 60\r\n");
  });

  it("smuggles no header in through a letter", async () => {
    const letter = { body: text(""), headers: { "Troupe-Reason": "x\r\nNats-Rollup: all" } };
    await system.adapter.store.commit(under([record("a")], 0));
    expect(await system.adapter.store.commit(under([{ kind: "dead", partition: 0, address: address("d"), name: "n", letter }], 0))).toEqual(
      { kind: "committed" },
    );
    expect(await system.read(system.names.state(address("a")))).toBeDefined();
  });
});

describe("a stale fence", () => {
  it("refuses a single write", async () => {
    await system.adapter.leases.claim(0, "other", fences[0] as number);
    expect(await system.adapter.store.commit(under([record("a")], 0))).toEqual({ kind: "conflict", lost: [0] });
    expect(await system.read(system.names.state(address("a")))).toBeUndefined();
  });

  it("refuses a batch as a whole, naming the partition, whichever it is", async () => {
    for (const partition of [0, 1]) {
      const writes = [record("a", 0), record("b", 1), mail("z", 3), record("c", 0)];
      expect(await system.adapter.store.commit(stale(writes, partition))).toEqual({ kind: "conflict", lost: [partition] });
      for (const id of ["a", "b", "c"]) expect(await system.read(system.names.state(address(id)))).toBeUndefined();
    }
  });

  it("stays refused when header blocks are cached for the new fence", async () => {
    const old = under([record("a", 0, "old")], 0);
    await system.adapter.store.commit(under([record("a", 0, "one")], 0));
    fences[0] = (await system.adapter.leases.claim(0, "me", fences[0] as number)) as number;
    expect(await system.adapter.store.commit(under([record("a", 0, "two")], 0))).toEqual({ kind: "committed" });
    expect(await system.adapter.store.commit(old)).toEqual({ kind: "conflict", lost: [0] });
    expect((await system.read(system.names.state(address("a"))))?.data.toString()).toBe("two");
  });
});

describe("limits", () => {
  it("refuses what is too large before it sends anything", async () => {
    const huge = Buffer.alloc(2 * 1024 * 1024);
    const outcome = await system.adapter.store.commit(
      under([record("a"), { kind: "record", partition: 0, address: address("b"), bytes: huge }], 0),
    );
    expect(outcome).toMatchObject({ kind: "refused", error: { code: "too_large", about: "order/b" } });
    expect(
      await system.adapter.store.commit(under([{ kind: "record", partition: 0, address: address("b"), bytes: huge }], 0)),
    ).toMatchObject({ kind: "refused", error: { code: "too_large" } });
    expect(await system.read(system.names.state(address("a")))).toBeUndefined();
  });

  it("takes the largest write and the largest batch that it promises", async () => {
    const { maxWriteBytes, maxWrites } = system.adapter.store;
    expect(
      await system.adapter.store.commit(
        under([{ kind: "record", partition: 0, address: address("b"), bytes: Buffer.alloc(maxWriteBytes) }], 0),
      ),
    ).toEqual({ kind: "committed" });
    const many = Array.from({ length: maxWrites }, (_, i) => record(`n${i}`));
    expect(await system.adapter.store.commit(under(many, 0))).toEqual({ kind: "committed" });
    expect(await system.adapter.store.commit(under([...many, record("more")], 0))).toMatchObject({
      kind: "refused",
      error: { code: "too_large" },
    });
  });

  it("takes more batches at once than the server does: those that the server has no room for come again", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 260 }, (_, i) => system.adapter.store.commit(under([record(`x${i}`), record(`y${i}`)], 0))),
    );
    expect(outcomes.every(({ kind }) => kind === "committed")).toBe(true);
  });

  it("loads more records than one read holds", async () => {
    const writes = Array.from({ length: 700 }, (_, i) => record(`l${i}`, 0, "x".repeat(2000)));
    await system.adapter.store.commit(under(writes, 0));
    const loaded = await system.adapter.store.load([...writes.map((_, i) => address(`l${699 - i}`)), address("none")]);
    expect(loaded.filter((bytes) => bytes?.length === 2000)).toHaveLength(700);
    expect(loaded.at(-1)).toBeUndefined();
  });

  it("loads records that together exceed what a connection may hold", async () => {
    const big = Buffer.alloc(900_000, 1);
    for (let i = 0; i < 100; i++)
      await system.adapter.store.commit(under([{ kind: "record", partition: 0, address: address(`big${i}`), bytes: big }], 0));
    const loaded = await system.adapter.store.load(Array.from({ length: 100 }, (_, i) => address(`big${i}`)));
    expect(loaded.filter((bytes) => bytes?.length === big.length)).toHaveLength(100);
  });
});

describe("timers", () => {
  const timer = (name: string, dueInMs: number, message = "fired"): Write => ({
    kind: "timer",
    partition: 0,
    owner: address("t"),
    timer: name,
    dueAt: Date.now() + dueInMs,
    message,
    letter: { body: text('{"a":1}'), headers: { "Troupe-Kind": "timer" } },
  });
  const fired = (message = "fired") => system.read(system.names.mail(0, "event", address("t"), message));

  it("fire with no host running, with the letter's headers, and clear themselves", async () => {
    const name = "xstate.after.delay.task.undo.delayed";
    await system.adapter.store.commit(under([timer(name, 300), record("t")], 0));
    await system.adapter.close();
    const message = await eventually("the timer", fired);
    expect(message.data.toString()).toBe('{"a":1}');
    expect(message.head).toContain("Troupe-Kind: timer");
    expect(await system.read(system.names.timer(address("t"), name))).toBeUndefined();
  });

  it("fire at once when they are due already", async () => {
    await system.adapter.store.commit(under([timer("late", -60_000)], 0));
    expect((await eventually("the timer", fired)).data.toString()).toBe('{"a":1}');
  });

  it.each([
    ["alone", []],
    ["in a batch", [record("t")]],
  ])("do not fire when cancelled %s", async (_how, others: Write[]) => {
    await system.adapter.store.commit(under([timer("gone", 400, "gone"), timer("stays", 900, "stays")], 0));
    expect(
      await system.adapter.store.commit(under([{ kind: "cancelTimer", partition: 0, owner: address("t"), timer: "gone" }, ...others], 0)),
    ).toEqual({ kind: "committed" });
    await eventually("the later timer", () => fired("stays"));
    expect(await fired("gone")).toBeUndefined();
  });

  it("fire once, at the later of two times, when replaced", async () => {
    await system.adapter.store.commit(under([timer("same", 200, "first")], 0));
    await system.adapter.store.commit(under([timer("same", 700, "second"), record("t")], 0));
    await eventually("the second", () => fired("second"));
    expect(await fired("first")).toBeUndefined();
  });

  it("survive the server's death", async () => {
    await system.adapter.store.commit(under([timer("far", 1500), record("t")], 0));
    await rig.stop();
    await rig.start();
    const message = await eventually("the timer after a restart", async () => fired().catch(() => undefined), 10_000);
    expect(message.data.toString()).toBe('{"a":1}');
  });
});

describe("turns", () => {
  it("leave CORE by being tidied once HISTORY has had time to source them, those written later with the next ones", async () => {
    const mine = await rig.system({ adapter: { keepTurnsMs: 0 } });
    const fence = (await mine.adapter.leases.claim(0, "me", 0)) as number;
    const turn = (revision: number): Write => ({ kind: "turn", partition: 0, address: address("a"), revision, bytes: text("t") });
    const commit = (revision: number) =>
      mine.adapter.store.commit({ fences: new Map([[0, fence]]), writes: [turn(revision), record("a", 0, `${revision}`)] });
    const isKept = async (revision: number) => (await mine.read(mine.names.turn(0, address("a"), revision))) !== undefined;
    expect(await commit(1)).toEqual({ kind: "committed" });
    await mine.adapter.store.tidy(0);
    await commit(2);
    await mine.adapter.store.tidy(0);
    expect([await isKept(1), await isKept(2)]).toEqual([false, true]);
    await mine.adapter.store.tidy(0);
    await mine.adapter.store.tidy(0);
    expect(await isKept(2)).toBe(false);
    await mine.adapter.store.tidy(0);
  });
});

describe("offers", () => {
  const mine = async () => {
    const opened = await rig.system({ adapter: { keepTurnsMs: 0 } });
    const fence = (await opened.adapter.leases.claim(0, "me", 0)) as number;
    const subject = opened.names.work("normal", address("a"));
    return {
      ...opened,
      offer: () =>
        opened.adapter.store.commit({
          fences: new Map([[0, fence]]),
          writes: [
            { kind: "work", partition: 0, lane: "normal", address: address("a"), letter: { body: text("{}") } },
            record("a", 0, "offered"),
          ],
        }),
      tidy: () => opened.adapter.store.tidy(0),
      inCore: async () => (await opened.read(subject)) !== undefined,
      inWork: async () => (await opened.read(subject, opened.names.streams.work)) !== undefined,
    };
  };

  it("leave CORE by being tidied once WORK has them", async () => {
    const { offer, tidy, inCore, inWork } = await mine();
    expect(await offer()).toEqual({ kind: "committed" });
    await tidy();
    expect(await inCore()).toBe(true);
    await eventually("they are gone from CORE", async () => (await tidy(), !(await inCore())));
    expect(await inWork()).toBe(true);
  });

  it("stay in CORE while there is no WORK to source them", async () => {
    const { offer, tidy, inCore, connection, names } = await mine();
    await connection.request(`$JS.API.STREAM.DELETE.${names.streams.work}`);
    await offer();
    await tidy();
    await expect(tidy()).rejects.toMatchObject({ code: "not_provisioned" });
    expect(await inCore()).toBe(true);
  });
});
