import { describe, expect, it } from "vitest";
import { fit } from "../../src/core/fit.ts";
import { take } from "../../src/core/turn.ts";
import type { Migrate } from "../../src/core/versions.ts";
import { AT, NOW } from "./life.ts";
import { ADDRESS, at, define, moved, parts } from "./stored.ts";

describe("a migration that moves the actor to another state", () => {
  const config = {
    initial: "charging",
    states: {
      charging: {
        invoke: [
          { id: "charge", src: "charge", input: ({ context }: { context: { amount: number } }) => context.amount, onDone: "sent" },
          { id: "parcel", src: "parcel" },
        ],
        after: { 5_000: "sent", patience: "sent" },
        entry: "never",
      },
      sent: { invoke: { id: "other", src: "charge" } },
    },
  };
  const machine = parts.createMachine({ id: "order", ...config } as never).provide({
    actions: {
      never: () => {
        throw new Error("entered");
      },
    },
  });
  const charging: Migrate = ({ context }) => ({ value: "charging", context: { ...context, amount: 5 } });
  const definition = define(machine, { version: 2, migrate: { 1: charging } });
  const timer = (type: string) => ({ generation: 1, dueAt: NOW, event: { type }, keeper: "server" as const });

  it("begins what the state invokes and waits for, and runs no entry action", () => {
    const { turn, notes } = moved(fit(definition, ADDRESS, at("paying"), AT));
    const { record } = turn.actor;
    expect(record).toMatchObject({
      value: "charging",
      activities: { charge: { src: "charge", input: 5 } },
      timers: {
        "xstate.after.5000.order.charging": { dueAt: NOW + 5_000, keeper: "server" },
        "xstate.after.patience.order.charging": { dueAt: NOW + 9_000 },
      },
      children: { parcel: { type: "order-parcel", src: "parcel" } },
    });
    expect(turn.effects.map(({ kind }) => kind).toSorted()).toEqual(["arm", "arm", "run", "spawn"]);
    expect(notes).toEqual([]);
    const { charge } = record.activities;
    const event = { type: "xstate.done.actor.charge", output: 1, actorId: "charge" };
    const settled = { kind: "settled", activity: "charge", generation: charge?.generation ?? 0, event } as const;
    expect(take(definition, ADDRESS, turn.actor, settled, AT).actor.record).toMatchObject({ value: "sent", timers: {} });
  });

  it("keeps work and children that the new state has under the same name", () => {
    const activities = { charge: { src: "charge", generation: 1, input: 3, reruns: 0 } };
    const children = { parcel: { type: "order-parcel", id: "7~parcel~2", generation: 2, src: "parcel", kind: "actor" as const } };
    const { turn } = moved(fit(definition, ADDRESS, at("paying", { activities, children, generation: 2 }), AT));
    expect(turn.actor.record).toMatchObject({ activities, children });
    expect(turn.effects.map(({ kind }) => kind)).toEqual(["arm", "arm"]);
  });

  it("ends what the state of old had begun", () => {
    const activities = Object.fromEntries(
      ["other", "0.order.paying", "spawned"].map((id, i) => [id, { src: "charge", generation: i + 1, input: 0, reruns: 0 }]),
    );
    const gone = { gone: { src: "gone", generation: 9, input: 0, reruns: 0 } };
    const timers = { "xstate.after.1.order.paying": timer("xstate.after.1.order.paying"), mine: timer("mine") };
    const { turn } = moved(fit(definition, ADDRESS, at("paying", { activities: { ...activities, ...gone }, timers, generation: 9 }), AT));
    expect(Object.keys(turn.actor.record.activities).toSorted()).toEqual(["charge", "spawned"]);
    expect(Object.keys(turn.actor.record.timers)).not.toContain("xstate.after.1.order.paying");
    expect(Object.keys(turn.actor.record.timers)).toContain("mine");
    expect(turn.effects.filter(({ kind }) => kind === "halt")).toHaveLength(3);
    expect(turn.effects.filter(({ kind }) => kind === "disarm")).toHaveLength(1);
  });

  it("is only told of what a state begins that the actor was in already", () => {
    const { turn, notes } = moved(
      fit(define(machine, { version: 2 }), ADDRESS, at("charging", { timers: { "xstate.after.1.x": timer("x") } }), AT),
    );
    expect(turn.effects).toEqual([]);
    expect(notes.map(({ path }) => path)).toEqual([
      "order.charging.invoke.charge",
      "order.charging.invoke.parcel",
      "order.charging.xstate.after.5000.order.charging",
      "order.charging.xstate.after.patience.order.charging",
      "timers.xstate.after.1.x",
    ]);
  });
});
