import { assign, fromPromise, setup, type AnyStateMachine } from "xstate";
import { describe, expect, it } from "vitest";
import { Scope } from "../../src/core/scope.ts";
import { begun, definitionOf, heard, next } from "./life.ts";

/** Edges that look plain and are not: what a turn makes of them must be what XState makes of them. */
const base = setup({ actors: { work: fromPromise(async () => undefined) } });

const work = { id: "w", src: "work" } as const;

const machines: Record<string, { readonly machine: AnyStateMachine; readonly events: readonly string[] }> = {
  "an edge of an ancestor into its own descendant, which enters the states between again": {
    machine: base.createMachine({
      initial: "p",
      on: { go: "#s" },
      states: { p: { initial: "q", states: { q: { initial: "r", invoke: work, states: { r: {}, s: { id: "s" } } } } } },
    }),
    events: ["go"],
  },
  "an edge of the leaf's parent, which keeps what stands around it": {
    machine: base.createMachine({
      initial: "p",
      states: { p: { initial: "a", invoke: work, on: { go: ".b" }, states: { a: {}, b: {} } } },
    }),
    events: ["go"],
  },
  "an edge of a leaf to its sibling, which keeps their parent": {
    machine: base.createMachine({ initial: "p", states: { p: { initial: "a", invoke: work, states: { a: { on: { go: "b" } }, b: {} } } } }),
    events: ["go"],
  },
  "a partial wildcard nearer than the full name": {
    machine: base.createMachine({
      initial: "p",
      states: { p: { initial: "a", on: { "go.far": "z" }, states: { a: { on: { "go.*": "b" } }, b: {} } }, z: {} },
    }),
    events: ["go.far"],
  },
  "an edge without a target, which swallows the event": {
    machine: base.createMachine({
      initial: "p",
      states: { p: { initial: "a", on: { go: "z" }, states: { a: { on: { go: {} } } } }, z: {} },
    }),
    events: ["go"],
  },
  "a forbidden event": {
    machine: base.createMachine({
      initial: "p",
      states: { p: { initial: "a", on: { go: "z" }, states: { a: { on: { go: undefined } } } }, z: {} },
    }),
    events: ["go"],
  },
  "a final state inside, whose end its parent hears": {
    machine: base.createMachine({
      initial: "p",
      states: { p: { initial: "a", onDone: "z", states: { a: { on: { go: "b" } }, b: { type: "final" } } }, z: {} },
    }),
    events: ["go"],
  },
  "an edge to the state itself": {
    machine: base.createMachine({ initial: "a", states: { a: { invoke: work, on: { go: "a" } } } }),
    events: ["go"],
  },
  "an edge to a history state": {
    machine: base.createMachine({
      initial: "p",
      states: {
        p: { initial: "a", on: { out: "z" }, states: { a: { on: { go: "b" } }, b: {}, h: { type: "history" } } },
        z: { on: { back: "p.h" } },
      },
    }),
    events: ["go", "out", "back"],
  },
  "an edge whose guard refuses": {
    machine: base.createMachine({ initial: "a", states: { a: { on: { go: { target: "b", guard: () => false } } }, b: {} } }),
    events: ["go"],
  },
  "an edge that changes the context": {
    machine: base.createMachine({
      initial: "a",
      context: { n: 0 },
      states: { a: { on: { go: { target: "b", actions: assign({ n: 1 }) } } }, b: {} },
    }),
    events: ["go"],
  },
  "an edge that ends the machine, while its root has work": {
    machine: base.createMachine({ initial: "a", invoke: work, states: { a: { on: { go: "z" } }, z: { type: "final" } } }),
    events: ["go"],
  },
  "an edge of the root into the state where the actor stands": {
    machine: base.createMachine({
      initial: "p",
      on: { go: "#b" },
      states: { p: { initial: "a", invoke: work, states: { a: {}, b: { id: "b" } } } },
    }),
    events: ["go"],
  },
  "an input that asks for the actor's own reference": {
    machine: base.createMachine({
      initial: "a",
      states: { a: { on: { go: "b" } }, b: { invoke: { ...work, input: ({ self }) => ({ key: self.id }) as never } } },
    }),
    events: ["go"],
  },
};

describe("a turn along", () => {
  it.each(Object.entries(machines))("%s ends where XState ends", (_name, { machine, events }) => {
    const definition = definitionOf(machine, "work");
    const scope = new Scope(() => {});
    let sure = definition.machine.getInitialSnapshot(scope.open("resize/42"), {});
    let turn = begun(definition);
    for (const type of events) {
      const spawnedBefore = sure.children;
      sure = definition.machine.transition(sure, { type }, scope.open("resize/42"));
      turn = next(definition, turn.actor, heard(type));
      const anew = Object.keys(sure.children).filter((id) => sure.children[id] !== spawnedBefore[id]);
      expect(turn.actor.record).toMatchObject({ value: sure.value, status: sure.status, context: sure.context });
      expect(turn.effects.flatMap((effect) => (effect.kind === "run" ? [effect.activity] : []))).toEqual(anew);
      expect(Object.keys(turn.actor.record.activities)).toEqual(sure.status === "active" ? Object.keys(sure.children) : []);
    }
  });
});
