import { beginsWithSlot } from "../core/definition.ts";
import type { Envelope } from "../core/envelope.ts";
import type { TroupeError } from "../core/errors.ts";
import { isLate, isReady } from "../core/lifecycle.ts";
import { performed } from "../core/parking.ts";
import { isEnded, type OwedRecord } from "../core/record.ts";
import { take, type Turn, type TurnAt } from "../core/turn.ts";
import type { Abilities } from "./abilities.ts";
import { emptyPending, NOTHING, type Activation } from "./activation.ts";
import { Acts } from "./acts.ts";
import { settledBy, turnOfEnd, type Trying } from "./attempt-end.ts";
import type { Attempt, AttemptEnd } from "./attempt.ts";
import type { Committer } from "./committer.ts";
import { Dispatch } from "./dispatch.ts";
import type { Gates } from "./gates.ts";
import type { Hold } from "./hold.ts";
import { Ledger } from "./ledger.ts";
import { Misfits } from "./misfits.ts";
import type { Nearby } from "./nearby.ts";
import { Obligations, type ObligationParts } from "./obligations.ts";
import { OfferTurns } from "./offer-turns.ts";
import { Outcomes } from "./outcomes.ts";
import { Overflow } from "./overflow.ts";
import { BEGIN, EXPIRE, Reception, type Turns } from "./reception.ts";
import { pledge } from "./reminder.ts";
import { recover } from "./recovery.ts";
import { Release } from "./release.ts";
import { Replies } from "./replies.ts";
import { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { Speech } from "./speech.ts";
import type { StageParts } from "./stage-parts.ts";
import { turnOfThrow, type ThrowParts } from "./throwing.ts";
import type { Timekeeper } from "./timekeeper.ts";
import { layDown } from "./unheard.ts";

interface PerformerParts extends StageParts, Pick<ObligationParts, "offers" | "turnover" | "wantsSlot" | "slotFreed"> {
  readonly committer: Committer;
  readonly timekeeper: Timekeeper;
  readonly nearby: Nearby;
  readonly abilities: Abilities;
  readonly gates: Gates;
  /** More has been begun than there are slots. */
  readonly isOver: () => boolean;
  readonly dead: (session: Session, hold: Hold, error: unknown) => void;
  /** A task may begin as soon as a slot is free. */
  readonly ready: (activation: Activation) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * Turns: a delivery, a timer or the end of an attempt applied to a loaded actor, and what follows once it is stored.
 *
 * Owns: nothing but the obligations; all state is the activation's. Calls in: stage.ts. Calls out: core's turn, the committer.
 * P1. A turn's effects are released by release.ts and by nothing else, but for attempts that a crash may re-run (invariant 2).
 */
export class Performer {
  readonly #parts: PerformerParts;
  readonly #obligations: Obligations;
  readonly #reception: Reception;
  readonly #acts: Acts;
  readonly #speech: Speech;
  readonly #replies: Replies;
  readonly #dispatch: Dispatch;
  readonly #overflow: Overflow;
  readonly #room: Room;
  readonly #ledger: Ledger;
  readonly #throwing: Omit<ThrowParts, "at">;
  readonly misfits: Misfits;
  readonly outcomes: Outcomes;
  readonly release: Release;
  readonly offerTurns: OfferTurns;
  /** The turn being made may use up a slot that is taken already. */
  #slotInHand = false;

  constructor(parts: PerformerParts) {
    this.#parts = parts;
    this.#room = new Room(parts.store);
    this.#throwing = { log: parts.log, maxRecordBytes: this.#room.recordBytes };
    this.outcomes = new Outcomes(parts.outlet, this.#room);
    const turns: Turns = {
      at: (activation, hold) => this.#ledger.at(activation, hold),
      fit: (activation, turn) => this.#ledger.fit(activation, turn).turn,
      apply: (activation, turn, handed, causes) => this.#ledger.apply(activation, turn, handed, causes),
      step: (activation, envelope, handed, causes, at) => this.#step(activation, envelope, handed, causes, at),
      adopt: (activation, hold, stance) => this.#ledger.adopt(activation, hold, stance),
      relieve: (activation, hold) => this.#obligations.relieve(activation, hold),
      result: (activation, hold) => this.offerTurns.result(activation, hold),
      outcomes: this.outcomes,
      takeUp: (activation, causes) => this.#takeUp(activation, causes),
    };
    this.#reception = new Reception(parts, turns);
    this.#obligations = new Obligations({
      ...parts,
      takeSlotInHand: () => {
        const inHand = this.#slotInHand && !parts.isOver();
        if (inHand) this.#slotInHand = false;
        return inHand;
      },
      ended: (activation, name, attempt, end) => this.#overflow.whenRoom(activation, () => this.#ended(activation, name, attempt, end)),
      fired: (activation, fired, holds) => this.#overflow.whenRoom(activation, () => this.#step(activation, fired, holds)),
      told: (activation, attempt, event) => this.#speech.told(activation, attempt, event),
      sent: (activation, attempt, to, event, message) => this.#speech.sent(activation, attempt, to, event, message),
    });
    this.#replies = new Replies(parts);
    this.#acts = new Acts({
      ...parts,
      loose: (session, writes, committed) => parts.committer.loose(session, writes, committed),
      hand: (activation, activity, event) => this.#obligations.hand(activation, activity, event),
      reply: (activation, reply, causes) => this.#replies.send(activation, reply, causes),
      acted: (activation, owed, holds) => this.#overflow.whenRoom(activation, () => this.#acted(activation, owed, holds)),
    });
    this.#speech = new Speech({
      whenRoom: (activation, turn) => this.#overflow.whenRoom(activation, turn),
      step: (activation, event, holds) => this.#step(activation, { kind: "event", event }, holds),
      send: (activation, to, event, message, holds) => this.#acts.send(activation, to, event, message, holds),
    });
    this.#overflow = new Overflow({
      maxWrites: parts.store.maxWrites,
      at: (activation) => this.#ledger.at(activation),
      apply: (activation, turn, handed) => this.#ledger.apply(activation, turn, handed),
    });
    this.#dispatch = new Dispatch({ ...parts, outcomes: this.outcomes }, this.#obligations, this.#acts, this.#replies);
    const made = { ...parts, dispatch: this.#dispatch, overflow: this.#overflow, outcomes: this.outcomes, room: this.#room };
    this.release = new Release(made);
    this.#ledger = new Ledger({ ...made, obligations: this.#obligations, acts: this.#acts, replies: this.#replies });
    this.offerTurns = this.#newOfferTurns();
    this.misfits = new Misfits(parts, turns, {
      recover: (activation) => this.recover(activation),
      // A start for an actor that exists only adds to what it waits for, and needs no slot.
      perform: (activation, hold) =>
        hold.delivery.lane === "event" ? this.perform(activation, hold) : this.#reception.start(activation, hold, "none"),
    });
  }

  #newOfferTurns(): OfferTurns {
    return new OfferTurns({
      ...this.#parts,
      obligations: this.#obligations,
      ledger: this.#ledger,
      overflow: this.#overflow,
      throwing: this.#throwing,
      ended: (...end) => this.#ended(...end),
      step: (activation, envelope, handed) => this.#step(activation, envelope, handed),
    });
  }

  hasRoom(activation: Activation): boolean {
    return this.#overflow.hasRoom(activation);
  }

  /**
   * One delivery. A start brings a slot along: it goes to the task's attempt or back. Where events wait for the start it does not
   * begin before they were heard: one of them may cancel it.
   */
  perform(activation: Activation, hold: Hold, others: "none" | "events" = "none"): void {
    const { misfit, definition } = activation;
    if (misfit === undefined && this.#overflow.hasRoom(activation)) this.#receive(activation, hold, others);
    else if (misfit === undefined) this.#overflow.whenRoom(activation, () => this.#receive(activation, hold, others));
    else if (hold.delivery.lane !== "event" && beginsWithSlot(definition))
      this.#withSlot(activation, () => this.misfits.wait(activation, hold));
    else this.misfits.wait(activation, hold);
  }

  #receive(activation: Activation, hold: Hold, others: "none" | "events"): void {
    if (hold.delivery.lane === "event") this.#reception.event(activation, hold);
    else if (!beginsWithSlot(activation.definition)) this.#reception.start(activation, hold, others);
    else this.#withSlot(activation, () => this.#reception.start(activation, hold, others));
  }

  /** A slot has become free for a task that waited for one; the slot goes to its attempt or back. */
  begin(activation: Activation): void {
    const queued = activation.queued ?? [];
    activation.queued = undefined;
    this.#withSlot(activation, () => {
      if (activation.phase === "ready" && activation.actor !== undefined && isReady(activation.definition, activation.actor.record)) {
        this.#step(activation, { kind: "event", event: isLate(activation.actor.record, this.#parts.clock.now()) ? EXPIRE : BEGIN }, queued);
      } else activation.letGo(queued);
    });
    this.#parts.retire(activation);
  }

  /** A slot has become free for an attempt that waited for one. */
  grant(activation: Activation, attempt: Attempt): void {
    this.#obligations.grant(activation, attempt);
  }

  #withSlot({ address }: Activation, turn: () => void): void {
    // It brings none: what it works at is done elsewhere.
    if (!this.#parts.abilities.canRun(address.type)) return turn();
    this.#slotInHand = true;
    turn();
    if (this.#slotInHand) this.#parts.slotFreed();
    this.#slotInHand = false;
  }

  /** What was going on for the actor when its last host had it. */
  recover(activation: Activation): void {
    if (activation.actor === undefined || activation.misfit !== undefined) return;
    if (!isEnded(activation.actor.record)) this.#acts.repeat(activation, []);
    this.#replies.repeat(activation);
    this.#overflow.sendOn(activation, []);
    this.#takeUp(activation, []);
  }

  #takeUp(activation: Activation, causes: readonly Hold[]): void {
    recover(activation, causes, {
      obligations: this.#obligations,
      timekeeper: this.#parts.timekeeper,
      at: this.#ledger.at(activation),
      apply: (turn) => this.#ledger.apply(activation, turn, [], causes),
      ring: this.misfits.hasWaited(activation) ? undefined : (timer, generation) => this.ring(activation, timer, generation),
      ...this.#throwing,
    });
    this.#ledger.queueIfReady(activation, causes);
  }

  /**
   * A timer that the server keeps has come due here first: its schedule is withdrawn by the turn that hears of it. Where that leaves
   * something going on, no delivery stands for it (invariant 5), so a reminder is stored in the schedule's place.
   */
  ring(activation: Activation, timer: string, generation: number): void {
    this.#overflow.whenRoom(activation, () => {
      if (activation.actor?.record.timers[timer]?.generation === generation) {
        this.#dispatch.withdraw(activation, (activation.pending ??= emptyPending()), timer);
        this.#step(activation, { kind: "timer", timer, generation }, []);
        if (activation.reminder === "none") activation.reminder = "due";
      }
      this.#parts.retire(activation);
    });
  }

  abort(activation: Activation, why: TroupeError): void {
    pledge(activation);
    this.#obligations.abortAll(activation, why);
    activation.queued = undefined;
    activation.listeners = NOTHING;
    activation.owing = NOTHING;
    activation.stalled = NOTHING;
  }

  #ended(activation: Activation, name: string, attempt: Trying, end: AttemptEnd, hold?: Hold): void {
    if (activation.phase === "dropped" || activation.actor === undefined) return;
    const { actor } = activation;
    const at = this.#ledger.at(activation, hold);
    let turn: Turn;
    let bytes: Uint8Array | undefined;
    try {
      const check = (made: Turn): Uint8Array | undefined => this.#dispatch.check(activation, made);
      const checkMail = (effects: Turn["effects"]): void => this.#dispatch.checkMail(activation.key, effects);
      const parts = { activation, actor, name, attempt, at, maxRecordBytes: this.#room.recordBytes, check, checkMail };
      ({ turn, bytes } = turnOfEnd(parts, end, this.#parts.log));
      const fitted = this.#ledger.fit(activation, turn);
      ({ turn } = fitted);
      bytes = fitted.bytes ?? bytes;
    } catch (error) {
      turn = turnOfThrow(activation, actor, settledBy(attempt, end), error, { ...this.#throwing, at });
    }
    this.#ledger.apply(activation, turn, attempt.holds, hold === undefined ? [] : [hold], { bytes, isEnd: true });
    layDown(activation, actor, settledBy(attempt, end), this.#room);
    this.#ledger.queueIfReady(activation, attempt.holds);
  }

  /** One envelope through the machine. A machine that throws parks its actor (invariant 9). */
  #step(
    activation: Activation,
    envelope: Exclude<Envelope, { kind: "start" }>,
    handed: readonly Hold[],
    causes: readonly Hold[] = [],
    at: TurnAt = this.#ledger.at(activation),
  ): void {
    const { actor } = activation;
    if (actor === undefined || activation.phase === "dropped") return;
    let turn: Turn;
    let bytes: Uint8Array | undefined;
    try {
      ({ turn, bytes } = this.#ledger.fit(activation, take(activation.definition, activation.address, actor, envelope, at)));
    } catch (error) {
      turn = turnOfThrow(activation, actor, envelope, error, { ...this.#throwing, at });
    }
    if (envelope.kind === "event" && envelope.asker !== undefined) {
      const before = turn;
      turn = this.outcomes.orRefused(activation, turn, envelope.asker);
      if (turn !== before) bytes = undefined;
    }
    this.#ledger.apply(activation, turn, handed, causes, { bytes });
    layDown(activation, actor, envelope, this.#room);
    // It was set aside, perhaps by another host: what it left open goes on with it.
    if (actor.record.parked !== undefined && turn.actor.record.parked === undefined) this.#takeUp(activation, [...handed, ...causes]);
    this.#ledger.queueIfReady(activation, handed, causes);
  }

  /** A custom action has run: the record owes it no longer. Whoever waits for the actor's end has heard of it without that. */
  #acted(activation: Activation, owed: OwedRecord, holds: readonly Hold[]): void {
    const { actor } = activation;
    if (actor === undefined) activation.letGo(holds);
    else this.#ledger.apply(activation, performed(actor, owed.key, this.#ledger.at(activation)), holds, [], { tellsEnd: false });
    this.#parts.retire(activation);
  }
}
