import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TroupeError } from "../../src/core/errors.ts";
import { checkEvent, checkStartOptions, HEADERS, MAX_DELAY_MS, parseInstant, readStartOptions } from "../../src/core/envelope.ts";

const SENT_AT = Date.UTC(2027, 0, 1);
const ABOUT = "resize/42";
const coded = (code: string) => expect.objectContaining({ code, about: ABOUT });

function read(headers: Readonly<Record<string, string>>) {
  return readStartOptions({ sentAt: SENT_AT, header: (name) => headers[name] ?? "" }, ABOUT);
}

describe("the options of a start", () => {
  it("are none where no header says anything", () => {
    expect(read({})).toEqual({ delayMs: 0 });
  });

  it("are read from headers of the public protocol", () => {
    expect(read({ "Troupe-Reply": "inbox.1" })).toEqual({ delayMs: 0, replyTo: "inbox.1" });
    expect(read({ "Troupe-Delay": "1500" })).toEqual({ delayMs: 1_500 });
    expect(read({ "Troupe-Deadline": "2027-01-01T00:00:01Z", "Troupe-Delay": "1000", "Troupe-Reply": "r" })).toEqual({
      delayMs: 1_000,
      deadlineAt: SENT_AT + 1_000,
      replyTo: "r",
    });
    expect(HEADERS).toMatchObject({
      delay: "Troupe-Delay",
      deadline: "Troupe-Deadline",
      replyTo: "Troupe-Reply",
      contentType: "Content-Type",
    });
  });

  it.each(["-1", "1.5", "soon", "1s", String(MAX_DELAY_MS + 1), "Infinity", "NaN", "9007199254740993"])("refuse the delay %s", (delay) => {
    expect(() => read({ [HEADERS.delay]: delay })).toThrow(coded("bad_delay"));
  });

  it.each([" ", "0x10", "1e3", " 5 "])("refuse the delay %j, which is no whole number as people write it", (delay) => {
    expect(() => read({ [HEADERS.delay]: delay })).toThrow(coded("bad_delay"));
  });

  it("allow delays up to ten years", () => {
    expect(read({ [HEADERS.delay]: String(MAX_DELAY_MS) })).toEqual({ delayMs: MAX_DELAY_MS });
  });

  it.each(["yesterday", "2027-13-01T00:00:00Z", "2026-12-31T23:59:59Z", String(SENT_AT), String(SENT_AT - 1), "0"])(
    "refuse the deadline %s",
    (deadline) => {
      expect(() => read({ [HEADERS.deadline]: deadline })).toThrow(coded("bad_deadline"));
    },
  );

  it("refuse a deadline before the delay ends, and take one at its end", () => {
    const withDeadline = (ms: number) => read({ [HEADERS.delay]: "1000", [HEADERS.deadline]: String(SENT_AT + ms) });
    expect(() => withDeadline(999)).toThrow(coded("bad_deadline"));
    expect(withDeadline(1_000)).toMatchObject({ deadlineAt: SENT_AT + 1_000 });
  });

  it("are judged by numbers as they are by headers, and come back untouched", () => {
    const options = { delayMs: 5, deadlineAt: SENT_AT + 10, replyTo: "r" };
    expect(checkStartOptions(options, SENT_AT, ABOUT)).toBe(options);
    for (const deadlineAt of [NaN, Infinity, -Infinity])
      expect(() => checkStartOptions({ delayMs: 0, deadlineAt }, SENT_AT, ABOUT)).toThrow(coded("bad_deadline"));
  });

  it("are refused under a code of ours, whatever the numbers", () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), (delayMs, deadlineAt) => {
        const code = codeOf(() => checkStartOptions({ delayMs, deadlineAt }, SENT_AT, ABOUT));
        expect([undefined, "bad_delay", "bad_deadline"]).toContain(code);
      }),
      { examples: [[0, -1e20]] },
    );
  });
});

/** The code under which something is refused; undefined where it is not. */
function codeOf(check: () => unknown): unknown {
  try {
    check();
    return undefined;
  } catch (error) {
    return error instanceof TroupeError ? error.code : String(error);
  }
}

describe("an instant", () => {
  it.each([
    ["2027-01-01T00:00:00Z", SENT_AT],
    ["2027-01-01T01:00:00+01:00", SENT_AT],
    ["2027-01-01T00:00:00.250Z", SENT_AT + 250],
    ["1800000000000", 1_800_000_000_000],
    ["0", 0],
  ])("is read from %s", (text, at) => {
    expect(parseInstant(text)).toBe(at);
  });

  it.each(["", "now", "tomorrow", "2027-99-01T00:00:00Z", "-5x"])("is none in %j", (text) => {
    expect(parseInstant(text)).toBeNaN();
  });

  it.each(["soon 1", "1 Jan 2027", "2027-01-01T00:00:00", "-5"])(
    "is none in %j, which is neither RFC 3339 nor epoch milliseconds",
    (text) => {
      expect(parseInstant(text)).toBeNaN();
    },
  );
});

describe("an event from outside", () => {
  it("is any object with a type of its own, handed on as it is", () => {
    const event = { type: "paid", amount: 5 };
    expect(checkEvent(event, ABOUT)).toBe(event);
    for (const type of ["xstatex", "troupe", "my.xstate.done", "Troupe.x"]) expect(checkEvent({ type }, ABOUT)).toEqual({ type });
  });

  it.each([null, undefined, 5, "paid", [], {}, { type: "" }, { type: 5 }, { type: null }])("is refused as a payload: %j", (value) => {
    expect(() => checkEvent(value, ABOUT)).toThrow(coded("bad_payload"));
  });

  it.each(["xstate.done.actor.run", "xstate.after.1000.task", "xstate.stop", "xstate.init", "troupe.timer", "xstate.", "troupe."])(
    "is refused when it forges %s",
    (type) => {
      expect(() => checkEvent({ type }, ABOUT)).toThrow(coded("reserved_event"));
    },
  );
});
