import { formatAddress } from "../core/address.ts";
import type { Activity, ActivityContext, Definition } from "../core/definition.ts";
import type { Clock } from "../ports/clock.ts";
import { Patience } from "./real-time.ts";

/** A process as its user code sees it. */
export interface Home {
  readonly clock: Clock;
  readonly isDead: boolean;
  /** User code has ended, and its host does not know yet: the host may die here. */
  workEnded(work: Work): void;
}

/** One attempt of user code. */
export interface Work {
  readonly key: string;
  readonly name: string;
  readonly attempt: number;
  readonly context: ActivityContext;
  readonly home: Home;
  readonly patience: Patience;
  sleeps: number;
}

/**
 * The user code that is under way, and how it holds virtual time.
 *
 * Owns: what runs and who sleeps. Calls in: hosts (by their definitions), the pacer, users (`sleep`).
 * U1. Work that waits for the real world holds virtual time, each piece for as long as its patience lasts; then it is taken for hanging.
 * U2. Nothing that a dead process began has a consequence in its host, and its virtual sleeps never end.
 */
export class Works {
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #running = new Set<Work>();
  /** What may last as long as its actor: callbacks and observables. */
  readonly #lasting = new Set<Work>();
  /** Sleeps of nobody known. */
  #strangers = 0;

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#patienceMs = patienceMs;
  }

  get running(): readonly Work[] {
    return [...this.#running].filter(({ home }) => !home.isDead);
  }

  /** Everything of user code that is under way. */
  get all(): readonly Work[] {
    return [...this.running, ...[...this.#lasting].filter(({ home }) => !home.isDead)];
  }

  /** The patience that is to be had before virtual time may pass; undefined where nothing real is waited for. */
  get patience(): Patience | undefined {
    const awake = this.running.filter(({ sleeps, patience }) => sleeps === 0 && !patience.isOver);
    return awake.length > this.#strangers ? awake[0]?.patience : undefined;
  }

  /** Of what lasts: it holds no time, but while it may say something real nothing is given up. */
  get lastPatience(): Patience | undefined {
    return [...this.#lasting].find(({ home, patience }) => !home.isDead && !patience.isOver)?.patience;
  }

  /** The same definition, with its user code watched. */
  observed(definition: Definition, home: Home): Definition {
    const { activities, versions, cast } = definition;
    const all = (each: readonly Definition[] | undefined) => each?.map((other) => this.observed(other, home));
    return {
      ...definition,
      activities: new Map(Array.from(activities, ([name, activity]) => [name, this.#observed(name, activity, home)])),
      ...(versions === undefined ? {} : { versions: all(versions) as readonly Definition[] }),
      ...(cast === undefined ? {} : { cast: all(cast) as readonly Definition[] }),
    };
  }

  /** Virtual time: ends when so much of it has passed, or with the signal. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    const work = signal === undefined ? undefined : this.running.find(({ context }) => context.signal === signal);
    const count = (by: 1 | -1): void => void (work === undefined ? (this.#strangers += by) : (work.sleeps += by));
    count(1);
    return new Promise((resolve, reject) => {
      const alarm = (work?.home.clock ?? this.#clock).after(ms, () => {
        count(-1);
        signal?.removeEventListener("abort", abort);
        resolve();
      });
      const abort = (): void => {
        count(-1);
        alarm.cancel();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  #observed(name: string, activity: Activity, home: Home): Activity {
    return { ...activity, run: (context) => this.#run(name, activity, home, context) };
  }

  async #run(name: string, activity: Activity, home: Home, context: ActivityContext): Promise<unknown> {
    if (home.isDead) return never();
    const patience = new Patience(this.#patienceMs);
    const work: Work = { key: formatAddress(context.actor), name, attempt: context.attempt, context, home, patience, sleeps: 0 };
    const those = activity.isLasting === true ? this.#lasting : this.#running;
    those.add(work);
    try {
      return await activity.run(context);
    } finally {
      those.delete(work);
      if (!home.isDead) home.workEnded(work);
      if (home.isDead) await never();
    }
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
