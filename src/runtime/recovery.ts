import { lacksPermit, unasked } from "../core/permit.ts";
import { isEnded } from "../core/record.ts";
import type { Actor, Turn, TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import { emptyPending, NOTHING, type Activation } from "./activation.ts";
import { afterCrash, parks } from "./crash.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Hold } from "./hold.ts";
import type { Ledger } from "./ledger.ts";
import type { Obligations } from "./obligations.ts";
import type { Overflow } from "./overflow.ts";
import type { Room } from "./room.ts";
import type { ThrowParts } from "./throwing.ts";
import type { Timekeeper } from "./timekeeper.ts";
import type { Turning } from "./turning.ts";

export interface RecoveryParts {
  readonly log: Log;
  readonly room: Room;
  readonly timekeeper: Timekeeper;
  readonly obligations: Obligations;
  readonly overflow: Overflow;
  readonly dispatch: Dispatch;
  readonly ledger: Ledger;
  readonly turning: Pick<Turning, "step">;
  /** Whether overdue timers of the actor are heard in another place (misfits.ts, F4). */
  readonly hasWaited: (activation: Activation) => boolean;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * What an actor's last host left open, taken up by this one.
 *
 * Owns: nothing; all state is the activation's. Calls in: entrance.ts (`recover`, `ring`), misfits.ts (`recover`), start-reception.ts,
 * event-reception.ts, unheard.ts, turning.ts (`takeUp`). Calls out: whoever goes on with it.
 * C1. What goes on in this host already is left alone.
 * C2. Attempts that were running are settled by their crash policy (invariant 7), all in one turn.
 * C3. Overdue timers are heard in the order in which they were due, whoever kept them: the first may withdraw the others.
 */
export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #throwing: Omit<ThrowParts, "at">;

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
    this.#throwing = { log: parts.log, maxRecordBytes: parts.room.recordBytes };
  }

  /** All that was going on for an actor whose record has just been read. */
  recover(activation: Activation): void {
    if (activation.actor === undefined || activation.misfit !== undefined) return;
    const { obligations, overflow } = this.#parts;
    const { acts, replies } = obligations;
    if (!isEnded(activation.actor.record)) acts.repeat(activation, []);
    replies.repeat(activation);
    overflow.sendOn(activation, []);
    this.takeUp(activation, []);
  }

  /** Work and timers: right after a record was read, or when its actor goes on after it was set aside. `causes` stand for what is open. */
  takeUp(activation: Activation, causes: readonly Hold[]): void {
    const { ledger } = this.#parts;
    const at = ledger.at(activation);
    const { unbegun } = activation;
    if (activation.actor?.record.parked === undefined) activation.unbegun = NOTHING;
    if (isGoingOn(activation.actor)) this.#takeUpTimers(activation, activation.actor, causes, at);
    // Overdue timers have been heard meanwhile.
    if (isGoingOn(activation.actor)) this.#takeUpWork(activation, activation.actor, unbegun, causes, at);
    ledger.queueIfReady(activation, causes);
  }

  /**
   * A timer that the server keeps has come due here first: its schedule is withdrawn by the turn that hears of it. Where that leaves
   * something going on, no delivery stands for it (invariant 5), so a reminder is stored in the schedule's place.
   */
  ring(activation: Activation, timer: string, generation: number): void {
    const { overflow, dispatch, turning, retire } = this.#parts;
    overflow.whenRoom(activation, () => {
      if (activation.actor?.record.timers[timer]?.generation === generation) {
        dispatch.withdraw(activation, (activation.pending ??= emptyPending()), timer);
        turning.step(activation, { kind: "timer", timer, generation }, []);
        if (activation.reminder === "none") activation.reminder = "due";
      }
      retire(activation);
    });
  }

  #takeUpTimers(activation: Activation, { record }: Actor, causes: readonly Hold[], at: TurnAt): void {
    const { obligations, timekeeper, hasWaited } = this.#parts;
    const mayRing = !hasWaited(activation);
    // C3.
    const inOrder = Object.entries(record.timers).toSorted(([, one], [, other]) => one.dueAt - other.dueAt);
    for (const [timer, { keeper, generation, dueAt }] of inOrder) {
      const isArmed = activation.alarms.some((alarm) => alarm.timer === timer && alarm.generation === generation);
      // As what a migration has just armed.
      if (isArmed) continue;
      const isOverdue = dueAt <= at.now;
      if (isOverdue && keeper === "host" && mayRing) obligations.alarms.fire(activation, timer, generation, causes);
      else if (keeper === "host") obligations.alarms.arm(activation, timer, generation, dueAt, causes);
      else if (!isOverdue) timekeeper.keep(activation.session, activation.address, timer, generation, dueAt);
      else if (mayRing) this.ring(activation, timer, generation);
    }
  }

  #takeUpWork(activation: Activation, actor: Actor, unbegun: readonly number[], causes: readonly Hold[], at: TurnAt): void {
    const { ledger, obligations } = this.#parts;
    const { record } = actor;
    // What lacks its permit had not begun.
    if (lacksPermit(record)) {
      const asking = unasked(actor, at);
      if (asking !== undefined) ledger.apply(activation, asking, [], causes);
      return;
    }
    for (const [name, { offer }] of Object.entries(record.activities))
      if (offer !== undefined && activation.attempts.every((each) => each.name !== name))
        obligations.attempts.takeUp(activation, name, causes);
    const settled = this.#afterCrash(activation, actor, unbegun, at);
    if (settled !== undefined) ledger.apply(activation, settled, [], causes);
  }

  /** The turn of all attempts that were running; undefined where none was. */
  #afterCrash(activation: Activation, actor: Actor, unbegun: readonly number[], at: TurnAt): Turn | undefined {
    const running = new Set(activation.attempts.map(({ generation }) => generation));
    const crashed = Object.entries(actor.record.activities).filter(
      ([, { generation, dueAt }]) => dueAt === undefined && !running.has(generation),
    );
    // What parks comes last: an error that the machine hears would take the actor up again.
    const parksLast = crashed.toSorted(([, one], [, other]) => Number(parks(activation, one)) - Number(parks(activation, other)));
    let folded: Turn | undefined;
    for (const [name] of parksLast) {
      const so = folded?.actor ?? actor;
      const waits = unbegun.includes(so.record.activities[name]?.generation ?? 0);
      const turn = waits ? begun(so, name) : afterCrash(activation, so, name, { ...this.#throwing, at });
      folded = folded === undefined ? turn : { ...turn, effects: [...folded.effects, ...turn.effects], kind: "changed" };
    }
    return folded;
  }
}

/** No crash: it had not begun when its actor was set aside. */
function begun(actor: Actor, activity: string): Turn {
  const { generation = 0 } = actor.record.activities[activity] ?? {};
  return { actor, effects: [{ kind: "run", activity, generation }], kind: "changed" };
}

function isGoingOn(actor: Actor | undefined): actor is Actor {
  return actor !== undefined && actor.record.status === "active" && actor.record.parked === undefined;
}
