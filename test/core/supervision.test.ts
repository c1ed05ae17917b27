import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DIRECTIVES,
  inOrder,
  judge,
  placeOf,
  STRATEGIES,
  type Failure,
  type Member,
  type Supervision,
  type SupervisionRecord,
} from "../../src/core/supervision.ts";

/** The decision alone: strategy, window, backoff. */
const NOW = 1_800_000_000_000;
const AT = { now: NOW, seed: "crew/1" };
const ERROR = { name: "Error", message: "no luck" };

const supervision = (fields: Partial<Supervision> = {}): Supervision => ({
  strategy: "one-for-one",
  members: ["a", "b", "c"],
  directive: "restart",
  restarts: { max: 3, withinMs: 60_000 },
  backoff: undefined,
  ...fields,
});
const member = (id: string, generation = 1, src = id): Member => ({ id, src, generation });
const failed = (child: string, fields: Partial<Failure> = {}): Failure => ({ child, error: ERROR, lives: false, ...fields });
const ABC = [member("c"), member("a"), member("b")];

describe("a strategy", () => {
  it.each([
    ["one-for-one", ["b"]],
    ["one-for-all", ["a", "b", "c"]],
    ["rest-for-one", ["b", "c"]],
  ] as const)("%s restarts %j when b fails, in the order of the group", (strategy, children) => {
    expect(judge(supervision({ strategy }), undefined, failed("b"), ABC, AT).verdict).toEqual({ kind: "restart", children, delayMs: 0 });
  });

  it("orders many of one logic by when they began, and puts an id before the name of its logic", () => {
    const workers = [member("w2", 9, "worker"), member("w1", 4, "worker"), member("first", 7, "worker")];
    expect(inOrder(["first", "log", "worker"], [...workers, member("other"), member("log")]).map(({ id }) => id)).toEqual([
      "first",
      "log",
      "w1",
      "w2",
    ]);
    expect(placeOf(["worker"], { id: "x", src: "y" })).toBe(-1);
  });
});

describe("a directive", () => {
  it.each(DIRECTIVES)("%s is what happens to a child that lives, and is remembered with the failure", (directive) => {
    const { verdict, record } = judge(supervision({ directive }), undefined, failed("a", { lives: true }), ABC, AT);
    expect(verdict.kind).toBe(directive);
    expect(record).toEqual({
      restarts: directive === "restart" ? [{ child: "a", at: NOW }] : [],
      last: { child: "a", at: NOW, directive, error: ERROR },
    });
  });

  it("resume restarts what has ended: there is nothing that could go on", () => {
    expect(judge(supervision({ directive: "resume" }), undefined, failed("a"), ABC, AT).verdict.kind).toBe("restart");
  });

  it("may be a function of the error and the child", () => {
    const directive: Supervision["directive"] = ({ code }, child) => (code === "gone" && child === "a" ? "stop" : "restart");
    const asked = (child: string) =>
      judge(supervision({ directive }), undefined, failed(child, { error: { ...ERROR, code: "gone" } }), ABC, AT);
    expect([asked("a").verdict.kind, asked("b").verdict.kind]).toEqual(["stop", "restart"]);
  });

  it.each([
    () => {
      throw new Error("oops");
    },
    () => "perhaps" as never,
    () => undefined as never,
  ])("that says nothing it may say is escalated", (directive) => {
    const { verdict, record } = judge(supervision({ directive }), undefined, failed("a"), ABC, AT);
    expect(verdict).toEqual({ kind: "escalate" });
    expect(record.last).toMatchObject({ directive: "escalate", why: "undecided" });
  });
});

/** A group's failures one after the other, at these times. */
function told(rules: Supervision, failures: readonly { readonly child: string; readonly at: number }[]) {
  let record: SupervisionRecord | undefined;
  return failures.map(({ child, at }) => {
    const judged = judge(rules, record, failed(child), ABC, { now: at, seed: "crew/1" });
    ({ record } = judged);
    return { at, child, ...judged };
  });
}

