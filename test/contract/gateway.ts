import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cut } from "../../src/core/cover.ts";
import type { Address } from "../../src/core/address.ts";
import { HEADERS } from "../../src/core/envelope.ts";
import { TroupeError } from "../../src/core/errors.ts";
import type { Gateway, StateChange } from "../../src/ports/gateway.ts";
import type { Write } from "../../src/ports/store.ts";
import { addressIn, bytes, take, text, under, type Fixture } from "./fixture.ts";
import { Recorder } from "./recorder.ts";
import { record } from "./writes.ts";

/** Two hosts, and a client on a connection of its own. */
export interface GatewayFixture extends Fixture {
  readonly gateway: Gateway;
  /** An answer, as hosts send them. */
  reply(to: string, body: Uint8Array): Promise<void>;
  /** A host answers verbs from now on. */
  serve(answer: (verb: string, body: Uint8Array) => Promise<Uint8Array>): void;
  /** The client's connection breaks, and is there again when this resolves. */
  interrupt(): Promise<void>;
}

const COMMITTED = { kind: "committed" };
const PARTITION = 0;

/** The contract of src/ports/gateway.ts. */
export function gatewayContract(name: string, open: () => Promise<GatewayFixture>): void {
  describe(`gateway: ${name}`, () => {
    let f: GatewayFixture;
    beforeEach(async () => void (f = await open()));
    afterEach(() => f.dispose());

    describe("the way in", () => wayIn(() => f));
    describe("records", () => records(() => f));
    describe("watches", () => watches(() => f));
    describe("answers", () => answers(() => f));
    describe("what is kept beside records", () => kept(() => f));
  });
}

/** Stores records, one commit each. */
async function store(f: GatewayFixture, fence: number, ...each: (readonly [Address, string])[]): Promise<void> {
  for (const [address, body] of each)
    expect(await f.a.store.commit(under(PARTITION, fence, record(PARTITION, address, body)))).toEqual(COMMITTED);
}

const addresses = (f: Fixture, ...names: readonly string[]): readonly Address[] =>
  names.map((name) => addressIn(PARTITION, f.partitions, name));

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

  it("knows which start is on its way, until that is acknowledged", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    await f.gateway.send("low", x, bytes("begin"), {});
    expect([await f.gateway.awaits(x), await f.gateway.awaits(y)]).toEqual([true, false]);
    const starts = await Recorder.open(f.a.mailbox, PARTITION, "in.low", 9);
    await f.until(() => starts.deliveries.length === 1);
    starts.at(0).acknowledge();
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
    for (const all of [f.gateway.records({ type: x.type }), f.gateway.watch({ type: x.type }, { current: true })])
      expect((await collected(all)).map((each) => isWhole(each.bytes))).toEqual([true]);
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
      [f.gateway.watch({}, { current: true }), ["O", "X2", "Y"]],
      [f.gateway.watch({ type: "other" }, { current: true }), ["O"]],
      [f.gateway.watch({ type: "job", id: y.id }, { current: true }), ["Y"]],
      [f.gateway.watch({ type: "nobody" }, { current: true }), []],
    ];
    for (const [list, wanted] of lists) expect(new Set((await collected(list)).map((each) => text(each.bytes)))).toEqual(new Set(wanted));
  });
}

