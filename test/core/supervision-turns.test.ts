import { assign, fromPromise, sendTo, setup, spawnChild } from "xstate";
import { describe, expect, it } from "vitest";
import { addressOf } from "../../src/core/address.ts";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import type { ActorEvent, Envelope } from "../../src/core/envelope.ts";
import { asRecord, type ChildRecord } from "../../src/core/record.ts";
import { WAKE } from "../../src/core/restarting.ts";
import { revive, start, take, type Actor, type Turn, type TurnAt } from "../../src/core/turn.ts";
import { defineActor, type ActorOptions } from "../../src/define-actor.ts";
import { frozenActor } from "./life.ts";

/** Turns in which a parent answers failures, told envelope by envelope without a host. */
const NOW = 1_800_000_000_000;
const AT: TurnAt = { now: NOW, epoch: 7 };
const CREW = addressOf("crew", "1");

const kid = setup({}).createMachine({});
const machine = setup({
  types: { context: {} as { boss: unknown; heard: readonly string[] } },
  actors: { boss: kid, kid, work: fromPromise(async () => 1) },
  actions: { hear: assign({ heard: ({ context, event }) => [...context.heard, event.type] }) },
}).createMachine({
  context: { boss: null, heard: [] },
  initial: "busy",
  on: { "*": { actions: "hear" } },
  states: {
    busy: {
      entry: [
        assign({ boss: ({ spawn }) => spawn("boss", { id: "boss", systemId: "boss", input: "the boss" }) }),
        spawnChild("kid", { id: "k", input: { a: 1 }, syncSnapshot: true }),
      ],
      invoke: { id: "w", src: "work", input: "hard" as never },
      on: {
        tell: { actions: sendTo(({ context }: { context: { boss: unknown } }) => context.boss as never, { type: "order" } as never) },
        later: { actions: sendTo("boss", { type: "order" }, { delay: 60_000, id: "later" }) },
        idle: "idle",
        close: "closed",
      },
    },
    idle: {},
    closed: { type: "final" },
  },
} as never);

type Options = Partial<ActorOptions<typeof machine>>;
const ONE = { strategy: "one-for-one" } as const;
const SLOW = { minDelayMs: 10_000, maxDelayMs: 60_000, factor: 2, jitter: 0 };
const crew = (options: Options) => defineActor({ name: "crew", machine, ...options });

/** One crew's life: each envelope to what the turn before left, once as it is in memory and once as it is stored. */
function life(options: Options, isStored: boolean) {
  const definition = crew(options);
  const begun = start(definition, CREW, { kind: "start", input: undefined, delayMs: 0 }, AT);
  let { actor } = begun;
  const again = (): Actor => (isStored ? revive(definition, CREW, asRecord(decodeRecord(encodeRecord(actor.record)))) : actor);
  const next = (envelope: Exclude<Envelope, { kind: "start" }>, at = AT): Turn => {
    const turn = take(definition, CREW, isStored ? again() : frozenActor(again()), envelope, at);
    ({ actor } = turn);
    return turn;
  };
  return {
    begun,
    next,
    heard: (type: string) => next({ kind: "event", event: { type } }),
    fails: (child: string, fields: object = {}, at = AT) => next(failure(actor, child, fields), at),
    wakes: (at: TurnAt) => next({ kind: "timer", timer: WAKE, generation: actor.record.timers[WAKE]?.generation ?? -1 }, at),
    get record() {
      return actor.record;
    },
    child: (id: string) => actor.record.children?.[id] as ChildRecord,
    get told() {
      return (actor.record.context as { heard: readonly string[] }).heard;
    },
  };
}

function failure({ record }: Actor, child: string, fields: object): Exclude<Envelope, { kind: "start" }> {
  const error = { name: "Error", message: "no luck" };
  const event: ActorEvent = { type: `xstate.error.actor.${child}`, actorId: child, error };
  const activity = record.activities[child];
  if (activity !== undefined) return { kind: "settled", activity: child, generation: activity.generation, event, ...fields };
  return { kind: "report", child, generation: record.children?.[child]?.generation ?? -1, event, ...fields };
}

const kinds = (turn: Turn): readonly string[] => turn.effects.map(({ kind }) => kind);
const both = [
  ["in memory", false],
  ["stored", true],
] as const;

