import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addressOf,
  beginningOf,
  formatAddress,
  isId,
  isLane,
  isTooLong,
  isType,
  LANES,
  MAX_ID_BYTES,
  MAX_TYPE_BYTES,
  parseAddress,
  START_LANES,
} from "../../src/core/address.ts";

const badAddress = expect.objectContaining({ code: "bad_address" });
const type = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);
const id = fc.string({ unit: "binary", minLength: 1, maxLength: 60 }).filter(isId);

describe("an address", () => {
  it("is the same after it was written and read", () => {
    fc.assert(
      fc.property(type, id, (type, id) => {
        expect(parseAddress(formatAddress(addressOf(type, id)))).toEqual({ type, id });
      }),
    );
  });

  it("is one token of a subject in either part", () => {
    fc.assert(
      fc.property(type, id, (type, id) => {
        expect(`troupe.state.${type}.${id}`.split(".")).toHaveLength(4);
        expect(`${type}${id}`).not.toMatch(/[\s*>\0]/);
      }),
    );
  });

  it("survives UTF-8, as the wire will have it", () => {
    fc.assert(
      fc.property(id, (id) => {
        expect(Buffer.from(id).toString()).toBe(id);
      }),
    );
  });

  it("has no half of a surrogate pair in it", () => {
    expect(isId("a\ud800")).toBe(false);
    expect(isId("\udc00b")).toBe(false);
    expect(isId("pair \ud83d\ude00".replace(" ", "-"))).toBe(true);
  });

  it("keeps slashes in its id", () => {
    expect(parseAddress("file/a/b/c")).toEqual({ type: "file", id: "a/b/c" });
  });

  it.each([
    "noslash",
    "/id",
    "type/",
    "ty pe/id",
    "typé/id",
    "type.x/id",
    "type/a.b",
    "type/a b",
    "type/*",
    "type/>",
    "type/a\tb",
    "type/a\n",
    "type/\u007f",
    "type/\u0000",
    "type/\u00a0",
    "",
  ])("is refused: %j", (text) => {
    expect(() => parseAddress(text)).toThrow(badAddress);
  });

  it.each(["42", "ñandú", "日本", "a:b@c#d?e=f&g", "x".repeat(MAX_ID_BYTES), "-", "$JS", "\u{1f600}"])("allows the id %s", (id) => {
    expect(addressOf("t", id)).toEqual({ type: "t", id });
  });

  it("is limited in bytes, not in characters", () => {
    expect(isId("é".repeat(MAX_ID_BYTES / 2))).toBe(true);
    expect(isId(`${"é".repeat(MAX_ID_BYTES / 2)}x`)).toBe(false);
    expect(isId("日".repeat(MAX_ID_BYTES / 3 + 1))).toBe(false);
    expect(isId("x".repeat(MAX_ID_BYTES + 1))).toBe(false);
    expect(isType("x".repeat(MAX_TYPE_BYTES))).toBe(true);
    expect(isType("x".repeat(MAX_TYPE_BYTES + 1))).toBe(false);
  });

  it("is refused with the actor that it would have been about", () => {
    expect(() => addressOf("resize", "a b")).toThrow(expect.objectContaining({ about: "resize/a b" }));
  });
});

describe("an address that is too long", () => {
  it("is cut to one that fits, and one that fits is not", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 1, maxLength: 400 }), fc.nat(100), (id, length) => {
        const address = { type: "x".repeat(length + 1), id };
        const cut = beginningOf(address);
        expect(isTooLong(cut)).toBe(false);
        if (!isTooLong(address)) expect(cut).toEqual(address);
        expect(address.id.startsWith(cut.id) || /\p{Surrogate}/u.test(address.id)).toBe(true);
      }),
    );
    expect(beginningOf({ type: "a", id: "日".repeat(100) }).id).toBe("日".repeat(64));
    expect(beginningOf({ type: "a", id: `x${"日".repeat(100)}` }).id).toBe(`x${"日".repeat(63)}`);
  });
});

describe("lanes", () => {
  it("are three for starts and one for everything else", () => {
    expect(LANES).toEqual([...START_LANES, "event"]);
    for (const lane of LANES) expect(isLane(lane)).toBe(true);
    for (const word of ["", "urgent", "toString", "Event"]) expect(isLane(word)).toBe(false);
  });
});
