import { assign, fromPromise, raise, setup } from "xstate";
import * as fc from "fast-check";
import { assert, describe, expect, it } from "vitest";
import { decodeRecord, encodeRecord } from "../../src/core/codec.ts";
import type { Definition } from "../../src/core/definition.ts";
import type { Effect } from "../../src/core/effect.ts";
import { asRecord, type ActorRecord } from "../../src/core/record.ts";
import { park, rerun, resume } from "../../src/core/parking.ts";
import { revive, start, type Actor, type Turn, type TurnAt } from "../../src/core/turn.ts";
import { ADDRESS, definitionOf, failed, fired, frozen, frozenActor, heard, next, NOW, succeeded, taskOf } from "./life.ts";

/** One thing that may happen to an actor, made from how it stands. Late ones name generations that are gone. */
type Happening = (definition: Definition, actor: Actor, at: TurnAt) => Turn;

const parked = { reason: "crashed", error: { name: "TroupeError", code: "crashed", message: "gone" }, at: NOW };
const activityOf = (actor: Actor, nth: number): string => Object.keys(actor.record.activities)[nth] ?? "run";

const HAPPENINGS: Readonly<Record<string, Happening>> = {
  ...Object.fromEntries(
    ["troupe.begin", "troupe.delay", "troupe.expire", "cancel", "nonsense", "go", "stop", "again", "pause"].map((type) => [
      type,
      (definition: Definition, actor: Actor, at: TurnAt) => next(definition, actor, heard(type), at),
    ]),
  ),
  succeed: (definition, actor, at) => next(definition, actor, succeeded(actor, { at: new Date(at.now), n: 1n }, activityOf(actor, 0)), at),
  succeedLast: (definition, actor, at) => next(definition, actor, succeeded(actor, 2, activityOf(actor, 1)), at),
  fail: (definition, actor, at) => next(definition, actor, failed(actor, undefined, activityOf(actor, 0)), at),
  failForGood: (definition, actor, at) =>
    next(definition, actor, failed(actor, { name: "TerminalError", message: "no", retryable: false }, activityOf(actor, 0)), at),
  succeedLate: (definition, actor, at) => {
    const envelope = succeeded(actor);
    return next(definition, actor, envelope.kind === "settled" ? { ...envelope, generation: envelope.generation - 1 } : envelope, at);
  },
  fire: (definition, actor, at) => next(definition, actor, fired(actor), at),
  fireLate: (definition, actor, at) => next(definition, actor, { kind: "timer", timer: "bell", generation: 0 }, at),
  crash: (_definition, actor, at) => rerun(actor, activityOf(actor, 0), at),
  park: (_definition, actor, at) => (actor.record.status === "active" ? park(actor, parked, at) : unchanged(actor)),
  resume: (_definition, actor, at) => (actor.record.parked === undefined ? unchanged(actor) : resume(actor, at)),
};

function unchanged(actor: Actor): Turn {
  return { actor, effects: [], kind: "unheard" };
}

const work = fromPromise(async () => undefined);
const everything = definitionOf(
  setup({ actors: { work }, types: { context: {} as { count: number } } }).createMachine({
    id: "everything",
    context: { count: 0 },
    initial: "idle",
    on: {
      nonsense: { actions: [assign({ count: ({ context }) => context.count + 1 }), raise({ type: "ring" }, { id: "bell", delay: 5_000 })] },
    },
    states: {
      idle: { on: { go: "busy", again: "busy.memory" }, after: { 1_000: "busy" } },
      busy: {
        type: "parallel",
        on: { stop: "idle", again: { target: "busy", reenter: true }, cancel: "over" },
        onDone: "idle",
        states: {
          left: {
            initial: "on",
            states: { on: { invoke: { id: "l", src: "work", onDone: "off", onError: "off" } }, off: { type: "final" } },
          },
          right: {
            initial: "on",
            states: {
              on: { invoke: { id: "r", src: "work", input: 2, onDone: "off" }, on: { pause: "calm" } },
              calm: {},
              off: { type: "final" },
            },
          },
          memory: { type: "history", history: "deep" },
        },
      },
      over: { type: "final" },
    },
  }),
  "work",
);

const definitions: readonly (readonly [string, Definition])[] = [
  ["a task", taskOf({ retry: { attempts: 3 } })],
  ["a machine with parallel states, history and timers", everything],
];

interface Model {
  sequence: number;
}
interface Real {
  readonly definition: Definition;
  live: Actor;
}

