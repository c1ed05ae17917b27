import { fromCallback, fromEventObservable, fromObservable, fromPromise, setup, type AnyActorRef, type Subscribable } from "xstate";
import { tracing } from "./tracing.ts";

/** Promises, callbacks and observables, each good or bad in its way. */
interface Observer<T> {
  next(value: T): void;
  complete(): void;
  error(error: unknown): void;
}

/** Says its values in a row of their own, once somebody listens. */
const stream = <T>(tell: (observer: Observer<T>) => void): Subscribable<T> =>
  ({
    subscribe: (observer: Observer<T>) => {
      void Promise.resolve().then(() => tell(observer));
      return { unsubscribe() {} };
    },
  }) as unknown as Subscribable<T>;

export const workers = setup({
  ...tracing,
  actors: {
    add: fromPromise(async ({ input }: { input: { a: number; b: number } }) => input.a + input.b),
    plain: fromPromise((() => "no promise at all") as unknown as () => Promise<string>),
    nothing: fromPromise(async () => {}),
    reject: fromPromise(async ({ input }: { input: unknown }): Promise<never> => {
      throw new Error(`rejected ${input as string}`);
    }),
    throwing: fromPromise(() => {
      throw new Error("thrown at once");
    }),
    never: fromPromise<never>(() => new Promise(() => {})),
    talker: fromCallback(({ sendBack, receive, input }) => {
      sendBack({ type: "said", words: `hello ${input as string}` });
      sendBack({ type: "said", words: "and again" });
      receive((event) => sendBack({ type: "said", words: `heard ${event.type}` }));
    }),
    broken: fromCallback(() => {
      throw new Error("broken");
    }),
    mirror: fromCallback(({ sendBack, receive }) => {
      receive((event) => (event as unknown as { from: AnyActorRef }).from.send({ type: "said", words: "by reference" }));
      sendBack({ type: "ready" });
    }),
    introduces: fromCallback(({ sendBack, receive, self }) => {
      receive((event) => sendBack({ type: "said", words: `heard ${event.type}` }));
      sendBack({ type: "introduced", who: self });
    }),
    calls: fromCallback(({ input }) => {
      (input as { to: AnyActorRef }).to.send({ type: "said", words: "called" });
    }),
    asks: fromPromise(async ({ input }: { input: { to: AnyActorRef } }) => {
      input.to.send({ type: "said", words: "from a promise" });
      return "asked";
    }),
    three: fromObservable(({ input }: { input: number }) =>
      stream<number>((observer) => {
        for (const value of [1, 2, 3]) observer.next(value * input);
        observer.complete();
      }),
    ),
    endless: fromObservable(() => stream<number>((observer) => [1, 2, 3, 4].forEach((value) => observer.next(value)))),
    failing: fromObservable(() =>
      stream<number>((observer) => {
        observer.next(1);
        observer.error(new Error("dried up"));
      }),
    ),
    empty: fromObservable(() => stream<never>((observer) => observer.complete())),
    news: fromEventObservable(({ input }: { input: string }) =>
      stream<{ type: string; words: string }>((observer) => {
        observer.next({ type: "said", words: `${input} one` });
        observer.next({ type: "said", words: `${input} two` });
        observer.complete();
      }),
    ),
    badNews: fromEventObservable(() =>
      stream<{ type: string; words: string }>((observer) => {
        observer.next({ type: "said", words: "so far" });
        observer.error(new Error("no more"));
      }),
    ),
  },
});
