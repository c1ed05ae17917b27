import { describe, expect, it } from "vitest";
import { fingerprintsOf } from "../../src/core/fingerprint.ts";
import { misfitWith, type Company } from "../../src/core/joining.ts";
import { defineTask, type TaskOptions } from "../../src/define.ts";

const types = (...options: readonly Partial<TaskOptions<unknown, unknown>>[]) =>
  fingerprintsOf(options.map((each) => defineTask({ name: "job", run: () => 1, ...each })));
const host = (name: string, more: Partial<Company> = {}): Company => ({ host: name, protocol: 1, release: "1.0.0", types: {}, ...more });

describe("hosts side by side", () => {
  it("fit where they have other types, other versions, other code or other limits", () => {
    const one = host("a", { types: types({}, { name: "only-here" }) });
    for (const other of [{}, { version: 2, onCrash: "park" as const }, { run: () => 2, timeout: "1s" as const, retry: { attempts: 9 } }])
      expect(misfitWith(one, host("b", { types: types(other) }))).toBeUndefined();
    expect(misfitWith(one, host("old"))).toBeUndefined();
    expect(misfitWith(one, host("b", { release: "0.9.0" }))).toBeUndefined();
  });

  it("fit where the numbers of limits differ, and do not where one is limited or has keys and the other is not", () => {
    const limited = host("a", { types: types({ limits: { atOnce: 5 } }) });
    expect(misfitWith(limited, host("b", { types: types({ limits: { atOnce: 1, perSecond: 3 } }) }))).toBeUndefined();
    for (const other of [{}, { limits: { atOnce: 5, key: () => "a" } }])
      expect(misfitWith(limited, host("b", { types: types(other) }))).toMatchObject({ code: "clashing_definition" });
    expect(misfitWith(limited, host("b", { types: types({ version: 2 }) }))).toBeUndefined();
  });

  it("do not where a crash means something else to the same version", () => {
    const misfit = misfitWith(host("a", { types: types({}) }), host("b", { types: types({ onCrash: "fail" }) }));
    expect(misfit).toMatchObject({ code: "clashing_definition", about: "b", faults: [{ path: "job" }] });
    expect(misfit?.message).toContain("version 1");
  });

  it("do not where their protocols differ, whichever is the newer", () => {
    for (const protocol of [0, 2])
      expect(misfitWith(host("a"), host("b", { protocol, release: "2.0.0" }))).toMatchObject({ code: "incompatible_release", about: "b" });
  });

  it("are not misled by types that are called like what every object has", () => {
    const named = { types: { constructor: { toString: "f" } } };
    expect(misfitWith(host("a", named), host("b"))).toBeUndefined();
    expect(misfitWith(host("a", named), host("b", { types: { constructor: {} } }))).toBeUndefined();
  });
});
