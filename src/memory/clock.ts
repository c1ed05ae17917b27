import type { Alarm, Clock } from "../ports/clock.ts";
import { AlarmQueue } from "./alarm-queue.ts";

/** Promise chains as long as this are run to their end by `settle`; ours are an order of magnitude shorter. */
const QUIET_MICROTASKS = 128;
/** That much at one instant is a livelock, not work. */
const MOST_ACTIONS_PER_INSTANT = 5_000_000;
const DEFAULT_EPOCH_MS = Date.UTC(2027, 0, 1);

/**
 * Time that passes only when a test says so. Everything due at one instant runs in the order in which it was asked for, so a run
 * depends on nothing but its seed.
 *
 * Calls in: tests and the simulation (`settle`, `advance`, `until`); everything that is given a Clock.
 * V1. Nothing runs from within `soon` or `after`; everything runs from within the driving methods.
 * V2. Before time moves, all actions that are due and all promise reactions they cause have run.
 */
export class VirtualClock implements Clock {
  readonly #epochMs: number;
  readonly #alarms = new AlarmQueue();
  #elapsedMs = 0;
  #soon: (() => void)[] = [];

  constructor(epochMs: number = DEFAULT_EPOCH_MS) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, action: () => void): Alarm {
    return this.#alarms.add(this.#elapsedMs + Math.max(0, delayMs), action);
  }

  soon(action: () => void): void {
    this.#soon.push(action);
  }

  /** How long until the next alarm; `undefined` where none is set. */
  get nextAlarmInMs(): number | undefined {
    const dueAt = this.#alarms.nextAt;
    return dueAt === undefined ? undefined : Math.max(0, dueAt - this.#elapsedMs);
  }

  /** Runs everything that is due now, and everything that follows from it without time passing. @throws on a livelock */
  async settle(): Promise<void> {
    let actions = 0;
    for (let quiet = 0; quiet < QUIET_MICROTASKS; quiet++) {
      const ran = this.#runDue();
      if (ran > 0) quiet = 0;
      actions += ran;
      if (actions > MOST_ACTIONS_PER_INSTANT) throw new Error(`Livelock: ${actions} actions at ${this.#elapsedMs} ms`);
      await undefined;
    }
  }

  /** Lets time pass, alarm by alarm. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#elapsedMs + ms;
    await this.settle();
    while (this.#step(targetMs)) await this.settle();
    this.#elapsedMs = Math.max(this.#elapsedMs, targetMs);
    await this.settle();
  }

  /** Lets time pass until an instant, epoch ms; one that has passed only settles. */
  async advanceTo(at: number): Promise<void> {
    await this.advance(Math.max(0, at - this.now()));
  }

  /** Lets time pass until the predicate holds, looking after every alarm. @throws when it does not within `limitMs` */
  async until(predicate: () => boolean, limitMs: number): Promise<void> {
    const targetMs = this.#elapsedMs + limitMs;
    await this.settle();
    while (!predicate()) {
      if (!this.#step(targetMs)) throw new Error(`It did not happen within ${limitMs} ms of virtual time`);
      await this.settle();
    }
  }

  /** Lets time pass until no alarm is set. `false`: there were still some after `limitMs`, as wherever something recurs. */
  async runUntilIdle(limitMs: number): Promise<boolean> {
    const targetMs = this.#elapsedMs + limitMs;
    await this.settle();
    while (this.#step(targetMs)) await this.settle();
    return this.#alarms.nextAt === undefined;
  }

  /** Moves to the next alarm at or before an instant and runs that one. */
  #step(targetMs: number): boolean {
    const dueAt = this.#alarms.nextAt;
    if (dueAt === undefined || dueAt > targetMs) return false;
    this.#elapsedMs = Math.max(this.#elapsedMs, dueAt);
    this.#alarms.take()?.();
    return true;
  }

  #runDue(): number {
    let ran = 0;
    while (this.#soon.length > 0) {
      const actions = this.#soon;
      this.#soon = [];
      for (const action of actions) action();
      ran += actions.length;
      if (ran > MOST_ACTIONS_PER_INSTANT) return ran;
    }
    const dueAt = this.#alarms.nextAt;
    if (dueAt === undefined || dueAt > this.#elapsedMs) return ran;
    this.#alarms.take()?.();
    return ran + 1;
  }
}

/**
 * One process's view of a clock: it may be wrong about the hour, and the process may be frozen or die, after which nothing of it
 * runs any more. What became due while it was frozen runs when it wakes, late, as after a SIGSTOP.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  readonly #skewMs: number;
  #phase: "running" | "frozen" | "dead" = "running";
  #missed: (() => void)[] = [];

  constructor(clock: Clock, skewMs = 0) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, action: () => void): Alarm {
    let isCancelled = false;
    const alarm = this.#clock.after(delayMs, () => this.#run(() => void (isCancelled || action())));
    return {
      cancel() {
        isCancelled = true;
        alarm.cancel();
      },
    };
  }

  soon(action: () => void): void {
    this.#clock.soon(() => this.#run(action));
  }

  /** Nothing of the process runs until `thaw`. Promises that others settle are not held back: freeze its connection too. */
  freeze(): void {
    if (this.#phase === "running") this.#phase = "frozen";
  }

  thaw(): void {
    if (this.#phase !== "frozen") return;
    this.#phase = "running";
    for (const action of this.#missed.splice(0)) this.soon(action);
  }

  /** For ever. */
  stop(): void {
    this.#phase = "dead";
    this.#missed = [];
  }

  #run(action: () => void): void {
    if (this.#phase === "running") action();
    else if (this.#phase === "frozen") this.#missed.push(action);
  }
}
