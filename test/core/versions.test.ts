import { describe, expect, it } from "vitest";
import { chainOf, compareVersions, isVersion } from "../../src/core/versions.ts";

describe("versions", () => {
  it.each(["1", "10", "2.10", "0.0.1"])("are numbers with dots between them: %s", (text) => expect(isVersion(text)).toBe(true));
  it.each(["", "v1", "1.", ".1", "1.a", "-1", "1 ", "1.0-beta"])("are nothing else: %j", (text) => expect(isVersion(text)).toBe(false));

  it.each([
    ["1", "2"],
    ["2", "10"],
    ["2.9", "2.10"],
    ["2", "2.1"],
    ["1.9.9", "2"],
  ])("know that %s is older than %s", (one, other) => {
    expect(compareVersions(one, other)).toBeLessThan(0);
    expect(compareVersions(other, one)).toBeGreaterThan(0);
    expect(compareVersions(one, one)).toBe(0);
  });

  it("are the same with nothing behind the dot", () => expect(compareVersions("1", "1.0")).toBe(0));
});

describe("the chain of migrations", () => {
  const migrations = ["2", "10", "1", "3.1"].map((from) => ({ from, migrate: <T>(snapshot: T): T => snapshot }));
  const chain = (from: string, to: string) => chainOf(migrations, from, to).map((each) => each.from);

  it("is every one from the record's version on up to this one, in order", () => {
    expect(chain("1", "11")).toEqual(["1", "2", "3.1", "10"]);
    expect(chain("1", "3")).toEqual(["1", "2"]);
    expect(chain("2", "10")).toEqual(["2", "3.1"]);
  });

  it("passes versions that have none", () => {
    expect(chain("3", "4")).toEqual(["3.1"]);
    expect(chain("4", "10")).toEqual([]);
  });
});
