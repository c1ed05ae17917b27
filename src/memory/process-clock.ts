import type { Alarm, Clock } from "../ports/clock.ts";

/**
 * One process's view of a clock: it may be wrong about the hour, and the process may be frozen or die, after which nothing of it
 * runs any more. What became due while it was frozen runs when it wakes, late, as after a SIGSTOP.
 */
export class ProcessClock implements Clock {
  readonly #clock: Clock;
  #skewMs: number;
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

  /** What came due several times while the process was frozen runs once when it wakes. */
  every(everyMs: number, action: () => void): Alarm {
    let isMissed = false;
    let isCancelled = false;
    const alarm = this.#clock.every(everyMs, () => {
      if (this.#phase === "dead") return alarm.cancel();
      if (isMissed) return;
      isMissed = true;
      this.#run(() => {
        isMissed = false;
        if (!isCancelled) action();
      });
    });
    return {
      cancel() {
        isCancelled = true;
        alarm.cancel();
      },
    };
  }

  /** The hour is set anew, forwards or backwards; what is waited for is not: that is measured, not read off. */
  jump(byMs: number): void {
    this.#skewMs += byMs;
  }

  soon(action: () => void): void {
    this.#clock.soon(() => this.#run(action));
  }

  /** Nothing of the process runs until `thaw`. A connection made with this clock is frozen with it. */
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
