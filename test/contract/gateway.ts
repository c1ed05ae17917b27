import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cut } from "../../src/core/cover.ts";
import type { Address } from "../../src/core/address.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import type { Gateway, StateChange } from "../../src/ports/gateway.ts";
import type { Write } from "../../src/ports/store.ts";
import { addressIn, bytes, take, text, under } from "./fixture.ts";
import { answers } from "./gateway-answers.ts";
import { addresses, collected, COMMITTED, PARTITION, store, type GatewayFixture } from "./gateway-fixture.ts";
import { limits } from "./gateway-limits.ts";
import { watches } from "./gateway-watches.ts";
import { Recorder } from "./recorder.ts";
import { record } from "./writes.ts";

/** The contract of src/ports/gateway.ts. */
export function gatewayContract(name: string, open: () => Promise<GatewayFixture>): void {
  describe(`gateway: ${name}`, () => {
    let f: GatewayFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("the way in", () => wayIn(() => f));
    describe("records", () => records(() => f));
    describe("watches", () => watches(() => f));
    describe("limits", () => limits(() => f));
    describe("answers", () => answers(() => f));
    describe("what is kept beside records", () => kept(() => f));
  });
}

function wayIn(fixture: () => GatewayFixture): void {
  it("puts starts and events into their mailboxes, with body and headers", async () => {
    const f = fixture();
    const [to] = addresses(f, "x") as [Address];
    await f.gateway.send("high", to, bytes("begin"), { [HEADERS.delay]: "5" });
    await f.gateway.send("event", to, bytes("one"), {});
    await f.gateway.send("event", to, bytes("one"), {});
    const [starts, events] = [
      await Recorder.open(f.a.mailbox, PARTITION, "in.high", 9),
      await Recorder.open(f.a.mailbox, PARTITION, "in.event", 9),
    ];
    await f.until(() => starts.deliveries.length === 1 && events.deliveries.length === 2);
    expect([starts.bodies, starts.at(0).header(HEADERS.delay), events.bodies]).toEqual([["begin"], "5", ["one", "one"]]);
    await starts.close();
    await events.close();
  });

  it("knows which start is on its way, until that is forgotten", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    await f.gateway.send("low", x, bytes("begin"), {});
    expect([await f.gateway.awaits(x), await f.gateway.awaits(y)]).toEqual([true, false]);
    const starts = await Recorder.open(f.a.mailbox, PARTITION, "in.low", 9);
    await f.until(() => starts.deliveries.length === 1);
    starts.at(0).acknowledge();
    await f.a.store.forget(PARTITION, "in.low", starts.at(0).sequence);
    await f.until(async () => !(await f.gateway.awaits(x)));
    await starts.close();
  });

  it("refuses what is too large for a message", async () => {
    const f = fixture();
    const [to] = addresses(f, "x") as [Address];
    const large = new Uint8Array(f.gateway.maxBodyBytes + 1);
    await expect(f.gateway.send("normal", to, large, {})).rejects.toMatchObject({ code: "too_large" });
    await f.gateway.send("normal", to, large.subarray(0, f.gateway.maxBodyBytes - 200), {});
    expect(await f.gateway.awaits(to)).toBe(true);
  });

  it("makes ids that nobody else makes, each one token of a subject", () => {
    const { gateway } = fixture();
    const ids = Array.from({ length: 1_000 }, () => gateway.newId());
    expect(new Set(ids).size).toBe(1_000);
    expect(ids.filter((id) => !/^[A-Za-z0-9_-]{8,64}$/.test(id))).toEqual([]);
  });

  it("gives back what a wait comes to", async () => {
    const f = fixture();
    const [about] = addresses(f, "x") as [Address];
    expect(await f.gateway.attend(about, Promise.resolve(7))).toBe(7);
    await expect(f.gateway.attend(about, Promise.reject(new Error("not so")))).rejects.toThrow("not so");
  });
}

