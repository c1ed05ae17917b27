import { expect, it } from "vitest";
import { assign, setup, type AnyMachineSnapshot, type AnyStateMachine } from "xstate";
import { forgetting } from "../../src/core/forgetting.ts";
import { Scope } from "../../src/core/scope.ts";

const counting = setup({
  types: { context: {} as { named: number; others: number } },
  guards: { holds: () => true },
}).createMachine({
  context: { named: 0, others: 0 },
  initial: "a",
  on: { "other.*": { guard: "holds", actions: assign({ others: ({ context }) => context.others + 1 }) } },
  states: { a: { on: { named: { actions: assign({ named: ({ context }) => context.named + 1 }) } } } },
} as never) as unknown as AnyStateMachine;

/** A machine that hears events, and how often each of its state nodes looked through its transitions for one. */
function hearing(machine: AnyStateMachine) {
  let looks = 0;
  // XState goes through the descriptors of a node to find what may take a type that it does not remember.
  const { transitions } = machine.root as unknown as { transitions: Map<string, unknown> };
  const keys = transitions.keys.bind(transitions);
  transitions.keys = () => (looks++, keys());
  const scope = new Scope(() => {});
  let snapshot = machine.getInitialSnapshot(scope.open("t/1"), undefined) as AnyMachineSnapshot;
  return (type: string) => {
    const before = looks;
    snapshot = machine.transition(snapshot, { type }, scope.open("t/1")) as AnyMachineSnapshot;
    return { isLookedUp: looks > before, context: snapshot.context as { named: number; others: number } };
  };
}

it("a state node of XState remembers every type of event for ever: that is why this is here", () => {
  const hear = hearing(counting.provide({}));
  expect(hear("other.1").isLookedUp).toBe(true);
  for (let i = 2; i < 5_000; i++) hear(`other.${i}`);
  expect(hear("other.1").isLookedUp).toBe(false);
});

it("types that no transition names are forgotten after a while, and heard all the same", () => {
  const hear = hearing(forgetting(counting.provide({})));
  expect([hear("other.1").isLookedUp, hear("other.1").isLookedUp]).toEqual([true, false]);
  for (let i = 2; i < 2_000; i++) hear(`other.${i}`);
  expect(hear("other.1")).toEqual({ isLookedUp: true, context: { named: 0, others: 2_001 } });
});

it("types that a transition names are not", () => {
  const hear = hearing(forgetting(counting.provide({})));
  hear("named");
  for (let i = 0; i < 2_000; i++) hear(`other.${i}`);
  expect(hear("named")).toEqual({ isLookedUp: false, context: { named: 2, others: 2_000 } });
});
