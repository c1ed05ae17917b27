import { expect, test } from "vitest";
import { faultsOfLabels } from "../../src/core/labels.ts";
import { defineTask } from "../../src/define.ts";

test("labels are words, in a task as in a host", () => {
  for (const fit of [undefined, [], ["gpu"], ["eu-1", "a_b", "A9".repeat(32)]]) expect(faultsOfLabels(fit)).toEqual([]);
  for (const unfit of ["gpu", [""], ["no space"], ["a".repeat(65)], ["a.b"], [7], {}])
    expect(faultsOfLabels(unfit)).toMatchObject([{ path: "labels" }]);
  expect(() => defineTask({ name: "t", labels: ["no space"], run: () => 1 })).toThrow(
    expect.objectContaining({ code: "bad_options", faults: [expect.objectContaining({ path: "labels" })] }),
  );
});

test("a task without labels is as it was", () => {
  expect(defineTask({ name: "t", labels: [], run: () => 1 }).activities.get("run")).not.toHaveProperty("labels");
});
