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
  /** The client's connection breaks, and is there again when this resolves. What is asked of the gateway meanwhile drives no clock. */
  interrupt(meanwhile?: (gateway: Gateway) => void | Promise<void>): Promise<void>;
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
    describe("limits", () => limits(() => f));
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

function watches(fixture: () => GatewayFixture): void {
  it("tells of one actor up to its last state, and ends with the signal", async () => {
    const f = fixture();
    const [x, y] = addresses(f, "x", "y") as [Address, Address];
    const fence = await take(f.a, PARTITION);
    const over = new AbortController();
    const seen = following(f.gateway.watch(x, over.signal));
    await f.quiet();
    for (let i = 0; i < 20; i++) await store(f, fence, [x, String(i)], [y, "no"]);
    await f.until(() => seen.bodies.at(-1) === "19");
    expect(seen.bodies.map(Number), "in order").toEqual([...new Set(seen.bodies.map(Number))].sort((a, b) => a - b));
    over.abort();
    await f.until(() => seen.isOver);
    expect((await collected(f.gateway.watch(x, over.signal))).length, "aborted before").toBe(0);
  });

  it("ends with the record of its actor", async () => {
    const f = fixture();
    if (!f.capabilities.virtualTime) return;
    const [x] = addresses(f, "x") as [Address];
    const fence = await take(f.a, PARTITION);
    const seen = following(f.gateway.watch(x));
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
    const seen = following(f.gateway.watch(x));
    await f.until(() => seen.bodies.length === 1);
    // Some of what is told of these is under way when the connection breaks.
    await store(f, fence, ...Array.from({ length: 5 }, (_, i) => [x, `X1.${i}`] as const), [y, "no"]);
    await f.interrupt();
    await store(f, fence, [x, "X2"]);
    await f.until(() => seen.bodies.at(-1) === "X2", 15_000);
    const told = seen.bodies as readonly string[];
    expect([told[0], new Set(told).has("no")]).toEqual(["X1", false]);
    expect(told, "in order").toEqual([...told].sort());
    await f.gateway.send("normal", y, bytes("after"), {});
    expect(await f.gateway.awaits(y)).toBe(true);
  });

  it("tells those that wait of the end", async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    const seen = following(f.gateway.watch(x));
    await f.quiet();
    await f.gateway.close();
    await f.until(() => seen.failure !== undefined);
    expect(seen.failure).toMatchObject({ code: "stopped" });
  });
}

