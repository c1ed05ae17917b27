import { assign, cancel, emit, fromPromise, log, raise, setup } from "xstate";
import { describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import { asRecord } from "../../src/core/record.ts";
import { revive, type Actor } from "../../src/core/turn.ts";
import { ADDRESS, begun, definitionOf, failed, fired, heard, next, NOW, succeeded } from "./life.ts";

/** Turns of machines that do what a task's does not: parallel work, history, timers by name, logs, emitted events. */
const work = fromPromise(async () => undefined);
const base = setup({ actors: { work } });

const crew = definitionOf(
  base.createMachine({
    id: "crew",
    initial: "idle",
    states: {
      idle: { on: { go: "busy" } },
      busy: {
        type: "parallel",
        on: { stop: "idle", again: { target: "busy", reenter: true } },
        onDone: "idle",
        states: {
          left: { initial: "on", states: { on: { invoke: { id: "l", src: "work", input: 1, onDone: "off" } }, off: { type: "final" } } },
          right: { initial: "on", states: { on: { invoke: { id: "r", src: "work", input: 2, onDone: "off" } }, off: { type: "final" } } },
        },
      },
    },
  }),
  "work",
);

const player = definitionOf(
  setup({}).createMachine({
    id: "player",
    initial: "playing",
    states: {
      playing: {
        initial: "slow",
        on: { pause: "paused" },
        states: { slow: { on: { faster: "fast" } }, fast: {}, hist: { type: "history" } },
      },
      paused: { on: { play: "playing.hist" } },
    },
  }),
);

const restored = (definition: typeof crew, actor: Actor): Actor =>
  revive(definition, ADDRESS, asRecord(decodeRecord(encodeRecord(actor.record))));

describe("parallel work", () => {
  const busy = next(crew, begun(crew).actor, heard("go"));

  it("starts side by side, each with what the machine said", () => {
    expect(busy.effects).toEqual([
      { kind: "run", activity: "l", generation: 1 },
      { kind: "run", activity: "r", generation: 2 },
    ]);
    expect(busy.actor.record.activities).toMatchObject({ l: { src: "work", input: 1 }, r: { src: "work", input: 2 } });
  });

  it("goes on where a part of it has settled, revived or not", () => {
    const half = next(crew, busy.actor, succeeded(busy.actor, 0, "l"));
    expect(half.effects).toEqual([]);
    expect(half.actor.record).toMatchObject({ value: { busy: { left: "off", right: "on" } } });
    expect(Object.keys(half.actor.record.activities)).toEqual(["r"]);
    for (const actor of [half.actor, restored(crew, half.actor)]) {
      const stopped = next(crew, actor, heard("stop"));
      expect(stopped.effects).toEqual([{ kind: "halt", activity: "r", generation: 2 }]);
      expect(stopped.actor.record).toMatchObject({ value: "idle", activities: {} });
    }
  });

  it("is stopped and started anew when its state is entered again, revived or not", () => {
    for (const actor of [busy.actor, restored(crew, busy.actor)]) {
      const again = next(crew, actor, heard("again"));
      expect(again.effects.filter((effect) => effect.kind === "run")).toMatchObject([{ generation: 3 }, { generation: 4 }]);
      expect(again.actor.record.activities).toMatchObject({ l: { generation: 3 }, r: { generation: 4 } });
      expect(next(crew, again.actor, succeeded(actor, 0, "l")).kind).toBe("unheard");
    }
  });

  it("settles even where nobody listens for its end, and is not halted afterwards", () => {
    const deaf = definitionOf(
      base.createMachine({
        id: "deaf",
        initial: "a",
        states: { a: { invoke: { id: "w", src: "work" }, on: { go: "b" } }, b: {} },
      }),
      "work",
    );
    const settled = next(deaf, begun(deaf).actor, succeeded(begun(deaf).actor, 0, "w"));
    expect(settled).toMatchObject({ kind: "changed", effects: [] });
    expect(settled.actor.record.activities).toEqual({});
    expect(next(deaf, settled.actor, heard("go")).effects).toEqual([]);
  });

  it("is not started by a state that is only passed through", () => {
    const passing = definitionOf(
      base.createMachine({
        id: "passing",
        initial: "a",
        states: { a: { invoke: { id: "w", src: "work" }, always: "b" }, b: {} },
      }),
      "work",
    );
    expect(begun(passing)).toMatchObject({ effects: [], actor: { record: { value: "b", activities: {} } } });
  });
});

describe("history", () => {
  it("is remembered across storage", () => {
    let actor = begun(player).actor;
    for (const type of ["faster", "pause"]) actor = next(player, actor, heard(type)).actor;
    expect(actor.record.value).toBe("paused");
    for (const paused of [actor, restored(player, actor)])
      expect(next(player, paused, heard("play")).actor.record.value).toEqual({ playing: "fast" });
  });
});

const closing = definitionOf(
  setup({}).createMachine({
    initial: "open",
    states: {
      open: {
        on: {
          plan: { actions: raise({ type: "ring" }, { id: "bell", delay: 100 }) },
          close: "closed",
          closeLoudly: { target: "closed", actions: log("closing") },
        },
      },
      closed: { type: "final" },
    },
  }),
);

describe("a machine's actions", () => {
  const clerk = definitionOf(
    setup({ types: { context: {} as { rings: number } } }).createMachine({
      id: "clerk",
      context: { rings: 0 },
      on: {
        plan: { actions: [raise({ type: "ring" }, { id: "bell", delay: 100 }), log("planned", "note")] },
        forget: { actions: cancel("bell") },
        now: { actions: raise({ type: "ring" }) },
        ring: { actions: assign({ rings: ({ context }) => context.rings + 1 }) },
        tell: { actions: emit({ type: "told", words: "hello" } as never) },
      },
    }),
  );
  const { actor } = begun(clerk);

  it("arm and disarm timers by name", () => {
    const planned = next(clerk, actor, heard("plan"));
    expect(planned.effects).toEqual([
      { kind: "arm", timer: "bell", generation: 1, dueAt: NOW + 100, keeper: "host" },
      { kind: "log", label: "note", value: "planned" },
    ]);
    expect(next(clerk, planned.actor, heard("forget")).effects).toEqual([{ kind: "disarm", timer: "bell", generation: 1, keeper: "host" }]);
    expect(next(clerk, planned.actor, fired(planned.actor)).actor.record).toMatchObject({ timers: {}, context: { rings: 1 } });
  });

  it("leave no timer behind when the machine ends, by an edge with or without actions", () => {
    for (const type of ["close", "closeLoudly"]) {
      const planned = next(closing, next(closing, begun(closing).actor, heard("plan")).actor, heard(type));
      expect(planned.actor.record).toMatchObject({ status: "done", timers: {} });
      expect(planned.effects).toContainEqual({ kind: "disarm", timer: "bell", generation: 1, keeper: "host" });
    }
  });

  it("replace a timer that is armed under the same name", () => {
    const twice = next(clerk, next(clerk, actor, heard("plan")).actor, heard("plan"));
    expect(twice.actor.record.timers).toMatchObject({ bell: { generation: 2 } });
    expect(Object.keys(twice.actor.record.timers)).toHaveLength(1);
  });

  it("raise what needs no waiting within the same turn", () => {
    expect(next(clerk, actor, heard("now"))).toMatchObject({ effects: [], actor: { record: { context: { rings: 1 } } } });
  });

  it("emit events as effects", () => {
    expect(next(clerk, actor, heard("tell")).effects).toEqual([{ kind: "emit", event: { type: "told", words: "hello" } }]);
  });

  it("store why a machine ended in error", () => {
    const busy = next(crew, begun(crew).actor, heard("go")).actor;
    const turn = next(crew, busy, failed(busy, { name: "Error", message: "no luck" }, "l"));
    expect(turn.actor.record).toMatchObject({ status: "error", activities: {} });
    expect(turn.actor.record.error).toMatchObject({ name: "Error", message: "no luck" });
  });
});
