import { assign, fromTransition, sendTo, setup, spawnChild, stopChild, type AnyActorRef } from "xstate";
import type { Scene } from "../story.ts";
import { events, first, tracing, type Made } from "./tracing.ts";

/** What XState promises of a systemId: everybody in the tree finds its bearer, while there is one. */
const desk = setup(tracing).createMachine({ context: first, on: { "*": { actions: "note" } } });
const toDesk = (type: string) => sendTo(({ system }) => system.get("desk") as AnyActorRef, { type }) as never;
const clerk = setup({ ...tracing, actors: { desk } }).createMachine({
  context: first,
  entry: toDesk("begun"),
  initial: "on",
  on: {
    tell: { actions: toDesk("told") },
    assigned: {
      actions: assign(({ system, context }) => {
        (system.get("desk") as AnyActorRef).send({ type: "by assign" });
        return { n: context.n + 1 };
      }),
    },
  },
  states: { on: { on: { deeper: "deep" } }, deep: { invoke: { id: "clerk", src: "desk", systemId: "second" } } },
});
const transition = fromTransition((n: number, event: { type: string }, { system }) => {
  if (event.type === "tell") (system.get("desk") as AnyActorRef).send({ type: "by logic" });
  return n + 1;
}, 0);
const office = setup({ ...tracing, actors: { desk, clerk, transition } });

export const nameScenes: readonly Scene[] = [
  {
    name: "a name that is taken by an invoke, and found by cousins: from their entry, from actions, from assign, from transition logic",
    machine: () =>
      office.createMachine({
        context: first,
        invoke: [
          { id: "d", src: "desk", systemId: "desk" },
          { id: "c", src: "clerk" },
          { id: "t", src: "transition" },
        ],
        on: {
          tell: { actions: sendTo("c", { type: "tell" }) },
          assigned: { actions: sendTo("c", { type: "assigned" }) },
          logic: { actions: sendTo("t", { type: "tell" }) },
          self: { actions: toDesk("by the root") },
        },
      }),
    steps: events("tell", "assigned", "logic", "self"),
  },
  {
    name: "a name that is taken in the context and by an action, given back by stop, and taken by the next one",
    machine: () =>
      office.createMachine({
        context: ({ spawn }: Made) => ({ ...first, ref: spawn("desk", { id: "one", systemId: "desk" }) }),
        on: {
          tell: { actions: toDesk("hello") },
          stop: { actions: stopChild("one") },
          next: { actions: spawnChild("desk", { id: "two", systemId: "desk" }) },
        },
      } as never),
    steps: events("tell", "stop", "next", "tell"),
  },
  {
    name: "a name that is kept over a re-entry, by whoever is new",
    machine: () =>
      office.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: { id: "d", src: "desk", systemId: "desk" },
            on: { again: { target: "a", reenter: true }, tell: { actions: toDesk("hello") } },
          },
        },
      }),
    steps: events("tell", "again", "tell", "again", "again", "tell"),
  },
  {
    name: "a name that somebody deep in the tree has is given back with the tree, and found again in the next one",
    machine: () =>
      office.createMachine({
        context: first,
        invoke: { id: "d", src: "desk", systemId: "desk" },
        initial: "off",
        states: {
          off: { on: { go: "on" } },
          on: {
            invoke: { id: "c", src: "clerk" },
            on: {
              deeper: { actions: sendTo("c", { type: "deeper" }) },
              call: { actions: sendTo(({ system }) => system.get("second") as AnyActorRef, { type: "hello" }) },
              leave: "off",
            },
          },
        },
      }),
    steps: events("go", "deeper", "call", "leave", "go", "deeper", "call"),
  },
  {
    name: "two names at once, in one state",
    machine: () =>
      office.createMachine({
        context: first,
        initial: "a",
        states: {
          a: {
            invoke: [
              { id: "x", src: "desk", systemId: "desk" },
              { id: "y", src: "desk", systemId: "other" },
            ],
            on: { tell: { actions: [toDesk("first"), sendTo(({ system }) => system.get("other") as AnyActorRef, { type: "second" })] } },
          },
        },
      }),
    steps: events("tell"),
  },
];