describe.each(both)("a supervised failure, %s", (_name, isStored) => {
  it("restarts the child with its first input, as another actor, and the machine hears nothing", () => {
    const crew = life({ supervise: ONE }, isStored);
    const turn = crew.fails("k");
    expect(turn).toMatchObject({
      kind: "changed",
      actor: { record: { revision: 2, supervision: { restarts: [{ child: "k", at: NOW }] } } },
    });
    expect(turn.effects).toEqual([
      {
        kind: "spawn",
        to: { type: "crew-kid", id: "1~k~4" },
        as: "actor",
        input: { a: 1 },
        parent: { ...CREW, child: "k", generation: 4, root: CREW, watches: true, supervises: true },
      },
    ]);
    expect(crew.told).toEqual([]);
    expect(crew.child("k")).toEqual({
      type: "crew-kid",
      id: "1~k~4",
      generation: 4,
      src: "kid",
      kind: "actor",
      first: { input: { a: 1 }, watched: true },
    });
  });

  it("stops a child that lives before it begins the next", () => {
    const turn = life({ supervise: ONE }, isStored).fails("k", { lives: true });
    expect(turn.effects).toMatchObject([{ kind: "stop", to: { id: "1~k~2" }, by: CREW }, { kind: "spawn" }]);
  });

  it("is heard once: the report of a generation that was replaced changes nothing", () => {
    const crew = life({ supervise: ONE }, isStored);
    const report = failure({ record: crew.record }, "k", {});
    crew.next(report);
    expect(crew.next(report)).toMatchObject({ kind: "unheard", effects: [] });
    expect(crew.record.supervision?.restarts).toHaveLength(1);
  });

  it("leads whoever was referred to as the old child to the new one, by context, id, systemId and delayed send", () => {
    const crew = life({ supervise: ONE }, isStored);
    crew.heard("later");
    const turn = crew.fails("boss");
    const now = `crew-boss/${crew.child("boss").id}`;
    expect(now).toBe("crew-boss/1~boss~5");
    expect(turn.effects).toContainEqual({ kind: "name", root: CREW, name: "boss", ref: now });
    expect(crew.heard("tell").effects).toEqual([{ kind: "send", to: now, event: { type: "order" } }]);
    const { generation } = crew.record.timers["later"] ?? {};
    expect(crew.next({ kind: "timer", timer: "later", generation: generation as number }).effects).toEqual([
      { kind: "send", to: now, event: { type: "order" } },
    ]);
  });

  it.each([
    ["one-for-all", ["stop 1~k~2", "halt w", "spawn 1~boss~4", "run w", "spawn 1~k~6"]],
    ["rest-for-one", ["stop 1~k~2", "halt w", "run w", "spawn 1~k~5"]],
  ] as const)("%s: stops the others, the last first, and begins all in order", (strategy, effects) => {
    const crew = life({ supervise: { strategy, children: ["boss", "work", "k"] } }, isStored);
    const failed = strategy === "one-for-all" ? "boss" : "w";
    const turn = crew.fails(failed);
    const told = turn.effects.flatMap((effect) => {
      if (effect.kind === "run" || effect.kind === "halt") return [`${effect.kind} ${effect.activity}`];
      return effect.kind === "spawn" || effect.kind === "stop" ? [`${effect.kind} ${effect.to.id}`] : [];
    });
    expect(told).toEqual(effects);
    expect(crew.record.activities["w"]).toMatchObject({ input: "hard", reruns: 0 });
  });

  it("leaves alone who has ended well", () => {
    const crew = life({ supervise: { strategy: "one-for-all" } }, isStored);
    crew.next({ kind: "report", child: "k", generation: 2, event: { type: "xstate.done.actor.k", actorId: "k" } });
    expect(crew.fails("boss").effects.filter(({ kind }) => kind === "spawn")).toHaveLength(1);
    expect(crew.child("k").ended).toBe(true);
  });

  it("resume: the child goes on; nothing else happens", () => {
    const turn = life({ supervise: { directive: "resume" } }, isStored).fails("k", { lives: true });
    expect(turn.effects).toEqual([{ kind: "resume", to: { type: "crew-kid", id: "1~k~2" }, by: CREW }]);
    expect(turn.actor.record.supervision).toMatchObject({ restarts: [], last: { directive: "resume", child: "k" } });
  });

  it("stop: the child is not begun again, and the machine hears nothing", () => {
    const crew = life({ supervise: { directive: "stop" } }, isStored);
    expect(kinds(crew.fails("k", { lives: true }))).toEqual(["stop"]);
    expect(crew.fails("boss").effects).toEqual([]);
    expect(crew.fails("w").effects).toEqual([]);
    expect(crew.record).toMatchObject({ children: { k: { ended: true }, boss: { ended: true } }, activities: {} });
    expect(crew.told).toEqual([]);
    expect(crew.fails("k").kind).toBe("unheard");
  });

  it("escalate: the machine hears of it as if nobody supervised, and a child that lives is stopped", () => {
    const crew = life({ supervise: { directive: "escalate" } }, isStored);
    expect(kinds(crew.fails("k", { lives: true }))).toEqual(["stop"]);
    expect(crew.told).toEqual(["xstate.error.actor.k"]);
    expect(crew.record.supervision?.last).toMatchObject({ child: "k", directive: "escalate", error: { message: "no luck" } });
    expect(crew.record.children?.["k"]).toMatchObject({ ended: true });
  });

  it("one restart too many is escalated", () => {
    const crew = life({ supervise: { restarts: { max: 1, within: "10s" } } }, isStored);
    crew.fails("k");
    expect(crew.fails("k", {}, { ...AT, now: NOW + 9_999 }).effects).toEqual([]);
    expect(crew.told).toEqual(["xstate.error.actor.k"]);
    expect(crew.record.supervision?.last.why).toBe("exhausted");
    const later = life({ supervise: { restarts: { max: 1, within: "10s" } } }, isStored);
    later.fails("k");
    later.fails("k", {}, { ...AT, now: NOW + 10_000 });
    expect(later.told).toEqual([]);
  });

  it("is the machine's where the child is of no group, also of one that a newer definition no longer has", () => {
    const crew = life({ supervise: { children: ["boss"] } }, isStored);
    crew.fails("k");
    expect(crew.told).toEqual(["xstate.error.actor.k"]);
    const alone = life({}, isStored);
    expect(alone.child("k")).not.toHaveProperty("first");
    expect(kinds(alone.fails("k", { lives: true }))).toEqual(["stop"]);
    expect(alone.told).toEqual(["xstate.error.actor.k"]);
  });
});

