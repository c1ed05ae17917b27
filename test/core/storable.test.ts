import { describe, expect, it } from "vitest";
import { decodeRecord, encodeActor, encodeRecord } from "../../src/core/codec.ts";

class Money {
  readonly cents = 5;
}

const back = (context: unknown): unknown => (decodeRecord(encodeActor({ kind: "actor", context })) as { context: unknown }).context;
const faultOf = (context: unknown): unknown => {
  try {
    return { stored: back(context) };
  } catch (error) {
    return error;
  }
};

describe("a context comes back as it was:", () => {
  it.each([
    ["a Map", new Map([["a", 1]])],
    ["a Map without entries", new Map()],
    [
      "a Map whose keys are no text",
      new Map<unknown, unknown>([
        [1, "x"],
        [{ k: 1 }, new Date(5)],
        [new Map([[1, 2]]), undefined],
      ]),
    ],
    ["a Map in a Set in a list", [new Set([new Map([["a", new Map([["b", 1n]])]])])]],
    ["a Set", new Set(["a", { b: 1 }])],
    ["a Date", new Date(-1e14)],
    ["a Date that is none", new Date(Number.NaN)],
    ["undefined", { a: undefined, b: [1, undefined] }],
    ["a BigInt", [5n, -(2n ** 70n), 2n ** 2000n]],
    ["typed arrays", [new Uint8Array([1]), new Float32Array([1.5]), new BigInt64Array([-1n]), new ArrayBuffer(2)]],
    ["a regular expression", /a+/giu],
    ["numbers", [Number.NaN, -Infinity, 2 ** 53]],
  ])("%s", (_what, value) => {
    expect(back({ value })).toStrictEqual({ value });
  });

  it("an Error with its name, message and cause", () => {
    const { value } = back({ value: new TypeError("bad", { cause: "why" }) }) as { value: Error };
    expect([value.constructor, value.message, value.cause]).toEqual([TypeError, "bad", "why"]);
  });

  it("a reference to an actor", () => {
    expect(back({ ref: { troupe$ref: "stock/7", id: "7" } })).toEqual({ ref: { troupe$ref: "stock/7", id: "7" } });
  });
});

describe("a context is refused, with the place, that holds", () => {
  it.each([
    ["an instance", { a: [{ b: new Money() }] }, "context.a[0].b", "is an instance of Money"],
    ["one in a Map", { a: new Map([["x", new Money()]]) }, "context.a.get(x)", "is an instance of Money"],
    ["one as a Map's key", { a: new Map([[new Money(), 1]]) }, "a key of context.a", "is an instance of Money"],
    ["one in a Set", { a: new Set([new Money()]) }, "context.a[0]", "is an instance of Money"],
    [
      "a Map that an instance holds",
      {
        a: new (class Box {
          readonly map = new Map([[1, 2]]);
        })(),
      },
      "context.a",
      "is an instance of Box",
    ],
    ["what says itself as JSON", { at: new URL("https://example.org") }, "context.at", "is an instance of URL"],
    ["a function", { f: () => {} }, "context.f", "is a function"],
    ["a symbol", { s: Symbol("s") }, "context.s", "is a symbol"],
    ["a promise", { p: Promise.resolve() }, "context.p", "is an instance of Promise"],
    ["a subclass of what can be kept", { l: new (class List extends Set {})() }, "context.l", "is an instance of List"],
  ])("%s", (_what, context, path, message) => {
    expect(faultOf(context)).toMatchObject({ code: "bad_payload", faults: [{ path, message }] });
  });

  it("itself", () => {
    const context: { self?: unknown } = {};
    context.self = { again: context };
    expect(faultOf(context)).toMatchObject({
      code: "bad_payload",
      faults: [{ path: "context.self.again", message: "is a part of itself" }],
    });
  });
});

it("a plain object of another realm, or without a prototype, is plain", () => {
  expect(back({ bare: Object.assign(Object.create(null), { a: 1 }) as unknown })).toEqual({ bare: { a: 1 } });
});

it("what a task has made is not asked for its class", () => {
  expect(decodeRecord(encodeActor({ context: {}, output: new Money() }))).toEqual({ context: {}, output: { cents: 5 } });
});

it("a record that holds a Map where nobody can take it apart is refused instead of being unreadable", () => {
  class Box {
    readonly map = new Map([[{ k: 1 }, 2]]);
  }
  expect(() => encodeRecord({ output: new Box() })).toThrow("a Map in an instance of a class");
  expect(decodeRecord(encodeRecord({ after: 1 }))).toEqual({ after: 1 });
});
