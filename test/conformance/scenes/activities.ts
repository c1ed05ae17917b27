import { assign, fromCallback, fromObservable, fromPromise, sendTo, setup, type Subscribable } from "xstate";
import type { Scene } from "../story.ts";

/** Logic that works outside the turn: promises, callbacks, observables. */
const workers = setup({
  types: { context: {} as { got: readonly unknown[] } },
  actors: {
    double: fromPromise(async ({ input }: { input: number }) => input * 2),
    fail: fromPromise(async (): Promise<number> => {
      throw new Error("no luck");
    }),
    never: fromPromise<number>(() => new Promise(() => {})),
    echo: fromCallback<{ type: string }, { prefix: string }>(({ sendBack, receive, input }) => {
      sendBack({ type: "said", words: `${input.prefix} hello` });
      receive((event) => sendBack({ type: "said", words: `${input.prefix} ${event.type}` }));
    }),
    few: fromObservable(
      () =>
        ({
          subscribe: (observer: { next(value: number): void; complete(): void }) => {
            void Promise.resolve().then(() => {
              observer.next(1);
              observer.next(2);
              observer.complete();
            });
            return { unsubscribe() {} };
          },
        }) as unknown as Subscribable<number>,
    ),
  },
  actions: {
    keep: assign({
      got: ({ context, event }) => [
        ...context.got,
        "words" in event
          ? event["words"]
          : "output" in event
            ? event["output"]
            : "snapshot" in event
              ? (event["snapshot"] as { context?: unknown }).context
              : "error" in event
                ? (event["error"] as Error).message
                : event.type,
      ],
    }),
  },
});
const nothing = { got: [] };

export const activityScenes: readonly Scene[] = [
  {
    name: "promises that succeed, that fail, and that are left behind",
    machine: () =>
      workers.createMachine({
        context: nothing,
        initial: "first",
        states: {
          first: { invoke: { id: "p", src: "double", input: 21, onDone: { target: "second", actions: "keep" } } },
          second: { invoke: { id: "q", src: "fail", onError: { target: "third", actions: "keep" } } },
          third: { invoke: { id: "r", src: "never", onDone: "first" }, on: { skip: "fourth" } },
          fourth: { type: "final" },
        },
        output: ({ context }) => context.got,
      }),
    steps: [{ type: "skip" }],
  },
  {
    name: "a promise's error that nobody hears ends the machine in error",
    machine: () =>
      workers.createMachine({
        context: nothing,
        initial: "a",
        states: { a: { on: { go: "b" } }, b: { invoke: { id: "q", src: "fail" } } },
      }),
    steps: [{ type: "go" }],
  },
  {
    name: "a callback that hears and answers, and ends with its state",
    isRestarted: true,
    machine: () =>
      workers.createMachine({
        context: nothing,
        initial: "off",
        on: { said: { actions: "keep" } },
        states: {
          off: { on: { go: "on" } },
          on: {
            invoke: { id: "cb", src: "echo", input: { prefix: "I say" } },
            on: { ping: { actions: sendTo("cb", { type: "ping" }) }, stop: "off" },
          },
        },
      }),
    steps: [{ type: "go" }, { type: "ping" }, { type: "stop" }, { type: "go" }, { type: "ping" }],
  },
  {
    name: "an observable whose values are watched to the end",
    machine: () =>
      workers.createMachine({
        context: nothing,
        initial: "a",
        states: { a: { on: { go: "b" } }, b: { invoke: { id: "o", src: "few", onSnapshot: { actions: "keep" }, onDone: "c" } }, c: {} },
      }),
    steps: [{ type: "go" }],
  },
];