it("leaves a child that began before its parent supervised to the machine: its input is not known", () => {
  const { actor } = start(crew({}), CREW, { kind: "start", input: undefined, delayMs: 0 }, AT);
  const supervised = crew({ supervise: { strategy: "one-for-all" } });
  const turn = take(supervised, CREW, actor, failure(actor, "k", {}), AT);
  expect(turn.actor.record).toMatchObject({ context: { heard: ["xstate.error.actor.k"] } });
  const work = take(supervised, CREW, actor, failure(actor, "w", {}), AT);
  expect(kinds(work)).toEqual(["halt", "run"]);
});

describe.each(both)("a restart that waits, %s", (_name, isStored) => {
  const supervise = { ...ONE, backoff: SLOW, restarts: { max: 9, within: "1h" } } as const;

  it("is a timer of the parent; until then the child is gone, afterwards it begins", () => {
    const crew = life({ supervise }, isStored);
    expect(crew.fails("k").effects).toMatchObject([{ kind: "arm", timer: WAKE, dueAt: NOW + 10_000, keeper: "server" }]);
    expect(crew.child("k")).toMatchObject({ ended: true, dueAt: NOW + 10_000 });
    const turn = crew.wakes({ ...AT, now: NOW + 10_000 });
    expect(turn.effects).toMatchObject([{ kind: "spawn", input: { a: 1 } }]);
    expect(crew.child("k")).not.toHaveProperty("dueAt");
    expect(crew.child("k")).not.toHaveProperty("ended");
    expect(crew.record.timers).toEqual({});
    expect(crew.told).toEqual([]);
  });

  it("waits for the earliest of several, then for the next; a host whose clock is behind believes the timer", () => {
    const crew = life({ supervise }, isStored);
    crew.fails("k");
    expect(kinds(crew.fails("boss", {}, { ...AT, now: NOW + 3_000 }))).toEqual([]);
    expect(crew.record.timers[WAKE]?.dueAt).toBe(NOW + 10_000);
    const first = crew.wakes({ ...AT, now: NOW + 9_000 });
    expect(first.effects).toMatchObject([{ kind: "spawn" }, { kind: "arm", timer: WAKE, dueAt: NOW + 13_000, keeper: "server" }]);
    expect(crew.wakes({ ...AT, now: NOW + 20_000 }).effects).toMatchObject([
      { kind: "spawn", to: { id: crew.child("boss").id } },
      { kind: "name" },
    ]);
  });

  it("is withdrawn when the machine leaves the child, or ends", () => {
    for (const way of ["idle", "close"]) {
      const crew = life({ supervise: { ...supervise, children: ["work"] } }, isStored);
      crew.fails("w");
      expect(crew.record.timers).toHaveProperty([WAKE]);
      const left = crew.heard(way);
      expect(left.effects).toContainEqual(expect.objectContaining({ kind: "disarm", timer: WAKE }));
      expect(crew.record).toMatchObject({ timers: {}, activities: {} });
    }
  });

  it("stops the others at once, and begins them together", () => {
    const crew = life({ supervise: { ...supervise, strategy: "one-for-all" } }, isStored);
    expect(kinds(crew.fails("boss"))).toEqual(["halt", "stop", "arm"]);
    expect(kinds(crew.wakes({ ...AT, now: NOW + 10_000 }))).toEqual(["spawn", "name", "spawn", "run"]);
  });

  it("of work is not work that its host was killed at: nothing of it has begun", () => {
    const crew = life({ supervise }, isStored);
    crew.fails("w");
    expect(crew.record.activities["w"]).toMatchObject({ dueAt: NOW + 10_000, input: "hard" });
    expect(crew.wakes({ ...AT, now: NOW + 10_000 }).effects).toMatchObject([{ kind: "run", activity: "w" }]);
    expect(crew.record.activities["w"]).not.toHaveProperty("dueAt");
  });
});