function records(fixture: () => GatewayFixture): void {
  it("reads what is stored now", async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    expect(await f.gateway.read(x)).toBeUndefined();
    const fence = await take(f.a, PARTITION);
    for (const body of ["1", "2"]) {
      await store(f, fence, [x, body]);
      expect(text(await f.gateway.read(x))).toBe(body);
    }
  });

  it("reads, lists and watches a record that lies in parts as one", { timeout: 20_000 }, async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    const fence = await take(f.a, PARTITION);
    const whole = Uint8Array.from({ length: Math.floor(f.a.store.maxWriteBytes * 1.5) }, (_, i) => (i * 31 + (i >> 8)) % 256);
    const { cover, parts } = cut(whole, "mark", f.a.store.maxWriteBytes - 1_024);
    const writes: Write[] = parts.map((part, index) => ({ kind: "part", partition: PARTITION, address: x, index, bytes: part }));
    writes.push({ kind: "record", partition: PARTITION, address: x, bytes: cover });
    expect(await f.a.store.commit(under(PARTITION, fence, ...writes))).toEqual(COMMITTED);
    const isWhole = (given: Uint8Array | undefined): boolean => given !== undefined && Buffer.compare(given, whole) === 0;
    expect(isWhole(await f.gateway.read(x))).toBe(true);
    expect((await collected(f.gateway.records({ type: x.type }))).map((each) => isWhole(each.bytes))).toEqual([true]);
    for await (const { bytes: given } of f.gateway.watch(x)) {
      expect(isWhole(given)).toBe(true);
      break;
    }
  });

  it("lists those that fit, once each, as they are", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const other = addressIn(PARTITION, f.partitions, "z", "other");
    const fence = await take(f.a, PARTITION);
    await store(f, fence, [x, "X"], [other, "O"], [y, "Y"], [x, "X2"]);
    const lists: readonly (readonly [AsyncIterable<StateChange>, readonly string[]])[] = [
      [f.gateway.records({}), ["O", "X2", "Y"]],
      [f.gateway.records({ type: "job" }), ["X2", "Y"]],
      [f.gateway.records({ type: "nobody" }), []],
      [f.gateway.records({ type: "other" }), ["O"]],
    ];
    for (const [list, wanted] of lists) expect(new Set((await collected(list)).map((each) => text(each.bytes)))).toEqual(new Set(wanted));
  });
}

function kept(fixture: () => GatewayFixture): void {
  it("tells the turns of an actor behind a position, oldest first", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    for (const [address, revision] of [
      [x, 1],
      [y, 1],
      [x, 2],
      [x, 3],
    ] as const) {
      const turn: Write = { kind: "turn", partition: PARTITION, address, revision, bytes: bytes(`${address.id} ${revision}`) };
      expect(await f.a.store.commit(under(PARTITION, fence, record(PARTITION, address, String(revision)), turn))).toEqual(COMMITTED);
    }
    await f.until(async () => (await collected(f.gateway.turns(x, 0))).length === 3);
    const turns = await collected(f.gateway.turns(x, 0));
    expect(turns.map((turn) => text(turn.bytes))).toEqual([1, 2, 3].map((revision) => `${x.id} ${revision}`));
    expect((await collected(f.gateway.turns(x, turns[0]?.sequence ?? 0))).map(({ sequence }) => sequence)).toEqual(
      turns.slice(1).map(({ sequence }) => sequence),
    );
    expect(await collected(f.gateway.turns(addressIn(PARTITION, f.partitions, "nobody"), 0))).toEqual([]);
  });

  it("lists dead letters with their headers, and discards each once", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    for (const [address, name] of [
      [x, "d1"],
      [y, "d2"],
      [x, "d3"],
    ] as const) {
      const letter = { body: bytes(name), headers: { [HEADERS.origin]: "event" } };
      await f.a.store.commit(under(PARTITION, fence, { kind: "dead", partition: PARTITION, address, name, letter }));
    }
    const names = async (filter: Parameters<Gateway["deadLetters"]>[0]) =>
      (await collected(f.gateway.deadLetters(filter))).map((letter) => [letter.name, text(letter.body), letter.header(HEADERS.origin)]);
    const d2 = ["d2", "d2", "event"];
    expect(await names({})).toEqual([["d1", "d1", "event"], d2, ["d3", "d3", "event"]]);
    expect(await names(y)).toEqual([d2]);
    expect([await f.gateway.discard(y, "d2"), await f.gateway.discard(y, "d2"), await f.gateway.discard(x, "d9")]).toEqual([
      true,
      false,
      false,
    ]);
    expect((await names({})).map(([name]) => name)).toEqual(["d1", "d3"]);
  });
}
