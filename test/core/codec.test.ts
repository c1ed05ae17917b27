import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeBody,
  decodeRecord,
  EMPTY_BODY,
  encodeAnswer,
  encodeJson,
  encodeMsgpack,
  encodeRecord,
  MSGPACK,
} from "../../src/core/codec.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const badPayload = expect.objectContaining({ code: "bad_payload" });

/** msgpack has no negative zero, and msgpackr renames the one key that would change a prototype. */
const key = fc.string().filter((text) => text !== "__proto__");
const number = fc.oneof(fc.integer(), fc.double()).map((n) => (n === 0 ? 0 : n));
const storable = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "binary" }),
    number,
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.date(),
    fc.uint8Array(),
    fc.float64Array({ noNaN: true }).map((array) => array.map((n) => n + 0)),
    fc.int32Array(),
    fc.array(tie("value")),
    fc.dictionary(key, tie("value"), { noNullPrototype: true }),
    fc.array(fc.oneof(fc.integer(), fc.string())).map((items) => new Set(items)),
  ),
})).value;

describe("a stored record", () => {
  it("comes back as it was: text, numbers, dates, sets, big integers, typed arrays, absent values", () => {
    fc.assert(
      fc.property(storable, (value) => {
        expect(decodeRecord(encodeRecord(value))).toEqual(value);
      }),
    );
  });

  it("reads a map of an earlier version back as an object, as it was written", () => {
    expect(decodeRecord(Buffer.from("01de0001a36d617081a374776f02", "hex"))).toEqual({ map: { two: 2 } });
  });

  it("says a Map as it will for ever", () => {
    const bytes = "01de0001a36d6170d44d009201a178";
    expect(Buffer.from(encodeRecord({ map: new Map([[1, "x"]]) })).toString("hex")).toBe(bytes);
    expect(decodeRecord(Buffer.from(bytes, "hex"))).toEqual({ map: new Map([[1, "x"]]) });
    expect(() => decodeRecord(Buffer.from("01d44d0005", "hex"))).toThrow(badPayload);
  });

  it("is told as JSON with words for what JSON has none for", () => {
    const value = { map: new Map([["a", new Set([1])]]), pairs: new Map([[1, 2]]), empty: {}, big: 5n };
    expect(JSON.parse(Buffer.from(encodeAnswer(value)).toString())).toEqual({ map: { a: [1] }, pairs: [[1, 2]], empty: {}, big: "5" });
    expect(JSON.parse(Buffer.from(encodeAnswer({ set: new Set([1]) })).toString())).toEqual({ set: [1] });
    expect(encodeAnswer(undefined)).toEqual(EMPTY_BODY);
  });

  it("keeps an Error's name and message, and a typed array's type", () => {
    const value = {
      error: new TypeError("bad"),
      floats: new Float32Array([1.5]),
      clamped: new Uint8ClampedArray([3]),
      big: new BigInt64Array([-1n]),
    };
    const back = decodeRecord(encodeRecord(value)) as typeof value;
    expect(back).toEqual(value);
    expect(back.error).toBeInstanceOf(TypeError);
    expect(back.floats).toBeInstanceOf(Float32Array);
    expect(back.clamped).toBeInstanceOf(Uint8ClampedArray);
    expect(back.big).toBeInstanceOf(BigInt64Array);
  });

  it("is not touched by records that are encoded after it", () => {
    const values = Array.from({ length: 500 }, (_, n) => ({ n, text: "x".repeat(n) }));
    const encoded = values.map((value) => encodeRecord(value));
    expect(encoded.map((bytes) => decodeRecord(bytes))).toEqual(values);
  });

  it("holds no reference into the bytes it was read from", () => {
    const bytes = encodeRecord({ data: new Uint8Array([1, 2, 3]), text: "abc" });
    const copy = Uint8Array.from(bytes);
    const value = decodeRecord(copy);
    copy.fill(0);
    expect(value).toEqual({ data: new Uint8Array([1, 2, 3]), text: "abc" });
  });

  it("begins with the byte that names its codec, and any other byte is refused", () => {
    const bytes = encodeRecord({ a: 1 });
    expect(bytes[0]).toBe(1);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 1),
        (byte) => {
          expect(() => decodeRecord(Uint8Array.from([byte, ...bytes.subarray(1)]))).toThrow(badPayload);
        },
      ),
    );
    expect(() => decodeRecord(EMPTY_BODY)).toThrow(badPayload);
  });

  it("is refused when a part of it is missing or was added", () => {
    const bytes = encodeRecord({ a: [1, "two", new Date(3)] });
    for (let length = 1; length < bytes.length; length++) expect(() => decodeRecord(bytes.subarray(0, length))).toThrow(Error);
    expect(() => decodeRecord(Uint8Array.from([...bytes, 0]))).toThrow(Error);
  });

  it("cannot change a prototype", () => {
    const back = decodeRecord(encodeRecord(JSON.parse('{"__proto__":{"admin":true}}'))) as Record<string, unknown>;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(back["admin"]).toBeUndefined();
  });
});

