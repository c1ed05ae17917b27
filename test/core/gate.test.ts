import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { START_LANES, type StartLane } from "../../src/core/address.ts";
import { Gate, type Waiting } from "../../src/core/gate.ts";
import type { Limit } from "../../src/core/run-limits.ts";

const waiting = (n: number, key = "", lane: StartLane = "normal"): Waiting => ({ place: `p${n}`, id: `${n}`, name: "1", lane, key });

/** Everybody that gets a permit now. */
function given(gate: Gate, nowMs = 0): readonly Waiting[] {
  const all: Waiting[] = [];
  for (let next = gate.next(nowMs); next !== undefined; next = gate.next(nowMs)) all.push(next);
  return all;
}

const limit = fc.record(
  { atOnce: fc.integer({ min: 1, max: 5 }), perSecond: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(0.5)) },
  { requiredKeys: [] },
);

type Event =
  | { readonly kind: "wait"; readonly key: string; readonly lane: StartLane }
  | { readonly kind: "leave" | "back"; readonly which: number }
  | { readonly kind: "pass"; readonly ms: number };

const events: fc.Arbitrary<readonly Event[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("wait" as const),
        key: fc.constantFrom("a", "b", "c"),
        lane: fc.constantFrom(...START_LANES),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("back" as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("leave" as const), which: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.oneof(fc.nat(300), fc.nat(6_000)) }) },
  ),
  { maxLength: 150 },
);

interface Given extends Waiting {
  readonly atMs: number;
}

/** Plays events, asking after each who may go; looks at everything after every permit. */
function play(type: Limit, perKey: Limit, happens: readonly Event[], look: (given: Given, out: ReadonlyMap<string, Given>) => void) {
  const gate = new Gate(type, perKey, 0);
  const line = new Map<string, Waiting>();
  const out = new Map<string, Given>();
  let nowMs = 0;
  happens.forEach((event, n) => {
    if (event.kind === "wait") {
      const one = waiting(n, event.key, event.lane);
      line.set(one.place, one);
      gate.wait(one);
    } else if (event.kind === "pass") nowMs += event.ms;
    else {
      const from = event.kind === "leave" ? line : out;
      const place = [...from.keys()][event.which % Math.max(1, from.size)];
      if (place !== undefined) {
        from.delete(place);
        if (event.kind === "leave") gate.leave(place);
        else gate.isBack(place);
      }
    }
    for (const one of given(gate, nowMs)) {
      expect(line.delete(one.place)).toBe(true);
      out.set(one.place, { ...one, atMs: nowMs });
      look({ ...one, atMs: nowMs }, out);
    }
    expect([gate.waiting, gate.out]).toEqual([line.size, out.size]);
  });
  return { gate, line, out, nowMs };
}

describe("limits", () => {
  it("are never exceeded, of the type and of each key", () => {
    fc.assert(
      fc.property(limit, limit, events, (type, perKey, happens) => {
        play(type, perKey, happens, ({ key }, out) => {
          expect(out.size).toBeLessThanOrEqual(type.atOnce ?? Infinity);
          expect([...out.values()].filter((each) => each.key === key).length).toBeLessThanOrEqual(perKey.atOnce ?? Infinity);
        });
      }),
    );
  });

  it("let within any time no more begin than the rate, and what a pause has saved up", () => {
    const saved = (perSecond: number): number => Math.max(1, Math.floor(perSecond));
    const within = (times: readonly number[], perSecond: number): void => {
      for (const [i, from] of times.entries())
        for (const [j, to] of times.entries())
          if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(saved(perSecond) + ((to - from) / 1_000) * perSecond + 1e-6);
    };
    fc.assert(
      fc.property(limit, limit, events, (type, perKey, happens) => {
        const all: Given[] = [];
        play(type, perKey, happens, (one) => all.push(one));
        if (type.perSecond !== undefined)
          within(
            all.map(({ atMs }) => atMs),
            type.perSecond,
          );
        for (const key of ["a", "b", "c"])
          if (perKey.perSecond !== undefined)
            within(
              all.filter((one) => one.key === key).map(({ atMs }) => atMs),
              perKey.perSecond,
            );
      }),
    );
  });

  it("keep nobody waiting who may go: whoever is left in the line gets a permit once permits come back and time passes", () => {
    fc.assert(
      fc.property(limit, limit, events, (type, perKey, happens) => {
        const { gate, line, out, nowMs } = play(type, perKey, happens, () => {});
        for (let round = 1; line.size > 0 && round < 500; round++) {
          for (const place of out.keys()) gate.isBack(place);
          out.clear();
          for (const one of given(gate, nowMs + round * 4_000)) {
            line.delete(one.place);
            out.set(one.place, { ...one, atMs: 0 });
          }
        }
        expect(line.size).toBe(0);
      }),
    );
  });

  it("say when to ask again, and not a moment too early or too late", () => {
    fc.assert(
      fc.property(limit, limit, events, (type, perKey, happens) => {
        const { gate, line, nowMs } = play(type, perKey, happens, () => {});
        expect(gate.next(nowMs)).toBeUndefined();
        const { nextAtMs } = gate;
        if (nextAtMs === undefined) return;
        expect(line.size).toBeGreaterThan(0);
        expect(nextAtMs).toBeGreaterThan(nowMs);
        expect(gate.next(nextAtMs - 0.01)).toBeUndefined();
        // A key's time may have come while the type's has not: then there is a later moment.
        for (let turn = 0, atMs: number | undefined = nextAtMs; turn < 10 && atMs !== undefined; turn++) {
          if (gate.next(atMs + 1e-6) !== undefined) return;
          atMs = gate.nextAtMs;
        }
        expect(gate.nextAtMs).toBeUndefined();
      }),
    );
  });

  it("begin with nothing saved up, and know nothing of what another gate let pass", () => {
    const gate = new Gate({ perSecond: 10 }, {}, 5_000);
    for (let n = 0; n < 50; n++) gate.wait(waiting(n));
    expect(given(gate, 5_000)).toEqual([]);
    expect(gate.nextAtMs).toBe(5_100);
    expect(given(gate, 5_100)).toHaveLength(1);
    expect(given(gate, 8_000)).toHaveLength(10);
    expect(given(gate, 8_100)).toHaveLength(1);
  });
});

