import { assign, emit, fromPromise, raise, sendParent, sendTo, setup, spawnChild, stopChild } from "xstate";
import { describe, expect, it } from "vitest";
import { addressOf, isId, MAX_ID_BYTES } from "../../src/core/address.ts";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import type { Envelope } from "../../src/core/envelope.ts";
import { childAddress } from "../../src/core/family.ts";
import { asRecord, type ParentRecord } from "../../src/core/record.ts";
import { revive, start, take, type Actor, type Turn, type TurnAt } from "../../src/core/turn.ts";
import { castOf, defineActor } from "../../src/define-actor.ts";

/** Turns of parents and children, told envelope by envelope without a host. */
const AT: TurnAt = { now: 1_800_000_000_000, epoch: 7 };
const ADDRESS = addressOf("order", "7");

const kid = setup({}).createMachine({
  id: "kid",
  initial: "alive",
  states: { alive: { on: { end: "over", ask: { actions: sendParent({ type: "told" }) } } }, over: { type: "final" } },
  output: "an output",
});
const machine = setup({
  types: { context: {} as { heard: readonly string[] } },
  actors: { kid, work: fromPromise(async () => 1) },
}).createMachine({
  context: { heard: [] },
  initial: "idle",
  on: {
    keep: { actions: spawnChild("kid", { id: "s", systemId: "boss" }) },
    drop: { actions: stopChild("s") },
    late: { actions: sendTo("s", { type: "ask" }, { id: "l", delay: 10_000 }) },
    boss: { actions: sendTo(({ system }) => system.get("boss"), { type: "ask" }) },
  },
  states: {
    idle: { on: { go: "busy" } },
    busy: {
      entry: [sendTo("k", { type: "ask" }), emit({ type: "started" }), raise({ type: "never" }, { delay: 5 })],
      invoke: [
        {
          id: "k",
          src: "kid",
          onDone: { actions: assign({ heard: ({ context, event }) => [...context.heard, String(event.output)] }) },
          onSnapshot: {},
        },
        { id: "w", src: "work" },
      ],
      on: { again: { target: "busy", reenter: true }, idle: "idle", close: "closed" },
    },
    closed: { type: "final" },
  },
} as never);
const order = defineActor({ name: "order", machine });
const child = castOf([order])[1] as typeof order;

const born = (): Actor => start(order, ADDRESS, { kind: "start", input: undefined, delayMs: 0 }, AT).actor;
const next = (actor: Actor, envelope: Exclude<Envelope, { kind: "start" }>): Turn => take(order, ADDRESS, actor, envelope, AT);
const heard = (type: string) => ({ kind: "event", event: { type } }) as const;
const report = (generation: number) =>
  ({ kind: "report", child: "k", generation, event: { type: "xstate.done.actor.k", actorId: "k", output: "an output" } }) as const;
const restored = (actor: Actor): Actor => revive(order, ADDRESS, asRecord(decodeRecord(encodeRecord(actor.record))));
const kinds = (turn: Turn): readonly string[] => turn.effects.map(({ kind }) => kind);

it("keeps a record an actor's in every turn, with and without children", () => {
  const plain = defineActor({ name: "order", machine: setup({}).createMachine({ on: { x: { actions: assign({}) } } }) });
  const first = start(plain, ADDRESS, { kind: "start", input: undefined, delayMs: 0 }, AT).actor;
  expect(first.record.kind).toBe("actor");
  expect(take(plain, ADDRESS, first, heard("x"), AT).actor.record.kind).toBe("actor");
  expect(next(born(), heard("go")).actor.record.kind).toBe("actor");
});

