import type { Alarm, Clock } from "../ports/clock.ts";
import { AlarmQueue } from "./alarm-queue.ts";

/** Promise chains as long as this are run to their end by `settle`; ours are an order of magnitude shorter. */
const QUIET_MICROTASKS = 128;
/** That much at one instant is a livelock, not work. */
const MOST_ACTIONS_PER_INSTANT = 2_000_000;
const DEFAULT_EPOCH_MS = Date.UTC(2027, 0, 1);

/**
 * Time that passes only when a test says so. Everything due at one instant runs in the order in which it was asked for, so a run
 * depends on nothing but its seed.
 *
 * Calls in: tests and the simulation (`settle`, `advance`, `until`); everything that is given a Clock.
 * V1. Nothing runs from within `soon` or `after`; everything runs from within the driving methods.
 * V2. Before time moves, all actions that are due and all promise reactions they cause have run.
 * V3. One drives at a time; whoever else wants to waits. (So nothing that is driven may wait for a driving method.)
 */
export class VirtualClock implements Clock {
  readonly #epochMs: number;
  readonly #alarms = new AlarmQueue();
  /** By the time that was lived through, as `monotonic` has it. */
  readonly #housekeeping = new AlarmQueue();
  #count = 0;
  #elapsedMs = 0;
  #leaptMs = 0;
  #soon: (() => void)[] = [];
  #turn: Promise<void> = Promise.resolve();

  constructor(epochMs: number = DEFAULT_EPOCH_MS) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonic(): number {
    return this.#elapsedMs - this.#leaptMs;
  }

  after(delayMs: number, action: () => void): Alarm {
    return this.#alarms.add(this.#elapsedMs + Math.max(0, delayMs), this.#count++, action);
  }

  every(everyMs: number, action: () => void): Alarm {
    let alarm: Alarm;
    const arm = (): void => {
      alarm = this.#housekeeping.add(this.monotonic() + everyMs, this.#count++, () => {
        arm();
        action();
      });
    };
    arm();
    return { cancel: () => alarm.cancel() };
  }

  soon(action: () => void): void {
    this.#soon.push(action);
  }

  /** How long until the next alarm, housekeeping included; `undefined` where none is set. */
  get nextAlarmInMs(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : Math.max(0, next.dueAt - this.#elapsedMs);
  }

  /** How long until something other than housekeeping; `undefined` where nothing is ahead. */
  get nextEventInMs(): number | undefined {
    const { next } = this.#alarms;
    return next === undefined ? undefined : Math.max(0, next.dueAt - this.#elapsedMs);
  }

  /**
   * Lets time pass that nobody lives through: housekeeping is where it was, the hour is later. Whoever calls has seen that nothing
   * depends on the housekeeping now. @throws where something else is due before
   */
  leap(ms: number): void {
    const eventInMs = this.nextEventInMs ?? Infinity;
    if (eventInMs < ms) throw new RangeError(`Something is due before ${ms} ms have passed`);
    const before = this.#elapsedMs;
    // What is due then is due exactly, whatever sums of fractions make of it.
    this.#elapsedMs = eventInMs === ms ? (this.#alarms.next?.dueAt ?? before) : before + ms;
    this.#leaptMs += this.#elapsedMs - before;
  }

  /** Moves to the next alarm, if it is due within so long, and runs that one alone; otherwise lets so much pass. Whoever calls settles. */
  step(withinMs: number): void {
    const untilMs = this.#elapsedMs + withinMs;
    if (!this.#step(untilMs)) this.#elapsedMs = untilMs;
  }

  /** Runs everything that is due now, and everything that follows from it without time passing. @throws on a livelock */
  settle(): Promise<void> {
    return this.#drive(() => this.#settle());
  }

  /** Lets time pass, alarm by alarm. */
  advance(ms: number): Promise<void> {
    return this.#drive(async () => {
      const targetMs = this.#elapsedMs + ms;
      await this.#pass(targetMs, () => false);
      this.#elapsedMs = Math.max(this.#elapsedMs, targetMs);
      await this.#settle();
    });
  }

  /** Lets time pass until an instant, epoch ms; one that has passed only settles. */
  advanceTo(at: number): Promise<void> {
    return this.advance(Math.max(0, at - this.now()));
  }

  /** Lets time pass until the predicate holds, looking after every alarm. @throws when it does not within `limitMs` */
  until(predicate: () => boolean, limitMs: number): Promise<void> {
    return this.#drive(async () => {
      await this.#pass(this.#elapsedMs + limitMs, predicate);
      if (!predicate()) throw new Error(`It did not happen within ${limitMs} ms of virtual time`);
    });
  }

  /** Lets time pass until no alarm is set. `false`: there were still some after `limitMs`, as wherever something recurs. */
  async runUntilIdle(limitMs: number): Promise<boolean> {
    await this.#drive(() => this.#pass(this.#elapsedMs + limitMs, () => false));
    return this.#next() === undefined;
  }

  #drive(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #pass(targetMs: number, isEnough: () => boolean): Promise<void> {
    await this.#settle();
    while (!isEnough() && this.#step(targetMs)) await this.#settle();
  }

  async #settle(): Promise<void> {
    let actions = 0;
    do {
      for (let quiet = 0; quiet < QUIET_MICROTASKS; quiet++) {
        const ran = this.#runSoon();
        if (ran > 0) quiet = 0;
        actions += ran;
        if (actions > MOST_ACTIONS_PER_INSTANT) throw new Error(`Livelock: ${actions} actions at ${this.#elapsedMs} ms`);
        await Promise.resolve();
      }
      actions++;
    } while (this.#step(this.#elapsedMs));
  }

  /** Moves to the next alarm at or before an instant and runs that one. */
  #step(targetMs: number): boolean {
    const next = this.#next();
    if (next === undefined || next.dueAt > targetMs) return false;
    this.#elapsedMs = Math.max(this.#elapsedMs, next.dueAt);
    next.queue.take()?.();
    return true;
  }

  #next(): { readonly queue: AlarmQueue; readonly dueAt: number } | undefined {
    const one = this.#alarms.next;
    const other = this.#housekeeping.next;
    const otherAt = other === undefined ? Infinity : other.dueAt + this.#leaptMs;
    if (one !== undefined && (one.dueAt < otherAt || (one.dueAt === otherAt && one.number < (other?.number ?? 0))))
      return { queue: this.#alarms, dueAt: one.dueAt };
    return other === undefined ? undefined : { queue: this.#housekeeping, dueAt: otherAt };
  }

  #runSoon(): number {
    const actions = this.#soon;
    this.#soon = [];
    for (const action of actions) action();
    return actions.length;
  }
}