describe("what cannot be written", () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;

  it.each([
    ["a cycle", cyclic],
    ["a symbol", { s: Symbol("s") }],
  ])("is thrown out as a record, and the next record is sound: %s", (_name, value) => {
    expect(() => encodeRecord(value)).toThrow(Error);
    expect(() => encodeMsgpack(value)).toThrow(Error);
    expect(decodeRecord(encodeRecord({ sound: [1, 2, 3] }))).toEqual({ sound: [1, 2, 3] });
  });

  it("is left out where it is a function, as JSON leaves it out", () => {
    expect(decodeRecord(encodeRecord({ f: () => 1, a: 1 }))).toEqual({ a: 1 });
  });

  it.each([
    ["a cycle", cyclic],
    ["a big integer", { n: 1n }],
  ])("is refused as JSON: %s", (_name, value) => {
    expect(() => encodeJson(value)).toThrow(badPayload);
  });
});

describe("a message body", () => {
  it("is the JSON that was written, whatever JSON it was", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const type of ["", "application/json"]) expect(decodeBody(encodeJson(value), type)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it("is the msgpack that was written", () => {
    fc.assert(
      fc.property(
        storable.filter((value) => value !== undefined),
        (value) => {
          expect(decodeBody(encodeMsgpack(value), MSGPACK)).toEqual(value);
        },
      ),
    );
  });

  it("is undefined when it is empty, in any content type, and undefined is written as empty", () => {
    for (const type of ["", "application/json", MSGPACK, "text/plain"]) expect(decodeBody(EMPTY_BODY, type)).toBeUndefined();
    expect(encodeJson(undefined)).toHaveLength(0);
  });

  it("keeps the replacement character where it was written, and only there", () => {
    expect(decodeBody(utf8('"\ufffd"'), "")).toBe("\ufffd");
    expect(() => decodeBody(Uint8Array.from([...utf8('"\ufffd'), 0x80, 0x22]), "")).toThrow(badPayload);
  });

  it("writes what JSON leaves out as null", () => {
    expect(
      decodeBody(
        encodeJson(() => 1),
        "",
      ),
    ).toBeNull();
  });

  it.each([
    ["cut JSON", utf8('{"a":'), ""],
    ["text beside JSON", utf8("{} {}"), "application/json"],
    ["bytes that are no UTF-8", Uint8Array.from([0x22, 0xff, 0xfe, 0x22]), ""],
    ["half a character", Uint8Array.from([0x22, 0xe2, 0x82, 0x22]), ""],
    ["cut msgpack", Uint8Array.from([0x81, 0xa1]), MSGPACK],
    ["an array longer than its bytes", Uint8Array.from([0xdd, 0xff, 0xff, 0xff, 0xff, 1]), MSGPACK],
    ["bytes after msgpack", Uint8Array.from([1, 2]), MSGPACK],
    ["an unknown content type", utf8("{}"), "text/plain"],
  ])("is refused with a reason: %s", (_name, body, type) => {
    expect(() => decodeBody(body, type)).toThrow(badPayload);
  });

  it("is refused or read, and nothing else happens, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom("", MSGPACK), (body, type) => {
        let refusal: unknown = { code: "bad_payload" };
        try {
          decodeBody(body, type);
        } catch (error) {
          refusal = error;
        }
        expect(refusal).toMatchObject({ code: "bad_payload" });
      }),
      { numRuns: 500 },
    );
  });
});
