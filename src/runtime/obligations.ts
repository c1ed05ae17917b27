import { encodeJson } from "../core/codec.ts";
import type { Effect } from "../core/effect.ts";
import type { ActorEvent, Envelope } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { attemptOf } from "../core/lifecycle.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Outlet } from "../ports/outlet.ts";
import { NOTHING, type Activation } from "./activation.ts";
import { Attempt, type AttemptEnd, type AttemptHost } from "./attempt.ts";
import type { Hold } from "./hold.ts";

export interface ObligationParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly outlet: Outlet;
  /** Uses up the slot that the turn being made brought along; `false` where it brought none. */
  readonly takeSlotInHand: () => boolean;
  readonly wantsSlot: (activation: Activation, attempt: Attempt) => void;
  readonly slotFreed: () => void;
  /** An attempt has ended: its holds are handed over. */
  readonly ended: (activation: Activation, name: string, attempt: Attempt, end: AttemptEnd) => void;
  /** Work says something to its actor; the work's holds stay with it. */
  readonly told: (activation: Activation, attempt: Attempt, event: ActorEvent) => void;
  readonly sent: AttemptHost["sent"];
  /** A timer in memory has come due: its holds are handed over. */
  readonly fired: (activation: Activation, fired: Extract<Envelope, { kind: "timer" }>, holds: Hold[]) => void;
}

/**
 * What goes on for an actor between its turns and would be lost with this process: attempts and short timers. Each keeps the
 * deliveries that caused it unacknowledged, so that whoever gets them next takes it up again.
 *
 * Owns: the attempts and alarms of every activation, and the slots they take. Calls in: performer.ts.
 * O1. An attempt runs with a slot: brought along by the turn that asked for it, or waited for like any start. It is given back exactly
 *     once, when the attempt ends or is aborted.
 * O2. What an ended or aborted attempt brings afterwards is not looked at.
 * O3. None begins once a turn has been made that stopped it or took another in its place, stored or not: a slot may come while that
 *     turn's commit is under way. Nor does one begin while its actor is parked.
 */
export class Obligations {
  readonly #parts: ObligationParts;
  readonly #attemptHost: AttemptHost;

  constructor(parts: ObligationParts) {
    this.#parts = parts;
    this.#attemptHost = {
      clock: parts.clock,
      log: parts.log,
      progress: (actor, value) => parts.outlet.event(actor, "progress", encodeJson(value)),
      told: parts.told,
      sent: parts.sent,
    };
  }

  /** The attempt of a run effect; it begins now where a crash may re-run it, otherwise once its turn is stored (invariant 2). */
  prepare(activation: Activation, effect: Extract<Effect, { kind: "run" }>, causes: readonly Hold[]): void {
    const { address, actor, definition, session } = activation;
    const asked = actor?.record.activities[effect.activity];
    const activity = asked === undefined ? undefined : definition.activities.get(asked.src);
    if (actor === undefined || asked?.generation !== effect.generation || activity === undefined) return;
    for (const hold of causes) hold.take();
    const attempt = new Attempt(
      {
        activation,
        actor: address,
        name: effect.activity,
        activity,
        input: activity.input(actor.record.context, asked.input),
        attempt: attemptOf(asked.input, asked.reruns + (asked.failures ?? 0) + (asked.earlierReruns ?? 0)),
        generation: effect.generation,
        epoch: session.fence,
        watched: asked.watched === true,
        holds: [...causes],
      },
      this.#attemptHost,
    );
    activation.attempts = activation.attempts.length === 0 ? [attempt] : [...activation.attempts, attempt];
    attempt.isCleared = activity.onCrash === "rerun";
    attempt.isLasting = activity.isLasting === true;
    if (!attempt.isLasting) attempt.hasSlot = this.#parts.takeSlotInHand();
    if (attempt.hasSlot || attempt.isLasting) this.#beginIfItMay(activation, attempt);
    else this.#parts.wantsSlot(activation, attempt);
  }

  /** A slot has become free for an attempt that waited for one. */
  grant(activation: Activation, attempt: Attempt): void {
    attempt.hasSlot = true;
    this.#beginIfItMay(activation, attempt);
  }

  /** The turn that asked for it is stored. */
  clear(activation: Activation, effect: Extract<Effect, { kind: "run" }>): void {
    const attempt = activation.attempts.find(({ generation }) => generation === effect.generation);
    if (attempt === undefined) return;
    attempt.isCleared = true;
    this.#beginIfItMay(activation, attempt);
  }

  halt(activation: Activation, generation: number, reason: TroupeError): readonly Hold[] {
    const attempt = activation.attempts.find((each) => each.generation === generation);
    if (attempt === undefined) return [];
    this.#forget(activation, attempt);
    attempt.abort(reason);
    return attempt.holds;
  }

  /** An event for work that runs; for work that has ended it is gone, as XState has it. */
  hand(
    activation: Activation,
    activity: string,
    event: ActorEvent,
    generation = activation.actor?.record.activities[activity]?.generation,
  ): void {
    activation.attempts.find((attempt) => attempt.generation === generation)?.deliver(event);
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

  /** A delivery that was absorbed before stands for everything that is still open, once for each. `false` where nothing is. */
  adopt(activation: Activation, hold: Hold): boolean {
    const open: Hold[][] = [...activation.attempts, ...activation.alarms, ...activation.acts].map(({ holds }) => holds);
    if (activation.queued !== undefined) open.push(activation.queued);
    for (const holds of open) {
      // What work says is caused by what the work itself holds.
      if (holds.includes(hold)) continue;
      hold.take();
      holds.push(hold);
    }
    return open.length > 0;
  }

  /** Everything of an actor that leaves this host; its deliveries stay unacknowledged. */
  abortAll(activation: Activation, reason: TroupeError): void {
    for (const { generation } of activation.attempts) this.halt(activation, generation, reason);
    for (const { timer } of activation.alarms) this.disarm(activation, timer);
  }

  #beginIfItMay(activation: Activation, attempt: Attempt): void {
    if (!(attempt.hasSlot || attempt.isLasting) || !attempt.isCleared || attempt.phase !== "prepared") return;
    const record = activation.actor?.record;
    const isWanted = record?.activities[attempt.name]?.generation === attempt.generation;
    if (!isWanted || record.parked !== undefined) {
      if (isWanted) activation.unbegun = [...activation.unbegun, attempt.generation];
      this.#passOver(activation, attempt);
      return;
    }
    attempt.begin((end) => {
      this.#forget(activation, attempt);
      this.#parts.ended(activation, attempt.name, attempt, end);
    });
  }

  /** A turn made since has no more use for it, or has set its actor aside: whoever takes that up again begins it. */
  #passOver(activation: Activation, { generation }: Attempt): void {
    const { key } = activation;
    activation.letGo(
      this.halt(activation, generation, new TroupeError("cancelled", `${key} had no more use for this work`, { about: key })),
    );
  }

  #forget(activation: Activation, attempt: Attempt): void {
    activation.attempts = without(activation.attempts, attempt);
    if (attempt.hasSlot) this.#parts.slotFreed();
  }
}

function without<T>(list: readonly T[], item: T): readonly T[] {
  return list.length === 1 && list[0] === item ? NOTHING : list.filter((each) => each !== item);
}
