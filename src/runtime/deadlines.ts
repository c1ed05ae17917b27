import type { Alarm, Clock } from "../ports/clock.ts";

/**
 * When those who wait at a gate are late, by the place where they stand.
 *
 * Owns: an alarm for each. Calls in: gatekeeper.ts. Calls out: whoever was told to.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #alarms = new Map<string, Alarm>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** One that is known already stands as it was; at once where it has passed. */
  watch(place: string, deadlineAt: number, late: () => void): void {
    if (!this.#alarms.has(place)) this.#set(place, deadlineAt - this.#clock.now(), late);
  }

  /** It has passed, and nobody could be told. */
  watchAgain(place: string, afterMs: number, late: () => void): void {
    this.#set(place, afterMs, late);
  }

  forget(place: string): void {
    this.#alarms.get(place)?.cancel();
    this.#alarms.delete(place);
  }

  forgetAll(): void {
    for (const alarm of this.#alarms.values()) alarm.cancel();
    this.#alarms.clear();
  }

  #set(place: string, afterMs: number, late: () => void): void {
    const alarm = this.#clock.after(Math.max(0, afterMs), () => {
      this.#alarms.delete(place);
      late();
    });
    this.#alarms.set(place, alarm);
  }
}