/** Applies one happening to the actor in memory and to the same actor as storage has it; both must come out alike. */
class Step implements fc.Command<Model, Real> {
  readonly #name: string;
  constructor(name: string) {
    this.#name = name;
  }
  check(): boolean {
    return true;
  }
  run(model: Model, real: Real): void {
    const at = frozen({ now: NOW + ++model.sequence * 10, epoch: 7, mark: { source: "in.event", sequence: model.sequence } });
    const happens = HAPPENINGS[this.#name] as Happening;
    const stored = revive(real.definition, ADDRESS, asRecord(decodeRecord(encodeRecord(real.live.record))));
    const before = structuredClone(real.live.record);
    const live = happens(real.definition, frozenActor(real.live), at);
    assertAlike(real.live.record, before);
    assertSameTurn(happens(real.definition, stored, at), live);
    assertSameTurn(happens(real.definition, real.live, at), live);
    const rise = live.kind === "unheard" ? 0 : this.#name === "resume" ? live.effects.length + 1 : 1;
    assertAlike(live.actor.record.revision - real.live.record.revision, rise);
    real.live = live.actor;
  }
  toString(): string {
    return this.#name;
  }
}

const assertAlike = (actual: unknown, expected: unknown): void => assert.deepEqual(actual, expected);

function assertSameTurn(left: Turn, right: Turn): void {
  assertAlike(left.kind, right.kind);
  assertAlike(left.effects.toSorted(haltsById), right.effects.toSorted(haltsById));
  assertAlike(withoutOrder(left.actor.record), withoutOrder(right.actor.record));
  if (left.actor.snapshot === undefined || right.actor.snapshot === undefined) return;
  for (const part of ["status", "value", "context", "output"] as const) assertAlike(left.actor.snapshot[part], right.actor.snapshot[part]);
}

/** Work is halted all at once: the order in which XState lists children differs between memory and storage. */
function haltsById(left: Effect, right: Effect): number {
  return left.kind === "halt" && right.kind === "halt" ? left.activity.localeCompare(right.activity) : 0;
}

/** The nodes that a history state remembers are a set; XState lists them in the order in which they were entered or restored. */
function withoutOrder(record: ActorRecord): ActorRecord {
  const remembered = Object.entries((record.historyValue ?? {}) as Record<string, { id: string }[]>);
  return { ...record, historyValue: Object.fromEntries(remembered.map(([id, nodes]) => [id, nodes.map((node) => node.id).toSorted()])) };
}

describe("whatever happens in whatever order", () => {
  it.each(definitions)(
    "%s goes on from its stored record exactly as from memory, and no turn changes what it was given",
    (_name, definition) => {
      const commands = Object.keys(HAPPENINGS).map((name) => fc.constant(new Step(name)));
      fc.assert(
        fc.property(fc.commands(commands, { maxCommands: 30 }), fc.nat(5_000), (steps, delayMs) => {
          const envelope = frozen({ kind: "start", input: { list: [1, { deep: new Date(NOW) }] }, delayMs } as const);
          const setUp = () => ({
            model: { sequence: 0 },
            real: { definition, live: start(definition, ADDRESS, envelope, { now: NOW, epoch: 7 }).actor },
          });
          expect(() => fc.modelRun(setUp, steps)).not.toThrow();
        }),
        { numRuns: 150 },
      );
    },
  );

  it("an ended task holds no work and no timers, and a task is always in one of its five states", () => {
    const definition = taskOf({ retry: { attempts: 3 } });
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.keys(HAPPENINGS)), { maxLength: 30 }), (names) => {
        let { actor } = start(definition, ADDRESS, { kind: "start", input: null, delayMs: 1 }, { now: NOW, epoch: 7 });
        for (const name of names) actor = (HAPPENINGS[name] as Happening)(definition, actor, { now: NOW, epoch: 7 }).actor;
        const { status, value, activities, timers } = actor.record;
        expect(["undo", "doing", "done", "failed", "expired"]).toContain(typeof value === "string" ? value : Object.keys(value)[0]);
        expect(status).toBe(value === "done" || value === "failed" || value === "expired" ? "done" : "active");
        expect(Object.keys(activities)).toEqual(value === "doing" ? ["run"] : []);
        expect(Object.keys(timers)).toHaveLength(typeof value === "object" && value["undo"] !== "ready" ? 1 : 0);
      }),
      { numRuns: 300 },
    );
  });
});
