import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ERROR_CODES,
  fromErrorRecord,
  isErrorCode,
  TerminalError,
  toErrorRecord,
  TroupeError,
  type ErrorCode,
} from "../../src/core/errors.ts";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

describe("the table of codes", () => {
  it.each(codes)("%s says whether to retry, and what to do in a sentence", (code) => {
    const [retryable, remedy] = ERROR_CODES[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(typeof retryable).toBe("boolean");
    expect(remedy).toMatch(/^[A-Z].{8,}\.$/);
    expect(new TroupeError(code, "m")).toMatchObject({
      name: "TroupeError",
      code,
      retryable,
      remedy,
      message: "m",
      faults: [],
      about: undefined,
    });
  });

  it("is not fooled by what every object has", () => {
    for (const word of ["toString", "constructor", "__proto__", "", 5, undefined]) expect(isErrorCode(word)).toBe(false);
    for (const code of codes) expect(isErrorCode(code)).toBe(true);
  });
});

describe("a TroupeError", () => {
  it("comes back from its record with its code, faults and causes", () => {
    const fault = { path: "input.width", message: "must be a number" };
    const error = new TroupeError("invalid_input", "no", {
      about: "resize/42",
      faults: [fault],
      cause: new TypeError("deep", { cause: "deeper" }),
    });
    const back = fromErrorRecord(toErrorRecord(error), "resize/42") as TroupeError;
    expect(back).toBeInstanceOf(TroupeError);
    expect(back).toMatchObject({
      code: "invalid_input",
      message: "no",
      about: "resize/42",
      faults: [fault],
      retryable: false,
      remedy: error.remedy,
    });
    expect(back.cause).toMatchObject({ name: "TypeError", message: "deep", cause: { message: "deeper" } });
  });

  it("keeps its stack to itself: its message says all", () => {
    expect(toErrorRecord(new TroupeError("defect", "m"))).toEqual({ name: "TroupeError", code: "defect", message: "m", retryable: false });
    expect(toErrorRecord(new TroupeError("timeout", "m"))).toEqual({ name: "TroupeError", code: "timeout", message: "m" });
  });
});

describe("an error of user code", () => {
  it("keeps its name, message, code and stack", () => {
    const error = Object.assign(new RangeError("too far"), { code: "EFAR" });
    const record = toErrorRecord(error);
    expect(record).toMatchObject({ name: "RangeError", message: "too far", code: "EFAR" });
    expect(record).not.toHaveProperty("retryable");
    expect(fromErrorRecord(record)).toMatchObject({ name: "RangeError", message: "too far", code: "EFAR", stack: error.stack });
  });

  it("keeps no code that is not a text", () => {
    expect(toErrorRecord(Object.assign(new Error("x"), { code: 42 }))).not.toHaveProperty("code");
  });

  it("says that no retry can help when it says so itself", () => {
    expect(toErrorRecord(new TerminalError("no"))).toMatchObject({ name: "TerminalError", retryable: false });
    expect(toErrorRecord(Object.assign(new Error("x"), { retryable: false }))).toMatchObject({ retryable: false });
    expect(toErrorRecord(Object.assign(new Error("x"), { retryable: true }))).not.toHaveProperty("retryable");
  });

  it("still says so after it was stored", () => {
    expect(fromErrorRecord(toErrorRecord(new TerminalError("no")))).toMatchObject({ name: "TerminalError", retryable: false });
  });

  it("is cut to what is worth storing: stacks in characters, causes in number", () => {
    const deep = Object.assign(new Error("x"), { stack: "s".repeat(100_000) });
    expect(toErrorRecord(deep).stack).toHaveLength(4_096);
    let error = new Error("0");
    for (let n = 1; n < 20; n++) error = new Error(String(n), { cause: error });
    let depth = 0;
    for (let record = toErrorRecord(error).cause; record !== undefined; record = record.cause) depth++;
    expect(depth).toBe(5);
  });

  it("may be its own cause", () => {
    const error = new Error("loop");
    error.cause = error;
    expect(toErrorRecord(error)).toMatchObject({ cause: { message: "loop" } });
  });

  it("may carry faults that are none of ours", () => {
    for (const faults of [null, 5, "many", {}, []])
      expect(toErrorRecord(Object.assign(new Error("x"), { faults }))).not.toHaveProperty("faults");
  });

  it("is kept as it is by storage", () => {
    const record = toErrorRecord(new Error("outer", { cause: new TroupeError("timeout", "inner") }));
    expect(decodeRecord(encodeRecord(record))).toEqual(record);
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });
});

describe("anything else that is thrown", () => {
  it.each([
    ["text", "text"],
    [{ status: 404 }, '{"status":404}'],
    [undefined, "undefined"],
    [null, "null"],
    [5n, "5"],
    [Symbol("s"), "Symbol(s)"],
  ])("%o becomes a message", (thrown, message) => {
    expect(toErrorRecord(thrown)).toEqual({ name: "Error", message });
  });

  it("becomes a record, and never throws, for any value", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withDate: true, withMap: true, withSet: true }), (thrown) => {
        const record = toErrorRecord(thrown);
        expect(typeof record.message).toBe("string");
        expect(fromErrorRecord(record).message).toBe(record.message);
      }),
      { examples: [[Object.assign(Object.create(null) as object, { n: 1n })]] },
    );
  });
});
