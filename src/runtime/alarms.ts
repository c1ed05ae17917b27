import type { Envelope } from "../core/envelope.ts";
import type { Clock } from "../ports/clock.ts";
import { without, type Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";

export interface AlarmParts {
  readonly clock: Clock;
  /** It has come due: its holds are handed over. */
  readonly fired: (activation: Activation, fired: Extract<Envelope, { kind: "timer" }>, holds: readonly Hold[]) => void;
}

/**
 * Short timers, which only this process keeps.
 *
 * Owns: the alarms of every activation. Calls in: dispatch.ts, recovery.ts, obligations.ts. Calls out: `fired`.
 */
export class Alarms {
  readonly #parts: AlarmParts;

  constructor(parts: AlarmParts) {
    this.#parts = parts;
  }

  arm(activation: Activation, timer: string, generation: number, dueAt: number, causes: readonly Hold[]): void {
    for (const hold of causes) hold.take();
    const holds = [...causes];
    const alarm = this.#parts.clock.after(Math.max(0, dueAt - this.#parts.clock.now()), () => {
      activation.alarms = without(activation.alarms, armed);
      this.#parts.fired(activation, { kind: "timer", timer, generation }, holds);
    });
    const armed = { timer, generation, alarm, holds };
    activation.alarms = [...activation.alarms, armed];
  }

  /** One that is overdue, now rather than with the clock's next alarm: others that were due later are heard after it. */
  fire(activation: Activation, timer: string, generation: number, causes: readonly Hold[]): void {
    for (const hold of causes) hold.take();
    this.#parts.fired(activation, { kind: "timer", timer, generation }, [...causes]);
  }

  disarm(activation: Activation, timer: string): readonly Hold[] {
    const armed = activation.alarms.find((each) => each.timer === timer);
    if (armed === undefined) return [];
    armed.alarm.cancel();
    activation.alarms = without(activation.alarms, armed);
    return armed.holds;
  }

  disarmAll(activation: Activation): void {
    for (const { timer } of activation.alarms) this.disarm(activation, timer);
  }
}
