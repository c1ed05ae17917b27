import type { VirtualClock } from "../memory/clock.ts";
import { Patience, turnOfLoop } from "./real-time.ts";
import type { Works } from "./works.ts";

/** Somebody in the test waits. */
export interface Demand {
  /**
   * `answer`: for the server or an actor. `watch`: for the next change, perhaps in the background: time passes for it only while the
   * test does nothing else. `span`: for an instant of virtual time.
   */
  readonly kind: "answer" | "watch" | "span";
  /** Of a span, as the clock's `now`. */
  readonly until?: number;
  /** The span is over, or what is waited for will not come. */
  readonly end: (why: Stuck) => void;
}

export type Stuck = "nothing can happen any more" | "too many things have happened";

/** Time that is lived through after something has happened, so that housekeeping has its turn now and then. */
const RESTLESS_MS = 300;
/** The same while something is absorbed and not forgotten: it would come again after its record has expired. Two rounds of that. */
const UNTIDY_MS = 12_000;
/** The same before a wait is given up: longer than any of its rounds that could still bring something. */
const HOPEFUL_MS = 2_500;
/** After a fault leases lapse, others take over, answers that were lost are looked for: all of that is housekeeping. */
const RESTLESS_AFTER_FAULT_MS = 60_000;
/** Instants at which something may happen during one wait: a machine that ticks for ever would otherwise be waited on for ever. */
const MOST_INSTANTS = 2_000;
/** Rounds between which nothing of the real event loop runs. */
const ROUNDS_PER_TURN = 16;

/**
 * Moves virtual time while somebody waits, and only then: to the next timer when everything that is due has happened, at once over
 * stretches in which nothing but housekeeping would.
 *
 * Owns: the demands, and when time moves. Calls in: the gateway, the troupe. Calls out: the clock, the works.
 * P1. Time does not move while anything is due, or while user code waits for the real world and has patience left.
 * P2. Every wait ends: fulfilled, or failed once nothing is ahead but housekeeping, or once too much has happened without it.
 * P3. A stretch is leapt over only after enough of it was lived through, housekeeping included, that nothing can depend on the rest.
 */
export class Pacer {
  readonly #clock: VirtualClock;
  readonly #works: Works;
  readonly #patienceMs: number;
  readonly #isTidy: () => boolean;
  readonly #demands = new Map<Demand, { instants: number }>();
  #restlessUntil = 0;
  #untidyUntil = 0;
  #hopefulUntil = 0;
  #rounds = 0;
  /** The test has done nothing but watch for as long as its patience lasts. */
  #isOnlyWatching = false;
  #pumping: Promise<void> | undefined;
  #isClosed = false;

  /** @param isTidy whether everything that is absorbed is forgotten */
  constructor(clock: VirtualClock, works: Works, patienceMs: number, isTidy: () => boolean = () => true) {
    this.#clock = clock;
    this.#works = works;
    this.#patienceMs = patienceMs;
    this.#isTidy = isTidy;
  }