function watches(fixture: () => GatewayFixture): void {
  it("tells of all that fit what is stored, then every change in order", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    await store(f, fence, [x, "X1"], [addressIn(PARTITION, f.partitions, "z", "other"), "no"]);
    const seen = following(f.gateway.watch({ type: "job" }, {}));
    await f.until(() => seen.bodies.length === 1);
    await store(f, fence, [x, "X2"], [y, "Y1"], [x, "X3"]);
    await f.until(() => seen.bodies.length === 4);
    expect(seen.bodies).toEqual(["X1", "X2", "Y1", "X3"]);
  });

  it("tells of one actor up to its last state, and ends with the signal", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    const over = new AbortController();
    const seen = following(f.gateway.watch(x, { signal: over.signal }));
    await f.quiet();
    for (let i = 0; i < 20; i++) await store(f, fence, [x, String(i)], [y, "no"]);
    await f.until(() => seen.bodies.at(-1) === "19");
    expect(seen.bodies.map(Number), "in order").toEqual([...new Set(seen.bodies.map(Number))].sort((a, b) => a - b));
    over.abort();
    await f.until(() => seen.isOver);
    expect((await collected(f.gateway.watch(x, { signal: over.signal }))).length, "aborted before").toBe(0);
  });

  it("ends with the record of its actor", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const [x] = addresses(f, "x") as [Address];
    const fence = await take(f.a, PARTITION);
    const seen = following(f.gateway.watch(x, {}));
    await f.a.store.commit(under(PARTITION, fence, { ...record(PARTITION, x, "ended"), ttlMs: 60_000 }));
    await f.pass(61_000);
    await f.until(() => seen.isOver);
    expect(seen.bodies).toEqual(["ended", undefined]);
  });

  it("goes on over a connection that broke, with what happened meanwhile", { timeout: 20_000 }, async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    await store(f, fence, [x, "X1"]);
    const [all, one] = [following(f.gateway.watch({ type: "job" }, {})), following(f.gateway.watch(x, {}))];
    await f.until(() => all.bodies.length === 1 && one.bodies.length === 1);
    // Some of what is told of these is under way when the connection breaks.
    const others = addresses(f, "o1", "o2", "o3", "o4", "o5");
    await Promise.all(others.map((address) => store(f, fence, [address, address.id])));
    await f.interrupt();
    await store(f, fence, [y, "Y1"], [x, "X2"]);
    await f.until(() => all.bodies.at(-1) === "X2" && one.bodies.at(-1) === "X2", 15_000);
    expect([all.bodies[0], ...all.bodies.slice(-2)]).toEqual(["X1", "Y1", "X2"]);
    expect([all.bodies.length, new Set(all.bodies.slice(1, -2))]).toEqual([8, new Set(others.map(({ id }) => id))]);
    await f.gateway.send("normal", y, bytes("after"), {});
    expect(await f.gateway.awaits(y)).toBe(true);
  });
}

function answers(fixture: () => GatewayFixture): void {
  it("hears one answer on a subject of its own, and none that it has forgotten", async () => {
    const f = fixture();
    const heard: string[] = [];
    const hear = (body: Uint8Array): void => void heard.push(text(body) ?? "");
    const [one, other] = [f.gateway.expect(hear), f.gateway.expect(hear)];
    expect(one.subject).not.toBe(other.subject);
    other.forget();
    for (const [to, body] of [
      [other.subject, "forgotten"],
      [one.subject, "first"],
      [one.subject, "second"],
    ] as const)
      await f.reply(to, bytes(body));
    const last = f.gateway.expect(hear);
    await f.reply(last.subject, bytes("last"));
    await f.until(() => heard.includes("last"));
    expect(heard).toEqual(["first", "last"]);
  });

  it("asks whoever answers, and says when nobody does", async () => {
    const f = fixture();
    await expect(f.gateway.ask("host", bytes("{}"), 2_000)).rejects.toMatchObject({ code: "no_host" });
    f.serve(async (verb, body) => {
      if (text(body) === "wrong") throw new TroupeError("unknown_id", "There is no such thing", { about: "job/x" });
      return bytes(`"${verb} ${text(body)}"`);
    });
    await f.until(async () => {
      const answer = await f.gateway.ask("host", bytes("hello"), 2_000).catch(() => undefined);
      return text(answer) === '"host hello"';
    });
    await expect(f.gateway.ask("host", bytes("wrong"), 2_000)).rejects.toMatchObject({ code: "unknown_id" });
  });

  it("does not wait longer for a verb than it was told", async () => {
    const f = fixture();
    f.serve(() => new Promise(() => {}));
    await f.until(() =>
      f.gateway.ask("host", bytes("{}"), 100).then(
        () => false,
        (error: unknown) => error instanceof TroupeError && error.code === "no_answer",
      ),
    );
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

async function collected<T>(all: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const each of all) found.push(each);
  return found;
}

/** What a watch tells, as it comes. */
function following(watch: AsyncIterable<StateChange>): { readonly bodies: (string | undefined)[]; readonly isOver: boolean } {
  const seen = { bodies: [] as (string | undefined)[], isOver: false };
  void (async () => {
    for await (const change of watch) seen.bodies.push(text(change.bytes));
    seen.isOver = true;
  })().catch(() => {});
  return seen;
}
