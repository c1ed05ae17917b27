import { runInNewContext } from "node:vm";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { TroupeError } from "../../src/core/errors.ts";
import { validate } from "../../src/core/schema.ts";

const image = z.object({ url: z.string(), sizes: z.array(z.object({ width: z.number().min(1) })).default([]) });

function refusal(schema: StandardSchemaV1, value: unknown, code: "invalid_input" | "invalid_output" = "invalid_input"): TroupeError {
  try {
    validate(schema, value, code, "resize/42");
  } catch (error) {
    return error as TroupeError;
  }
  throw new Error("nothing was thrown");
}

describe("a value against its schema", () => {
  it("passes untouched where there is no schema", () => {
    const value = { any: "thing" };
    expect(validate(undefined, value, "invalid_input", "resize/42")).toBe(value);
  });

  it("becomes what the schema makes of it", () => {
    expect(validate(image, { url: "u", more: 1 }, "invalid_input", "resize/42")).toEqual({ url: "u", sizes: [] });
    expect(validate(z.coerce.date(), "2027-01-01T00:00:00Z", "invalid_input", "resize/42")).toEqual(new Date(Date.UTC(2027, 0, 1)));
  });

  it("is refused with every fault and where it is", () => {
    const error = refusal(image, { url: 5, sizes: [{ width: 3 }, { width: 0 }, { width: "x" }] });
    expect(error).toBeInstanceOf(TroupeError);
    expect(error).toMatchObject({ code: "invalid_input", retryable: false, about: "resize/42" });
    expect(error.faults.map((fault) => fault.path)).toEqual(["url", "sizes.1.width", "sizes.2.width"]);
    for (const fault of error.faults) {
      expect(fault.message).not.toBe("");
      expect(error.message).toContain(`${fault.path}: ${fault.message}`);
    }
    expect(error.message).toContain("The input of resize/42");
  });

  it("is refused as output under its own code", () => {
    const error = refusal(z.string(), 5, "invalid_output");
    expect(error).toMatchObject({ code: "invalid_output" });
    expect(error.message).toContain("The output of resize/42");
  });

  it("names the root where the whole is wrong", () => {
    const error = refusal(image, "text");
    expect(error.faults).toMatchObject([{ path: "" }]);
    expect(error.message).toContain("(root): ");
  });

  it("reads paths of objects and of symbols, as other libraries write them", () => {
    const schema: StandardSchemaV1 = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "no", path: [{ key: "a" }, 0, Symbol("s")] }, { message: "nor this" }] }),
      },
    };
    expect(refusal(schema, 1).faults).toEqual([
      { path: "a.0.Symbol(s)", message: "no" },
      { path: "", message: "nor this" },
    ]);
  });
});

describe("a schema that takes its time", () => {
  it("is refused as an option, whatever it would have said", () => {
    const slow = z.string().refine(async () => true);
    expect(refusal(slow, "fits")).toMatchObject({ code: "bad_options", about: "resize/42" });
    const failing: StandardSchemaV1 = { "~standard": { version: 1, vendor: "test", validate: () => Promise.reject(new Error("unheard")) } };
    expect(refusal(failing, 1)).toMatchObject({ code: "bad_options" });
  });

  it("is refused even when its promise is not a native one", () => {
    const foreign = runInNewContext('Promise.resolve({ issues: [{ message: "no" }] })') as never;
    const slow: StandardSchemaV1 = { "~standard": { version: 1, vendor: "test", validate: () => foreign } };
    expect(refusal(slow, "unchecked")).toMatchObject({ code: "bad_options" });
  });
});