  /** Lets time pass until the promise settles. `stuck` makes the error of a wait that cannot be fulfilled. */
  during<T>(promise: Promise<T>, kind: "answer" | "watch", stuck: (why: Stuck) => Error): Promise<T> {
    if (this.#isClosed) return promise;
    return new Promise((resolve, reject) => {
      const demand: Demand = { kind, end: (why) => reject(stuck(why)) };
      this.#add(demand);
      const over = (): void => void this.#demands.delete(demand);
      promise.finally(over).then(
        (value) => this.#isClosed || resolve(value),
        (error: Error) => this.#isClosed || reject(error),
      );
    });
  }

  /** Lets so much time pass. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.#add({ kind: "span", until: this.#clock.now() + ms, end: () => resolve() }));
  }

  /** Something has happened that housekeeping follows up. */
  stir(how: "event" | "fault" = "event"): void {
    const nowMs = this.#clock.monotonic();
    this.#restlessUntil = Math.max(this.#restlessUntil, nowMs + (how === "fault" ? RESTLESS_AFTER_FAULT_MS : RESTLESS_MS));
    this.#untidyUntil = nowMs + UNTIDY_MS;
    this.#hopefulUntil = Math.max(this.#hopefulUntil, nowMs + HOPEFUL_MS, this.#restlessUntil);
  }

  /** No time passes any more; whoever still waits does so for ever. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#demands.clear();
    await this.#pumping;
  }

  #add(demand: Demand): void {
    this.#demands.set(demand, { instants: 0 });
    this.stir();
    if (demand.kind !== "watch") this.#isOnlyWatching = false;
    this.#pumping ??= this.#pump().finally(() => (this.#pumping = undefined));
  }

  async #pump(): Promise<void> {
    // What was asked for in this instant is asked for together.
    await Promise.resolve();
    while (this.#demands.size > 0) {
      // First: what ends in the real world meanwhile has its consequences before time moves.
      if (++this.#rounds % ROUNDS_PER_TURN === 0) await turnOfLoop();
      await this.#clock.settle();
      if (this.#demands.size === 0) break;
      const { patience } = this.#works;
      if (patience !== undefined) await patience.turn();
      else if (!this.#endSpans() && !(await this.#testMayGoOn()) && !this.#move()) await this.#giveUp();
    }
  }

  /** Where only watches wait, the test may be about to do something: time is its own until it has done nothing for a while. */
  async #testMayGoOn(): Promise<boolean> {
    const isWatching = (): boolean => Array.from(this.#demands.keys()).every(({ kind }) => kind === "watch");
    if (this.#isOnlyWatching || !isWatching()) return false;
    const patience = new Patience(this.#patienceMs);
    while (isWatching() && !patience.isOver) await patience.turn();
    this.#isOnlyWatching = isWatching();
    return true;
  }

  /** Spans that are over end before anything else happens. */
  #endSpans(): boolean {
    let some = false;
    for (const demand of this.#demands.keys()) {
      if (demand.until === undefined || demand.until > this.#clock.now()) continue;
      this.#demands.delete(demand);
      demand.end("nothing can happen any more");
      some = true;
    }
    return some;
  }

  /** `false`: nothing is ahead any more. */
  #move(): boolean {
    const clock = this.#clock;
    const before = clock.now();
    const spanMs = Math.min(...Array.from(this.#demands.keys(), ({ until = Infinity }) => until)) - clock.now();
    const nearestMs = Math.min(spanMs, clock.nextEventInMs ?? Infinity);
    // Where nothing is ahead there is nothing to leap to.
    const untilMs = nearestMs === Infinity ? this.#hopefulUntil : this.#isTidy() ? this.#restlessUntil : this.#untidyUntil;
    const restMs = Math.max(0, untilMs - clock.monotonic());
    if (restMs === 0) {
      if (nearestMs === Infinity) return false;
      clock.leap(nearestMs);
    }
    const withinMs = Math.min(nearestMs, restMs);
    const eventInMs = clock.nextEventInMs ?? Infinity;
    const isEvent = eventInMs <= withinMs && eventInMs === clock.nextAlarmInMs;
    clock.step(withinMs);
    if (isEvent) {
      this.stir();
      if (clock.now() > before) this.#countInstant();
    }
    return true;
  }

  #countInstant(): void {
    for (const [demand, seen] of this.#demands) {
      if (demand.kind === "span" || ++seen.instants <= MOST_INSTANTS) continue;
      this.#demands.delete(demand);
      demand.end("too many things have happened");
    }
  }

  async #giveUp(): Promise<void> {
    const patience = this.#works.lastPatience;
    if (patience !== undefined) return patience.turn();
    const waiting = [...this.#demands.keys()];
    this.#demands.clear();
    for (const demand of waiting) demand.end("nothing can happen any more");
  }
}
