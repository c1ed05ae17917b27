import { fromTransition, type StateValue } from "xstate";
import { describe, expect, it } from "vitest";
import { fit, parkMisfit } from "../../src/core/fit.ts";
import type { ActorRecord } from "../../src/core/record.ts";
import { take } from "../../src/core/turn.ts";
import type { Migrate } from "../../src/core/versions.ts";
import { AT, NOW, taskOf } from "./life.ts";
import { ADDRESS, at, define, misfit, moved, order, stored } from "./stored.ts";

const checkout = {
  initial: "paying",
  states: {
    paying: { initial: "card", states: { card: {}, cash: {} } },
    both: { type: "parallel", states: { left: { initial: "x", states: { x: {} } }, right: { initial: "y", states: { y: {} } } } },
    plain: {},
    back: { type: "history" },
  },
};

describe("a record of the same version and shape", () => {
  it("is run as it is", () => {
    const definition = order(checkout);
    expect(fit(definition, ADDRESS, stored(definition), AT)).toEqual({ kind: "same", definition });
  });

  it("is run as it is where it has ended, whatever wrote it", () => {
    const ended = at("gone", { status: "done", version: "9" });
    expect(fit(order(checkout), ADDRESS, ended, AT).kind).toBe("same");
  });
});

describe("a record of another shape whose state resolves", () => {
  const definition = order(checkout, { version: 2 });
  it.each<[string, StateValue]>([
    ["atomic", "plain"],
    ["nested", { paying: "cash" }],
    ["parallel", { both: { left: "x", right: "y" } }],
  ])("goes on in this version: %s", (_kind, value) => {
    const { turn, from, migrated } = moved(fit(definition, ADDRESS, at(value), AT));
    expect(turn.actor.record).toMatchObject({ version: "2", shape: definition.shape, value, revision: 2 });
    expect(turn).toMatchObject({ kind: "changed", effects: [], event: { type: "troupe.version", from: "1", to: "2" } });
    expect(turn.actor.snapshot?.value).toEqual(value);
    expect({ from, migrated }).toEqual({ from: "1", migrated: [] });
  });

  it("goes on also under the same version", () => {
    const { turn, notes } = moved(fit(order(checkout), ADDRESS, at("plain"), AT));
    expect(turn.actor.record.shape).toBe(order(checkout).shape);
    expect(notes).toEqual([{ path: "version", message: "is 1 as before, and the machine is another: raise it" }]);
  });

  it("stays parked where it waits for a person", () => {
    const parked = { reason: "crashed", error: { name: "TroupeError", message: "The host died" }, at: NOW };
    expect(moved(fit(definition, ADDRESS, at("plain", { parked }), AT)).turn.actor.record.parked).toEqual(parked);
  });
});

describe("a record whose state does not resolve", () => {
  it.each<[string, StateValue, readonly string[]]>([
    ["a state that is gone", "gone", ["order.gone is no state of this version"]],
    ["a state inside another", { paying: "cheque" }, ["order.paying.cheque is no state of this version"]],
    ["a state inside one that is atomic now", { plain: "inner" }, ["order.plain.inner is no state of this version"]],
    ["history, which nobody is in", "back", ["order.back is no state of this version"]],
    [
      "a state that has others inside it now",
      "paying",
      ["order.paying has states inside it in this version, and the record does not say which"],
    ],
    ["a region that is new", { both: { left: "x" } }, ["order.both.right is a region of this version that the record knows nothing of"]],
    [
      "several at once",
      { both: { left: "z", right: "y", middle: {} } },
      ["order.both.left.z is no state of this version", "order.both.middle is no state of this version"],
    ],
    ["nothing at all", {}, ["order has states inside it in this version, and the record does not say which"]],
  ])("fits nothing, and every path is told: %s", (_what, value, words) => {
    const found = misfit(fit(order(checkout, { version: 2 }), ADDRESS, at(value), AT));
    expect(found).toMatchObject({ code: "unknown_state" });
    expect(
      (found as { faults: readonly { path: string; message: string }[] }).faults.map(({ path, message }) => `${path} ${message}`),
    ).toEqual(words);
  });

  it("fits nothing where work is under way that this version has not", () => {
    const activities = { w: { src: "gone", generation: 1, input: undefined, reruns: 0 } };
    expect(misfit(fit(order(checkout), ADDRESS, at("plain", { activities }), AT))).toMatchObject({
      faults: [{ path: "activities.w", message: 'is work at "gone", which this version has not' }],
    });
  });

  it("fits nothing where it is of another kind", () => {
    const task = stored(taskOf());
    expect(misfit(fit(order(checkout), ADDRESS, task, AT))).toMatchObject({ faults: [{ path: "order", message: "was a task" }] });
    const logic = define(fromTransition((n: number) => n, 0));
    expect(misfit(fit(logic, ADDRESS, at("plain"), AT))).toMatchObject({ code: "unknown_state" });
    expect(misfit(fit(order(checkout), ADDRESS, stored(logic), AT))).toMatchObject({ code: "unknown_state" });
  });
});