function limits(fixture: () => GatewayFixture): void {
  const late = (): Error => new TroupeError("no_answer", "too late");
  /** What ends with the work. */
  const endless = (over: AbortSignal): Promise<never> =>
    new Promise((_, reject) => over.addEventListener("abort", () => reject(new Error("over")), { once: true }));

  it("ends work with its result, its timeout, the caller's signal, or the client, whichever comes first", async () => {
    const f = fixture();
    const ends: boolean[] = [];
    const noted = (over: AbortSignal): Promise<never> => {
      over.addEventListener("abort", () => ends.push(true), { once: true });
      return endless(over);
    };
    expect(await f.gateway.within({ timeoutMs: 5_000 }, late, async () => 7)).toBe(7);
    await expect(f.gateway.within({}, late, () => Promise.reject(new Error("its own")))).rejects.toThrow("its own");
    await expect(f.gateway.within({ timeoutMs: 50 }, late, noted)).rejects.toThrow("too late");
    const caller = new AbortController();
    const aborted = settled(f.gateway.within({ signal: caller.signal }, late, noted));
    caller.abort(new Error("not any more"));
    expect(await aborted).toMatchObject({ message: "not any more" });
    await expect(f.gateway.within({ signal: caller.signal }, late, noted), "aborted before").rejects.toThrow("not any more");
    const closed = settled(f.gateway.within({}, late, noted));
    await f.gateway.close();
    expect(await closed).toMatchObject({ code: "stopped" });
    await expect(f.gateway.within({}, late, noted), "closed before").rejects.toMatchObject({ code: "stopped" });
    expect(ends.length).toBe(3);
  });

  it("tells how it stands with the server, and whoever listens of each change", { timeout: 20_000 }, async () => {
    const f = fixture();
    const heard: string[] = [];
    const deaf = f.gateway.listen({
      changed: ({ state }) => heard.push(state),
      reconnected: () => heard.push("again"),
      closed: () => heard.push("end"),
    });
    const states = (): readonly string[] => heard.filter((each, i) => each !== heard[i - 1]);
    expect(f.gateway.connection.state).toBe("connected");
    await f.interrupt();
    await f.until(() => heard.includes("again"));
    expect([states(), f.gateway.connection.state]).toEqual([["reconnecting", "connected", "again"], "connected"]);
    const other = f.gateway.listen({ changed: () => heard.push("forgotten") });
    other();
    await f.gateway.close();
    expect([states().slice(3), f.gateway.connection.state]).toEqual([["closed", "end"], "closed"]);
    deaf();
  });

  it("waits for a connection that is away, for as long as it was told", { timeout: 20_000 }, async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    const fence = await take(f.a, PARTITION);
    await store(f, fence, [x, "X1"]);
    let done: readonly unknown[] | undefined;
    await f.interrupt(async (gateway) => {
      done = await Promise.all([
        settled(gateway.read(x, { timeoutMs: 10_000 }).then(text)),
        settled(gateway.send("event", x, bytes("hello"), {}, { timeoutMs: 10_000 })),
        settled(gateway.send("event", x, bytes("never"), {}, { timeoutMs: 1 })),
      ]);
    });
    await f.until(() => done !== undefined, 15_000);
    expect(done).toMatchObject(["X1", undefined, { code: "no_connection" }]);
    const events = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 9);
    await f.until(() => events.deliveries.length === 1);
    expect(events.bodies).toEqual(["hello"]);
    await events.close();
  });

  it("stores an event once that is sent twice under one id, and says that a message may be stored where its sender gave up", async () => {
    const f = fixture();
    const [x] = addresses(f, "x") as [Address];
    for (const body of ["one", "one"]) await f.gateway.send("event", x, bytes(body), {}, { id: "once" });
    const caller = new AbortController();
    const given = settled(f.gateway.send("event", x, bytes("two"), {}, { signal: caller.signal }));
    caller.abort(new Error("not any more"));
    expect(await given).toMatchObject({ code: "no_answer", cause: { message: "not any more" } });
    await expect(f.gateway.send("event", x, bytes("three"), {}, { signal: caller.signal })).rejects.toMatchObject({
      code: "no_connection",
    });
    await f.gateway.send("event", x, bytes("last"), {});
    const events = await Recorder.open(f.a.mailbox, PARTITION, "in.event", 9);
    await f.until(() => events.bodies.includes("last"));
    expect(events.bodies.filter((body) => body !== "two")).toEqual(["one", "last"]);
    await events.close();
  });
}

/** What a promise comes to, or its error; looked at from the beginning. */
function settled(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
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
    await expect(f.gateway.ask("host", bytes("{}"), { timeoutMs: 2_000 })).rejects.toMatchObject({ code: "no_host" });
    f.serve(async (verb, body) => {
      if (text(body) === "wrong") throw new TroupeError("unknown_id", "There is no such thing", { about: "job/x" });
      return bytes(`"${verb} ${text(body)}"`);
    });
    await f.until(async () => {
      const answer = await f.gateway.ask("host", bytes("hello"), { timeoutMs: 2_000 }).catch(() => undefined);
      return text(answer) === '"host hello"';
    });
    await expect(f.gateway.ask("host", bytes("wrong"), { timeoutMs: 2_000 })).rejects.toMatchObject({ code: "unknown_id" });
  });

  it("does not wait longer for a verb than it was told", async () => {
    const f = fixture();
    f.serve(() => new Promise(() => {}));
    await f.until(() =>
      f.gateway.ask("host", bytes("{}"), { timeoutMs: 100 }).then(
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
function following(watch: AsyncIterable<StateChange>) {
  const seen = { bodies: [] as (string | undefined)[], isOver: false, failure: undefined as unknown };
  void (async () => {
    for await (const change of watch) seen.bodies.push(text(change.bytes));
    seen.isOver = true;
  })().catch((error: unknown) => (seen.failure = error));
  return seen;
}
