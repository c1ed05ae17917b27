import { assert, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { namesOf } from "../../src/nats/names.ts";
import { decodeToken, encodeToken } from "../../src/nats/token.ts";

describe("names", () => {
  it("turns any text into one subject token and back", () => {
    assert(
      property(string({ unit: "binary", maxLength: 40 }), (text) => {
        const token = encodeToken(text);
        expect(token).toMatch(/^[^\s.*>\u0000-\u001f\u007f]+$/);
        expect(decodeToken(token)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps XState's timer ids readable", () => {
    expect(encodeToken("xstate.after.delay.task.undo.delayed")).toBe("xstate~after~delay~task~undo~delayed");
  });

  it("gives different texts different tokens", () => {
    const texts = ["a.b", "a~b", "a%b", "a%007eb", "", "%", "~", "."];
    expect(new Set(texts.map(encodeToken)).size).toBe(texts.length);
  });

  it("cuts what is too long for a subject, differently for different texts, and never in the midst of a character", () => {
    assert(
      property(string({ unit: "binary", minLength: 1_000, maxLength: 3_000 }), string({ unit: "binary", maxLength: 3 }), (text, tail) => {
        const tokens = [text, text + tail, `${text}${tail}x`].map(encodeToken);
        for (const token of tokens) {
          expect(Buffer.byteLength(token)).toBeLessThanOrEqual(1_024);
          expect(token).toMatch(/^[^\s.*>\u0000-\u001f\u007f]+$/);
        }
        expect(new Set(tokens).size).toBe(tail === "" ? 2 : 3);
      }),
      { numRuns: 50 },
    );
    expect(encodeToken("a".repeat(1_024))).toBe("a".repeat(1_024));
    expect(encodeToken("a".repeat(1_025))).toMatch(/^a{990}%%[0-9a-f]{32}$/);
    expect(encodeToken("😀".repeat(1_000))).not.toMatch(/\p{Surrogate}/u);
  });

  it("refuses a namespace that cannot be a stream's name", () => {
    for (const namespace of ["", "a.b", "a b", "a>", "*", "x".repeat(33)])
      expect(() => namesOf(namespace)).toThrow(expect.objectContaining({ code: "bad_options" }));
  });

  it("reads an address out of the subjects of records and dead letters", () => {
    const names = namesOf();
    const address = { type: "order", id: "ñ-1" };
    expect(names.stateAddress(names.state(address))).toEqual(address);
    expect(names.deadAddress(names.dead(address, "in.event 7"))).toEqual({ address, name: "in.event 7" });
  });
});