describe("whose turn it is", () => {
  it("keys take turns, however many of one wait, and those of one key go by arrival", () => {
    const gate = new Gate({ atOnce: 1 });
    for (let n = 0; n < 100; n++) gate.wait(waiting(n, "busy"));
    for (let n = 100; n < 103; n++) gate.wait(waiting(n, "quiet"));
    const order: string[] = [];
    for (let n = 0; n < 8; n++) {
      const next = gate.next(0) as Waiting;
      order.push(`${next.key} ${next.id}`);
      gate.isBack(next.place);
    }
    expect(order).toEqual(["busy 0", "quiet 100", "busy 1", "quiet 101", "busy 2", "quiet 102", "busy 3", "busy 4"]);
  });

  it("between two of one key that could have more, every other that waits has one", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 5, maxLength: 80 }),
        fc.integer({ min: 1, max: 4 }),
        (keys, atOnce) => {
          const gate = new Gate({ atOnce });
          keys.forEach((key, n) => gate.wait(waiting(n, key)));
          const left = new Map<string, number>();
          for (const key of keys) left.set(key, (left.get(key) ?? 0) + 1);
          const since = new Map<string, number>();
          const out: Waiting[] = [];
          for (let next = gate.next(0); out.length < keys.length; next = gate.next(0)) {
            if (next === undefined) {
              gate.isBack((out.at(-atOnce) as Waiting).place);
              for (const one of out) gate.isBack(one.place);
              continue;
            }
            out.push(next);
            since.set(next.key, 0);
            left.set(next.key, (left.get(next.key) ?? 0) - 1);
            for (const [key, count] of left) if (key !== next.key && count > 0) since.set(key, (since.get(key) ?? 0) + 1);
            for (const [key, count] of left) if (count > 0) expect(since.get(key) ?? 0).toBeLessThan(4);
          }
        },
      ),
    );
  });

  it("a key that has all it may have is passed over, and comes into its turn when one comes back", () => {
    const gate = new Gate({}, { atOnce: 1 });
    for (let n = 0; n < 3; n++) gate.wait(waiting(n, "a"));
    gate.wait(waiting(9, "b"));
    expect(given(gate).map(({ id }) => id)).toEqual(["0", "9"]);
    gate.isBack("p9");
    expect(given(gate)).toEqual([]);
    gate.isBack("p0");
    expect(given(gate).map(({ id }) => id)).toEqual(["1"]);
  });

  it("low still moves while high is never empty: one in eight goes to the next lane down that has something", () => {
    const gate = new Gate({ atOnce: 1 });
    for (let n = 0; n < 1_000; n++) gate.wait(waiting(n, "", START_LANES[n % 3]));
    const counts = { high: 0, normal: 0, low: 0 };
    for (let n = 0; n < 320; n++) {
      const next = gate.next(0) as Waiting;
      counts[next.lane]++;
      gate.isBack(next.place);
    }
    expect(counts).toEqual({ high: 280, normal: 35, low: 5 });
  });

  it("whoever leaves the line is passed over; a permit of another gate counts, once", () => {
    const gate = new Gate({ atOnce: 2 });
    gate.isOut("p7", "");
    gate.isOut("p7", "");
    for (let n = 0; n < 4; n++) gate.wait(waiting(n));
    gate.wait(waiting(7));
    expect(gate.leave("p0")).toBe(true);
    expect(gate.leave("p0")).toBe(false);
    expect(given(gate).map(({ id }) => id)).toEqual(["1"]);
    gate.isBack("p7");
    gate.isBack("p7");
    expect(given(gate).map(({ id }) => id)).toEqual(["2"]);
  });
});
