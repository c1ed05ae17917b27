import { encodeJson } from "../core/codec.ts";
import type { Activity } from "../core/definition.ts";
import type { Effect } from "../core/effect.ts";
import type { ActorEvent } from "../core/envelope.ts";
import { TroupeError } from "../core/errors.ts";
import { attemptOf } from "../core/lifecycle.ts";
import type { ActivityRecord } from "../core/record.ts";
import type { Actor } from "../core/turn.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Write } from "../ports/store.ts";
import { without, type Activation } from "./activation.ts";
import { Attempt, type AttemptEnd, type AttemptHost } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import { OfferedAttempt } from "./offered-attempt.ts";
import type { Offers } from "./offers.ts";
import type { SlotInHand } from "./slot-in-hand.ts";
import type { Turnover } from "./turnover.ts";

export interface AttemptsParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly outlet: Outlet;
  readonly offers: Offers;
  readonly turnover: Turnover;
  readonly slotInHand: Pick<SlotInHand, "use">;
  /** An attempt may begin as soon as a slot is free. */
  readonly wantsSlot: (activation: Activation, attempt: Attempt) => void;
  readonly slotFreed: () => void;
  /** An attempt has ended: its holds are handed over. */
  readonly ended: (activation: Activation, name: string, attempt: Attempt, end: AttemptEnd) => void;
  /** Work says something to its actor; the work's holds stay with it. */
  readonly told: (activation: Activation, attempt: Attempt, event: ActorEvent) => void;
  readonly sent: AttemptHost["sent"];
}

/**
 * Work that goes on for actors, here or wherever it was taken.
 *
 * Owns: the attempts of every activation, and the slots they take. Calls in: dispatch.ts, recovery.ts, offer-turns.ts, obligations.ts,
 * performer.ts (`grant`). Calls out: offers, and whoever turns what an attempt brings.
 * O1. An attempt runs with a slot: brought along by the turn that asked for it, or waited for like any start. It is given back exactly
 *     once, when the attempt ends or is aborted.
 * O2. What an ended or aborted attempt brings afterwards is not looked at.
 * O3. None begins once a turn has been made that stopped it or took another in its place, stored or not: a slot may come while that
 *     turn's commit is under way. Nor does one begin while its actor is parked.
 */
export class Attempts {
  readonly #parts: AttemptsParts;
  readonly #attemptHost: AttemptHost;

  constructor(parts: AttemptsParts) {
    this.#parts = parts;
    this.#attemptHost = {
      clock: parts.clock,
      log: parts.log,
      turnover: parts.turnover,
      progress: (actor, value) => parts.outlet.event(actor, "progress", encodeJson(value)),
      told: parts.told,
      sent: parts.sent,
    };
  }

  /**
   * The attempt of a run effect; it begins now where a crash may re-run it at any time, otherwise once its turn is stored (invariant 2). One that is
   * for others has a write, to be stored with its turn.
   */
  prepare(activation: Activation, effect: Extract<Effect, { kind: "run" }>, causes: readonly Hold[]): Write | undefined {
    const { actor, definition } = activation;
    const asked = actor?.record.activities[effect.activity];
    const activity = asked === undefined ? undefined : definition.activities.get(asked.src);
    if (actor === undefined || asked?.generation !== effect.generation || activity === undefined) return undefined;
    for (const hold of causes) hold.take();
    const offer = this.#parts.offers.offer(activation, effect.activity, activity, [...causes]);
    if (offer === undefined) {
      this.#prepareHere(activation, effect.activity, { actor, asked, activity }, causes);
      return undefined;
    }
    activation.attempts = [...activation.attempts, offer.attempt];
    return offer.write;
  }

  /** Work that the last owner had offered goes on, or waits on. */
  takeUp(activation: Activation, name: string, causes: readonly Hold[]): void {
    const asked = activation.actor?.record.activities[name];
    const attempt = asked === undefined ? undefined : this.#parts.offers.takeUp(activation, name, asked, [...causes]);
    if (attempt === undefined) return;
    for (const hold of causes) hold.take();
    activation.attempts = [...activation.attempts, attempt];
  }

  /** An offered attempt is over for its owner: its holds are handed over. */
  settle(attempt: OfferedAttempt): void {
    this.#parts.offers.leave(attempt);
    this.#forget(attempt.activation, attempt);
  }

  #prepareHere(
    activation: Activation,
    name: string,
    { actor, asked, activity }: { readonly actor: Actor; readonly asked: ActivityRecord; readonly activity: Activity },
    causes: readonly Hold[],
  ): void {
    const attempt = new Attempt(
      {
        activation,
        actor: activation.address,
        name,
        activity,
        input: activity.input(actor.record.context, asked.input),
        attempt: attemptOf(asked.input, asked.reruns + (asked.failures ?? 0) + (asked.earlierReruns ?? 0)),
        generation: asked.generation,
        epoch: activation.session.fence,
        watched: asked.watched === true,
        holds: [...causes],
      },
      this.#attemptHost,
    );
    activation.attempts = activation.attempts.length === 0 ? [attempt] : [...activation.attempts, attempt];
    attempt.isCleared = activity.onCrash === "rerun" && !activation.followsEnd;
    attempt.isLasting = activity.isLasting === true;
    if (!attempt.isLasting) attempt.hasSlot = this.#parts.slotInHand.use();
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
    if (attempt instanceof OfferedAttempt) this.#parts.offers.stored(attempt);
    if (attempt === undefined || attempt instanceof OfferedAttempt) return;
    attempt.isCleared = true;
    this.#beginIfItMay(activation, attempt);
  }

  /** It is stored who may begin what was offered. */
  granted(activation: Activation, { generation }: Extract<Effect, { kind: "grant" }>): void {
    const attempt = activation.attempts.find((each) => each.generation === generation);
    if (attempt instanceof OfferedAttempt) this.#parts.offers.workers.granted(attempt);
  }

  halt(activation: Activation, generation: number, reason: TroupeError): readonly Hold[] {
    const attempt = activation.attempts.find((each) => each.generation === generation);
    if (attempt === undefined) return [];
    this.#forget(activation, attempt);
    if (attempt instanceof OfferedAttempt) this.#parts.offers.halt(attempt, reason);
    else attempt.abort(reason);
    return attempt.holds;
  }

  /** An event for work that runs; for work that has ended it is gone, as XState has it. */
  hand(
    activation: Activation,
    activity: string,
    event: ActorEvent,
    generation = activation.actor?.record.activities[activity]?.generation,
  ): void {
    const attempt = activation.attempts.find((each) => each.generation === generation);
    if (attempt instanceof Attempt) attempt.deliver(event);
  }

  /** Of an actor that leaves this host; its deliveries stay unacknowledged. */
  abortAll(activation: Activation, reason: TroupeError): void {
    for (const attempt of activation.attempts)
      if (attempt instanceof OfferedAttempt) this.settle(attempt);
      else this.halt(activation, attempt.generation, reason);
  }

  #beginIfItMay(activation: Activation, attempt: Attempt): void {
    if (!(attempt.hasSlot || attempt.isLasting) || !attempt.isCleared || attempt.phase !== "prepared") return;
    if (!activation.session.begins) return;
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

  #forget(activation: Activation, attempt: Attempt | OfferedAttempt): void {
    activation.attempts = without(activation.attempts, attempt);
    if (attempt.hasSlot) this.#parts.slotFreed();
  }
}
