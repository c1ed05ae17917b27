import { assign, fromPromise, setup } from "xstate";
import { describe, expect, it } from "vitest";
import { start, take } from "../../src/core/turn.ts";
import { defineActor } from "../../src/define-actor.ts";
import { AT, both, crew, CREW, failure, kinds, life, NOW, ONE } from "./crew.ts";

/** Turns in which a parent answers failures. */
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
        version: "1",
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

  it("notes the delivery as seen, and what it remembers stays when the machine hears something else", () => {
    const crew = life({ supervise: ONE }, isStored);
    crew.fails("k", {}, { ...AT, mark: { source: "mail.event", sequence: 9 } });
    expect(crew.record.marks).toEqual({ "mail.event": 9 });
    const worker = setup({ actors: { work: fromPromise(async () => 1) } }).createMachine({
      context: { n: 0 },
      invoke: { id: "w", src: "work" },
      on: { up: { actions: assign({ n: 1 }) } },
    });
    const definition = defineActor({ name: "crew", machine: worker, supervise: ONE });
    const begun = start(definition, CREW, { kind: "start", input: undefined, delayMs: 0 }, AT).actor;
    const failed = take(definition, CREW, begun, failure(begun, "w", {}), AT).actor;
    const { record } = take(definition, CREW, failed, { kind: "event", event: { type: "up" } }, AT).actor;
    expect(record).toMatchObject({ context: { n: 1 }, supervision: { restarts: [{ child: "w" }] } });
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
    expect(crew.record.ended).toEqual([crew.child("k").generation]);
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
    expect(crew.record).toMatchObject({ ended: [crew.child("k").generation, crew.child("boss").generation], activities: {} });
    expect(crew.told).toEqual([]);
    expect(crew.fails("k").kind).toBe("unheard");
  });

  it("escalate: the machine hears of it as if nobody supervised, and a child that lives is stopped", () => {
    const crew = life({ supervise: { directive: "escalate" } }, isStored);
    expect(kinds(crew.fails("k", { lives: true }))).toEqual(["stop"]);
    expect(crew.told).toEqual(["xstate.error.actor.k"]);
    expect(crew.record.supervision?.last).toMatchObject({ child: "k", directive: "escalate", error: { message: "no luck" } });
    expect(crew.record.ended).toEqual([crew.child("k").generation]);
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
