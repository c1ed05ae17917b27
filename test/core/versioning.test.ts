import { setup } from "xstate";
import { describe, expect, it } from "vitest";
import { TroupeError } from "../../src/core/errors.ts";
import { castOf, defineActor } from "../../src/define-actor.ts";
import { defineTask } from "../../src/define.ts";
import type { VersionOptions } from "../../src/versioning.ts";

const machine = setup({}).createMachine({ on: { x: {} } });
const actor = (options: VersionOptions, name = "order") => defineActor({ name, machine, ...options });
const task = (options: VersionOptions) => defineTask({ name: "order", run: () => 1, ...options });
const same = <T>(snapshot: T): T => snapshot;

describe("the version of a definition", () => {
  it("is 1 unless told otherwise, and a number is as good as its text", () => {
    expect([actor({}).version, task({}).version]).toEqual(["1", "1"]);
    expect([actor({ version: 4 }).version, task({ version: "2.10" }).version]).toEqual(["4", "2.10"]);
  });

  it("brings nothing along where there is nothing older", () => {
    expect(actor({ version: 2 })).not.toHaveProperty("versions");
    expect(actor({ version: 2 })).not.toHaveProperty("migrations");
  });
});

describe("what is refused", () => {
  const one = actor({});
  const cases: readonly (readonly [string, VersionOptions, readonly string[]])[] = [
    ["a version that is no number", { version: "v2" }, ["version"]],
    ["half a version", { version: 1.5e-7 }, ["version"]],
    ["a migration from no version", { version: 2, migrate: { first: same } }, ["migrate.first"]],
    ["a migration from this version", { version: 2, migrate: { 2: same } }, ["migrate.2"]],
    ["a migration from a later one", { version: 2, migrate: { 3: same } }, ["migrate.3"]],
    ["a migration that is no function", { version: 2, migrate: { 1: "one" as never } }, ["migrate.1"]],
    ["a migration from a version that is kept", { version: 2, versions: [one], migrate: { 1: same } }, ["migrate.1"]],
    ["a version of another name", { version: 2, versions: [actor({}, "other")] }, ["versions.1"]],
    ["a version of another kind", { version: 2, versions: [task({})] }, ["versions.1"]],
    ["a version that is no older", { versions: [one] }, ["versions.1"]],
    ["a version twice", { version: 2, versions: [one, actor({ version: "1.0" })] }, ["versions.1.0"]],
  ];
  it.each(cases)("%s", (_what, options, paths) => {
    const faults = (() => {
      try {
        actor(options);
      } catch (error) {
        if (error instanceof TroupeError && error.code === "bad_options") return error.faults.map(({ path }) => path);
      }
      return [];
    })();
    expect(faults).toEqual(paths);
  });

  it("a task's in the same way", () => expect(() => task({ version: "", migrate: { 5: same } })).toThrow(/version.*migrate\.5/));
});

describe("children that only their parent's definition knows", () => {
  const kid = (state: string) => setup({}).createMachine({ id: "kid", initial: state, states: { [state]: {} } });
  const parent = (version: number, kids: Readonly<Record<string, string>>, versions: VersionOptions["versions"] = []) => {
    const actors = Object.fromEntries(Object.entries(kids).map(([name, state]) => [name, kid(state)]));
    return defineActor({ name: "order", version, machine: setup({ actors }).createMachine({}) as never, versions });
  };
  const cast = (definition: ReturnType<typeof parent>) =>
    castOf([definition]).map(({ name, version, versions = [] }) => [name, version, versions.map((elder) => elder.version)]);

  it("are kept in every version that their parent is kept in", () => {
    const one = parent(1, { kid: "a", gone: "g" });
    const two = parent(2, { kid: "b" }, [one]);
    const three = parent(3, { kid: "c", born: "d" }, [one, two]);
    expect(cast(three)).toEqual([
      ["order", "3", ["2", "1"]],
      ["order-kid", "3", ["2", "1"]],
      ["order-born", "3", []],
      ["order-gone", "1", []],
    ]);
  });
});