describe("a turn that starts children", () => {
  const turn = next(born(), heard("go"));

  it("asks for each before anything is sent to it, and knows where it will be", () => {
    expect(kinds(turn)).toEqual(["spawn", "run", "send", "emit", "arm"]);
    const parent: ParentRecord = { type: "order", id: "7", child: "k", generation: 1, root: { type: "order", id: "7" }, watches: true };
    expect(turn.effects[0]).toEqual({
      kind: "spawn",
      to: { type: "order-kid", id: "7~k~1" },
      as: "actor",
      input: undefined,
      parent,
      version: "1",
    });
    expect(turn.effects[2]).toEqual({ kind: "send", to: "order-kid/7~k~1", event: { type: "ask" } });
    expect(turn.actor.record.children).toEqual({ k: { type: "order-kid", id: "7~k~1", generation: 1, src: "kid", kind: "actor" } });
  });

  it("replaces them on re-entry: those that were are stopped, those that come are others, from memory or from the record", () => {
    for (const actor of [turn.actor, restored(turn.actor)]) {
      const again = next(actor, heard("again"));
      expect(again.effects).toContainEqual({ kind: "stop", to: { type: "order-kid", id: "7~k~1" }, by: ADDRESS });
      expect(again.effects).toContainEqual({ kind: "halt", activity: "w", generation: 2 });
      expect(again.actor.record.children?.["k"]).toMatchObject({ id: "7~k~4", generation: 4 });
    }
  });

  it("drops what a child of an older generation says, and what one says twice", () => {
    const again = next(turn.actor, heard("again")).actor;
    expect(next(again, report(1)).kind).toBe("unheard");
    const done = next(again, report(4));
    expect(done.actor.record.context).toEqual({ heard: ["an output"] });
    for (const actor of [done.actor, restored(done.actor)]) expect(next(actor, report(4)).kind).toBe("unheard");
  });

  it("does not stop a child whose end it has heard", () => {
    const done = next(turn.actor, report(1)).actor;
    expect(kinds(next(done, heard("idle")))).not.toContain("stop");
  });

  it("stops all of them when it ends", () => {
    const end = next(next(turn.actor, heard("keep")).actor, heard("close"));
    expect(end.actor.record).toMatchObject({ status: "done", children: {}, activities: {}, timers: {} });
    const stopped = end.effects.flatMap((effect) => (effect.kind === "stop" ? [effect.to.id] : []));
    expect(stopped).toEqual(["7~k~1", "7~s~4"]);
  });
});

it("an actor's record stays that of an actor, whatever is in it", () => {
  const plain = defineActor({
    name: "order",
    machine: setup({}).createMachine({ context: { n: 0 }, on: { count: { actions: assign({ n: 1 }) } } }),
  });
  const first = start(plain, ADDRESS, { kind: "start", input: undefined, delayMs: 0 }, AT).actor;
  const second = take(plain, ADDRESS, first, heard("count"), AT).actor;
  expect([first.record.kind, second.record.kind]).toEqual(["actor", "actor"]);
  expect(second.record.context).toEqual({ n: 1 });
});

describe("a delayed send", () => {
  const armed = next(next(born(), heard("keep")).actor, heard("late"));

  it("is a timer of the sender's, and a message when it is due", () => {
    expect(armed.effects).toMatchObject([{ kind: "arm", timer: "l", generation: 2, keeper: "server" }]);
    const due = next(restored(armed.actor), { kind: "timer", timer: "l", generation: 2 });
    expect(due).toMatchObject({ kind: "changed", effects: [{ kind: "send", to: "order-kid/7~s~1", event: { type: "ask" } }] });
    expect(due.actor.record.timers).toEqual({});
    expect(next(due.actor, { kind: "timer", timer: "l", generation: 2 }).kind).toBe("unheard");
  });
});

it("an actor stays one, whatever little its record holds", () => {
  const plain = defineActor({ name: "plain", machine: setup({}).createMachine({ on: { tick: { actions: emit({ type: "tock" }) } } }) });
  const { actor } = start(plain, ADDRESS, { kind: "start", input: undefined, delayMs: 0 }, AT);
  expect(actor.record.kind).toBe("actor");
  expect(take(plain, ADDRESS, actor, heard("tick"), AT).actor.record.kind).toBe("actor");
});

describe("a systemId", () => {
  const root = { type: "order", id: "7" };
  const kept = next(born(), heard("keep"));

  it("is booked at the root, found there, and given back by whoever has it", () => {
    expect(kept.effects).toContainEqual({ kind: "name", root, name: "boss", ref: "order-kid/7~s~1" });
    expect(next(kept.actor, heard("boss")).effects).toEqual([{ kind: "relay", root, name: "boss", event: { type: "ask" } }]);
    const booked = next(kept.actor, { kind: "name", name: "boss", ref: "order-kid/7~s~1" }).actor;
    expect(next(booked, heard("boss")).effects).toEqual([{ kind: "send", to: "order-kid/7~s~1", event: { type: "ask" } }]);
    expect(next(booked, heard("drop")).effects).toContainEqual({
      kind: "name",
      root,
      name: "boss",
      ref: undefined,
      was: "order-kid/7~s~1",
    });
    const other = next(booked, { kind: "name", name: "boss", ref: "order-kid/7~s~2" }).actor;
    const late = next(other, { kind: "name", name: "boss", ref: undefined, was: "order-kid/7~s~1" }).actor;
    expect(late.record.names).toEqual({ boss: "order-kid/7~s~2" });
  });
});