const failures = fc
  .array(fc.record({ child: fc.constantFrom("a", "b", "c"), after: fc.integer({ min: 0, max: 400 }) }), { maxLength: 40 })
  .map((steps) => {
    let at = NOW;
    return steps.map(({ child, after }) => ({ child, at: (at += after) }));
  });
const rules = fc
  .record({
    strategy: fc.constantFrom(...STRATEGIES),
    max: fc.integer({ min: 0, max: 6 }),
    withinMs: fc.integer({ min: 1, max: 1_000 }),
    minDelayMs: fc.integer({ min: 0, max: 50 }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ strategy, max, withinMs, minDelayMs, jitter }) =>
    supervision({ strategy, restarts: { max, withinMs }, backoff: { minDelayMs, maxDelayMs: 200, factor: 2, jitter } }),
  );

describe("the window", () => {
  it("never holds more restarts than it may, and escalates exactly when it is full", () => {
    fc.assert(
      fc.property(rules, failures, (given, steps) => {
        const { max, withinMs } = given.restarts;
        const restarted: number[] = [];
        for (const { at, verdict, record } of told(given, steps)) {
          const within = restarted.filter((time) => time > at - withinMs).length;
          expect(verdict.kind).toBe(within < max ? "restart" : "escalate");
          if (verdict.kind === "restart") restarted.push(at);
          else expect(record.last.why).toBe("exhausted");
          expect(record.restarts.length).toBeLessThanOrEqual(max);
          expect(record.restarts.map((restart) => restart.at)).toEqual(restarted.filter((time) => time > at - withinMs));
        }
      }),
    );
  });

  it("counts one restart for a failure, however many are restarted with it", () => {
    const [only] = told(supervision({ strategy: "one-for-all" }), [{ child: "b", at: NOW }]);
    expect(only?.record.restarts).toHaveLength(1);
  });
});

describe("a restart", () => {
  it("is of the failed child, of members only, nobody twice, in order", () => {
    fc.assert(
      fc.property(rules, failures, (given, steps) => {
        for (const { child, verdict } of told(given, steps)) {
          if (verdict.kind !== "restart") continue;
          const places = verdict.children.map((id) => given.members.indexOf(id));
          expect(verdict.children).toContain(child);
          expect(places).toEqual([...new Set(places)].sort((one, other) => one - other));
          expect(Math.min(...places)).toBe(given.strategy === "one-for-all" ? 0 : given.members.indexOf(child));
        }
      }),
    );
  });

  it("waits within the bounds of its backoff, and the same for the same failures", () => {
    fc.assert(
      fc.property(rules, failures, (given, steps) => {
        const delays = told(given, steps).map(({ verdict }) => (verdict.kind === "restart" ? verdict.delayMs : 0));
        for (const delay of delays) expect(delay >= 0 && delay <= 200).toBe(true);
        expect(told(given, steps).map(({ verdict }) => (verdict.kind === "restart" ? verdict.delayMs : 0))).toEqual(delays);
      }),
    );
  });

  it("waits longer each time within the window, and less again after it", () => {
    const given = supervision({
      restarts: { max: 9, withinMs: 1_000 },
      backoff: { minDelayMs: 10, maxDelayMs: 1_000, factor: 2, jitter: 0 },
    });
    const times = [0, 100, 200, 1_500].map((after) => ({ child: "a", at: NOW + after }));
    expect(told(given, times).map(({ verdict }) => (verdict.kind === "restart" ? verdict.delayMs : -1))).toEqual([10, 20, 40, 10]);
  });

  it("spreads those that fail together: jitter is another for another parent, child and count", () => {
    const given = supervision({ backoff: { minDelayMs: 100_000, maxDelayMs: 1_000_000, factor: 1, jitter: 1 } });
    const delay = (seed: string, child: string): number => {
      const { verdict } = judge(given, undefined, failed(child), ABC, { now: NOW, seed });
      return verdict.kind === "restart" ? verdict.delayMs : -1;
    };
    expect(new Set([delay("crew/1", "a"), delay("crew/2", "a"), delay("crew/1", "b")]).size).toBe(3);
  });
});