describe("a record of a newer version", () => {
  it("is refused, also where its shape is the same", () => {
    const two = order(checkout, { version: "1.10" });
    const found = misfit(fit(order(checkout, { version: "1.9" }), ADDRESS, stored(two), AT));
    expect(found).toMatchObject({ code: "newer_version", message: "order/7 was written by version 1.10; this host has version 1.9" });
  });
});

describe("migrations", () => {
  const note =
    (word: string): Migrate =>
    ({ value, context }) => ({ value, context: { ...context, notes: [...(context.notes ?? []), word] } });
  const three = (migrate: Readonly<Record<string, Migrate>>) => order(checkout, { version: 3, migrate });

  it("are applied one after the other, from the record's version on", () => {
    const definition = three({ 2: note("two"), 1: note("one") });
    const first = moved(fit(definition, ADDRESS, at("plain"), AT));
    expect(first.turn.actor.record).toMatchObject({ version: "3", context: { notes: ["one", "two"] } });
    expect(first.turn.actor.snapshot?.context).toEqual({ notes: ["one", "two"] });
    expect(first.migrated).toEqual(["1", "2"]);
    const second = moved(fit(definition, ADDRESS, at("plain", { version: "2" }), AT));
    expect(second.turn.actor.record.context).toEqual({ notes: ["two"] });
  });

  it("are applied also where the state would resolve without, and never twice", () => {
    const definition = three({ 1: note("one") });
    const { record } = moved(fit(definition, ADDRESS, at("plain", { shape: definition.shape }), AT)).turn.actor;
    expect(record.context).toEqual({ notes: ["one"] });
    expect(fit(definition, ADDRESS, record, AT).kind).toBe("same");
  });

  it.each<[string, Migrate, string]>([
    [
      "throws",
      () => {
        throw new Error("no idea");
      },
      "threw: no idea",
    ],
    ["gives back nothing", () => undefined as never, "gave back no snapshot"],
    ["gives back no state", ({ context }) => ({ context }) as never, "gave back no snapshot"],
  ])("park the actor where one %s", (_what, migrate, words) => {
    const found = misfit(fit(three({ 1: note("one"), 2: migrate }), ADDRESS, at("plain"), AT));
    expect(found).toMatchObject({ code: "migration_failed" });
    expect((found as { message: string }).message).toContain(`The migration of order/7 from version 2 ${words}`);
  });

  it("park the actor where they lead to a state that is not there", () => {
    const found = misfit(fit(three({ 1: ({ context }) => ({ value: "nowhere", context }) }), ADDRESS, at("gone"), AT));
    expect(found).toMatchObject({ code: "unknown_state", faults: [{ path: "order.nowhere" }] });
  });

  it("change what transition logic keeps", () => {
    const sum = fromTransition((total: number, { by }: { type: string; by: number }) => total + by, 0);
    const counted = stored(define(sum));
    const twice = define(sum, { version: 2, migrate: { 1: ({ value, context }) => ({ value, context: context + 10 }) } });
    const { actor } = moved(fit(twice, ADDRESS, counted, AT)).turn;
    expect(take(twice, ADDRESS, actor, { kind: "event", event: { type: "add", by: 1 } }, AT).actor.record).toMatchObject({
      context: 11,
      version: "2",
    });
  });

  it("park the actor where what its state begins throws", () => {
    const input = () => {
      throw new Error("no amount");
    };
    const config = { initial: "busy", states: { busy: { invoke: { id: "charge", src: "charge", input } } } };
    const definition = order(config, { version: 2, migrate: { 1: ({ context }) => ({ value: "busy", context }) } });
    const found = misfit(fit(definition, ADDRESS, at("idle"), AT));
    expect(found).toMatchObject({ code: "migration_failed" });
    expect((found as { message: string }).message).toContain("no amount");
  });

  it("cannot change the record that is kept where they fail", () => {
    const record = at("plain", { context: { list: [1] } });
    fit(
      three({
        1: (snapshot) => {
          snapshot.context.list.push(2);
          throw new Error("late");
        },
      }),
      ADDRESS,
      record,
      AT,
    );
    expect(record.context).toEqual({ list: [1] });
  });
});

