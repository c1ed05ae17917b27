import { assign, cancel, emit, enqueueActions, fromTransition, log, raise, sendTo, setup } from "xstate";
import type { Scene } from "../story.ts";

/** Actions that concern one actor alone: the first rows of the table. */
const counting = setup({
  types: { context: {} as { n: number; log: string[] } },
  actions: { up: assign({ n: ({ context }) => context.n + 1 }) },
  guards: { isSmall: ({ context }) => context.n < 3 },
  delays: { soon: 50, grown: ({ context }) => 100 * (context.n + 1) },
});
const first = { n: 0, log: [] as string[] };

export const actionScenes: readonly Scene[] = [
  {
    name: "assign, guards, always and raise within one step",
    machine: () =>
      counting.createMachine({
        context: first,
        initial: "low",
        on: { up: { actions: "up" }, twice: { actions: ["up", raise({ type: "up" })] }, guarded: { guard: "isSmall", actions: "up" } },
        states: {
          low: { always: { guard: ({ context }) => context.n >= 3, target: "high" } },
          high: { on: { reset: { target: "low", actions: assign({ n: 0 }) } } },
        },
      }),
    steps: [{ type: "up" }, { type: "nobody" }, { type: "twice" }, { type: "guarded" }, { type: "reset" }, { type: "guarded" }],
  },
  {
    name: "a delayed raise: named, unnamed, without delay, cancelled, and several at once",
    machine: () =>
      counting.createMachine({
        context: first,
        on: {
          up: { actions: "up" },
          later: { actions: raise({ type: "up" }, { id: "bell", delay: 100 }) },
          atOnce: { actions: raise({ type: "up" }, { delay: 0 }) },
          unnamed: { actions: [raise({ type: "up" }, { delay: 10 }), raise({ type: "up" }, { delay: 20 })] },
          long: { actions: raise({ type: "up" }, { id: "long", delay: 360_000 }) },
          named: { actions: raise({ type: "up" }, { delay: "grown" }) },
          forget: { actions: [cancel("bell"), cancel("long")] },
        },
      }),
    steps: [
      { type: "later" },
      99,
      1,
      { type: "atOnce" },
      1,
      { type: "unnamed" },
      15,
      15,
      { type: "later" },
      { type: "long" },
      50,
      { type: "forget" },
      400_000,
      { type: "long" },
      359_999,
      1,
      { type: "named" },
      600,
    ],
  },
  {
    name: "after: in numbers, by name, computed, withdrawn when the state is left, begun anew on re-entry",
    machine: () =>
      counting.createMachine({
        context: first,
        initial: "a",
        on: { back: ".a", again: { target: ".a", reenter: true } },
        states: {
          a: { after: { 1000: { target: "b", actions: "up" } }, on: { skip: "b" } },
          b: { after: { soon: "c" }, on: { skip: "c" } },
          c: { after: { grown: { target: "d", guard: "isSmall" }, 10_000: "end" } },
          d: {},
          end: { type: "final" },
        },
      }),
    steps: [
      999,
      { type: "again" },
      999,
      1,
      50,
      { type: "back" },
      500,
      { type: "skip" },
      { type: "skip" },
      200,
      { type: "back" },
      1000,
      { type: "back" },
      1000,
      50,
      5_000,
      10_000,
    ],
  },
  {
    name: "a final state with output, and what comes after it",
    machine: () =>
      counting.createMachine({
        context: first,
        initial: "a",
        states: {
          a: { on: { go: { target: "z", actions: "up" } }, exit: "up" },
          z: { type: "final", output: ({ context }) => context.n * 10 },
        },
        output: ({ event }) => ({ total: (event as unknown as { output: number }).output }),
      }),
    steps: [{ type: "go" }],
  },
  {
    name: "emit, log and enqueueActions",
    machine: () =>
      setup({ types: { context: {} as { n: number }, emitted: {} as { type: "told"; n: number } } }).createMachine({
        context: { n: 0 },
        on: {
          tell: { actions: [emit(({ context }) => ({ type: "told" as const, n: context.n })), log("telling")] },
          many: {
            actions: enqueueActions(({ enqueue, check, context }) => {
              enqueue.assign({ n: 5 });
              enqueue.emit({ type: "told", n: context.n });
              if (check(({ context }) => context.n === 0)) enqueue.raise({ type: "tell" });
            }),
          },
        },
      }),
    steps: [{ type: "tell" }, { type: "many" }, { type: "many" }],
  },
  {
    name: "custom actions: named, inline, with parameters, on entry and exit, enqueued",
    machine: (act) =>
      setup({
        types: { context: {} as { n: number } },
        actions: {
          note: (_, params: { words: string }) => act(`note ${params.words}`),
          plain: ({ context }) => act(`plain ${context.n}`),
          up: assign({ n: ({ context }) => context.n + 1 }),
        },
      }).createMachine({
        context: { n: 0 },
        initial: "a",
        entry: () => act("root entry"),
        states: {
          a: {
            entry: ["plain", "up", "plain"],
            exit: ({ event }) => act(`exit a by ${event.type}`),
            on: { go: { target: "b", actions: [{ type: "note", params: { words: "on the way" } }, "up"] } },
          },
          b: {
            entry: ["plain", enqueueActions(({ enqueue }) => enqueue({ type: "note", params: { words: "enqueued" } }))],
            on: { back: "a" },
          },
        },
      }),
    steps: [{ type: "go" }, { type: "back" }, { type: "go" }],
  },
  {
    name: "sending to itself, by name of itself, and to nobody in particular",
    machine: () =>
      counting.createMachine({
        context: first,
        on: {
          up: { actions: "up" },
          me: { actions: sendTo(({ self }) => self, { type: "up" }) },
          later: { actions: sendTo(({ self }) => self, { type: "up" }, { delay: 100, id: "x" }) },
          nobody: { actions: sendTo((() => undefined) as never, { type: "up" } as never) },
          forget: { actions: [cancel("x"), "up"] },
        },
      }),
    steps: [{ type: "me" }, { type: "later" }, 100, { type: "later" }, { type: "forget" }, 100, { type: "nobody" }],
  },
  {
    name: "transition logic",
    machine: () =>
      fromTransition(
        (state: { n: number }, event: { type: string }, { self, emit: tell }) => {
          if (event.type === "twice") self.send({ type: "up" });
          if (event.type === "tell") tell({ type: "told", n: state.n });
          return event.type === "up" || event.type === "twice" ? { n: state.n + 1 } : { ...state };
        },
        ({ input }: { input: number }) => ({ n: input }),
      ),
    input: 7,
    steps: [{ type: "up" }, { type: "twice" }, { type: "tell" }],
  },
];