describe.each(both)("work with attempts, %s", (_name, isStored) => {
  const retry = { attempts: 3, minDelayMs: 5_000, maxDelayMs: 60_000, factor: 2, jitter: 0 };
  const activities = { work: { retry } };

  it("is tried again before anybody hears, then the machine does", () => {
    const crew = life({ activities }, isStored);
    for (const [failures, delayMs] of [
      [1, 5_000],
      [2, 10_000],
    ] as const) {
      crew.fails("w");
      expect(crew.record.activities["w"]).toMatchObject({ failures, dueAt: NOW + delayMs });
      expect(kinds(crew.wakes({ ...AT, now: NOW + delayMs }))).toEqual(["run"]);
      expect(crew.record.activities["w"]).toMatchObject({ failures });
    }
    crew.fails("w");
    expect(crew.told).toEqual(["xstate.error.actor.w"]);
    expect(crew.record.supervision).toBeUndefined();
  });

  it("is not tried again where no attempt can help", () => {
    const crew = life({ activities }, isStored);
    const error = { name: "TerminalError", message: "hopeless", retryable: false };
    crew.fails("w", { event: { type: "xstate.error.actor.w", actorId: "w", error } });
    expect(crew.told).toEqual(["xstate.error.actor.w"]);
  });

  it("has all of them again after a restart", () => {
    const crew = life({ activities: { work: { retry: { ...retry, attempts: 2, minDelayMs: 0 } } }, supervise: ONE }, isStored);
    for (let restarts = 0; restarts < 3; restarts++) {
      expect(crew.fails("w").effects).toContainEqual(expect.objectContaining({ kind: "run", activity: "w" }));
      expect(crew.record.supervision?.restarts ?? []).toHaveLength(restarts);
      crew.fails("w");
      expect(crew.record.supervision?.restarts).toHaveLength(restarts + 1);
      expect(crew.record.activities["w"]).not.toHaveProperty("failures");
    }
    crew.fails("w");
    crew.fails("w");
    expect(crew.told).toEqual(["xstate.error.actor.w"]);
  });
});