describe("a child", () => {
  const parent: ParentRecord = { ...ADDRESS, child: "k", generation: 1, root: ADDRESS };
  const address = addressOf("order-kid", "7~k~1");
  const alive = start(child, address, { kind: "start", input: undefined, delayMs: 0, parent }, AT).actor;

  it("tells its parent what it sends and how it ends, with its generation", () => {
    expect(take(child, address, alive, heard("ask"), AT).effects).toEqual([{ kind: "send", to: "order/7", event: { type: "told" } }]);
    const end = take(child, address, alive, heard("end"), AT);
    expect(end.effects).toEqual([{ kind: "report", to: parent, event: report(1).event }]);
  });

  it("is stopped by nobody but its parent", () => {
    expect(take(child, address, alive, { kind: "stop", by: addressOf("order", "8") }, AT).kind).toBe("unheard");
  });

  it("says nothing when it is stopped", () => {
    const stopped = take(child, address, alive, { kind: "stop", by: ADDRESS }, AT);
    expect(stopped.actor.record.status).toBe("stopped");
    expect(stopped.effects).toEqual([]);
  });
});

describe("the record of a turn", () => {
  it("says that it is no task's, whether or not it has anything else to say", () => {
    expect(born().record.kind).toBe("actor");
    const plain = defineActor({
      name: "order",
      machine: setup({}).createMachine({ initial: "a", states: { a: { on: { go: "b" } }, b: {} } }),
    });
    const first = start(plain, ADDRESS, { kind: "start", input: undefined, delayMs: 0 }, AT);
    expect(first.actor.record.kind).toBe("actor");
    expect(take(plain, ADDRESS, first.actor, heard("go"), AT).actor.record.kind).toBe("actor");
  });

  it("comes with the edges that were taken, microstep by microstep, where there is a history", () => {
    const machine = setup({}).createMachine({
      id: "m",
      initial: "a",
      states: {
        a: { on: { go: "b", stay: { actions: "note" as never } } },
        b: { always: "c", on: { back: "a" } },
        c: { on: { back: "a" } },
      },
    });
    const told = (history: boolean) => {
      const definition = defineActor({ name: "order", machine: machine.provide({ actions: { note: () => {} } as never }), history });
      const { actor } = start(definition, ADDRESS, { kind: "start", input: undefined, delayMs: 0 }, AT);
      return ["go", "stay"].map((type) => take(definition, ADDRESS, actor, heard(type), AT).edges);
    };
    expect(told(true)).toEqual([
      [
        { event: "go", source: "m.a", targets: ["m.b"] },
        { event: "", source: "m.b", targets: ["m.c"] },
      ],
      [{ event: "stay", source: "m.a", targets: [] }],
    ]);
    expect(told(false)).toEqual([undefined, undefined]);
  });
});

describe("the address of a child", () => {
  const own = { name: "order-kid", isShared: false, kind: "actor" } as const;

  it.each(["k", "0.order.busy", "with spaces and *>", "größe", "x".repeat(300), ""])("is an address, whatever its id is: %s", (id) => {
    expect(isId(childAddress(ADDRESS, id, 12, own).id)).toBe(true);
  });

  it("is another for every generation, also where ids look the same", () => {
    expect(childAddress(ADDRESS, "a.b", 1, own)).not.toEqual(childAddress(ADDRESS, "a b", 2, own));
  });

  it("says the parent's type where others may start such actors too", () => {
    expect(childAddress(ADDRESS, "k", 1, { ...own, isShared: true }).id).toBe("order~7~k~1");
  });

  it("stays within what an id may have, however deep the tree is", () => {
    let address = ADDRESS;
    const seen = new Set<string>();
    for (let depth = 1; depth <= 50; depth++) {
      address = childAddress(address, "a-child-with-a-long-name", depth, own);
      expect(Buffer.byteLength(address.id)).toBeLessThanOrEqual(MAX_ID_BYTES);
      seen.add(address.id);
    }
    expect(seen.size).toBe(50);
  });
});