describe("versions side by side", () => {
  const one = order({ initial: "paying", states: { paying: {} } });
  const two = order(checkout, { version: 2, versions: [one] });
  const three = order({ initial: "z", states: { z: {} } }, { version: 3, versions: [one, order(checkout, { version: 2 })] });

  it("are each for the records that they wrote", () => {
    expect(fit(two, ADDRESS, stored(one), AT)).toEqual({ kind: "same", definition: one });
    expect(fit(two, ADDRESS, stored(two), AT)).toEqual({ kind: "same", definition: two });
    expect(fit(three, ADDRESS, stored(one), AT).definition.version).toBe("1");
    expect(fit(three, ADDRESS, stored(two), AT).definition.version).toBe("2");
  });

  it("keep those that they keep themselves", () => {
    const four = order({}, { version: 4, versions: [three] });
    expect(four.versions?.map(({ version }) => version)).toEqual(["3", "2", "1"]);
    expect(fit(four, ADDRESS, stored(one), AT)).toEqual({ kind: "same", definition: one });
  });

  it("are for whatever starts the newest", () => expect(stored(three)).toMatchObject({ version: "3", value: "z" }));
});

describe("a parked misfit", () => {
  const definition = order(checkout, { version: 2 });
  const record = at("gone");
  const error = (from: ActorRecord) => {
    const found = fit(definition, ADDRESS, from, AT);
    if (found.kind !== "misfit") throw new Error(found.kind);
    return found.error;
  };

  it("is its record with the reason, and nothing else changed", () => {
    const { parked, revision, ...rest } = parkMisfit(record, error(record), AT) ?? record;
    expect(parked).toMatchObject({
      reason: "unknown_state",
      error: { code: "unknown_state", faults: [{ path: "order.gone" }] },
      at: AT.now,
    });
    expect(revision).toBe(record.revision + 1);
    const { revision: _before, ...same } = record;
    expect(rest).toEqual({ ...same, epoch: AT.epoch, updatedAt: AT.now });
  });

  it("is stored once", () => {
    const parked = parkMisfit(record, error(record), AT) as ActorRecord;
    expect(parkMisfit(parked, error(parked), { ...AT, now: NOW + 1 })).toBeUndefined();
  });

  it("waits for a person again once it fits, if it did before", () => {
    const before = { reason: "crashed", error: { name: "TroupeError", message: "The host died" }, at: NOW };
    const parked = parkMisfit({ ...record, parked: before }, error(record), AT) as ActorRecord;
    expect(parked.parked).toMatchObject({ reason: "unknown_state", earlier: before });
    const back = order({ initial: "gone", states: { gone: {} } }, { version: 2 });
    expect(moved(fit(back, ADDRESS, parked, AT)).turn.actor.record.parked).toEqual(before);
  });

  it("goes on under the definition that wrote it", () => {
    const own = order(checkout);
    const parked = parkMisfit(stored(own), error(record), AT) as ActorRecord;
    expect(moved(fit(own, ADDRESS, parked, AT)).turn.actor.record.parked).toBeUndefined();
  });
});
