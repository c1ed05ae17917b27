import { formatAddress, type Address } from "../core/address.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Session } from "./session.ts";

export interface TimekeeperParts {
  readonly clock: Clock;
  /** A timer has come due in an open session; whether it is armed still is for whoever looks at the record to say. */
  readonly due: (session: Session, actor: Address, timer: string, generation: number) => void;
}

interface Kept {
  readonly session: Session;
  readonly alarm: Alarm;
}

/** A timer further ahead is left to its schedule alone: a quarter of a second late is little for whoever has waited that long. */
const REACH_MS = 600_000;
/** With some 200 bytes each. */
const MOST_KEPT = 100_000;
/** So much later the schedule of a timer that is kept here fires: the server, which looks four times a second, must not be first. */
const NET_MS = 1_000;

/**
 * Timers that the server keeps as schedules, kept in the owner's memory as well: there they fire within milliseconds, while the
 * server fires in steps of 250. Whether their actors are in memory does not matter.
 *
 * Owns: one alarm per timer it has room for. Calls in: dispatch.ts, recovery.ts, stage.ts. Calls out: `due`.
 * T1. Nothing depends on it: a timer that is lost here with its process fires by its schedule a little later. Whichever comes second
 *     finds an older generation in the record than its own, or none (invariant 8).
 */
export class Timekeeper {
  readonly #parts: TimekeeperParts;
  readonly #kept = new Map<string, Kept>();

  constructor(parts: TimekeeperParts) {
    this.#parts = parts;
  }

  /** Keeps it, or not. When its schedule is to fire: then, or later where that is only the net (epoch ms). */
  keep(session: Session, actor: Address, timer: string, generation: number, dueAt: number): number {
    const place = placeOf(actor, timer);
    this.#drop(place);
    const { clock, due } = this.#parts;
    const aheadMs = dueAt - clock.now();
    if (aheadMs > REACH_MS || this.#kept.size >= MOST_KEPT) return dueAt;
    const alarm = clock.after(Math.max(0, aheadMs), () => {
      this.#kept.delete(place);
      if (session.open) due(session, actor, timer, generation);
    });
    this.#kept.set(place, { session, alarm });
    return dueAt + NET_MS;
  }

  drop(actor: Address, timer: string): void {
    this.#drop(placeOf(actor, timer));
  }

  /** The session has ended: its timers are its successor's. */
  forget(session: Session): void {
    for (const [place, kept] of this.#kept) if (kept.session === session) this.#drop(place);
  }

  #drop(place: string): void {
    const kept = this.#kept.get(place);
    if (kept === undefined) return;
    kept.alarm.cancel();
    this.#kept.delete(place);
  }
}

function placeOf(actor: Address, timer: string): string {
  return `${formatAddress(actor)} ${timer}`;
}
