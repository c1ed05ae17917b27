import { beginsWithSlot } from "../core/definition.ts";
import type { TroupeError } from "../core/errors.ts";
import { isLate, isReady } from "../core/lifecycle.ts";
import type { Abilities } from "./abilities.ts";
import { NOTHING, type Activation } from "./activation.ts";
import { Acts } from "./acts.ts";
import type { Attempt } from "./attempt.ts";
import type { Committer } from "./committer.ts";
import { Dispatch } from "./dispatch.ts";
import type { Gates } from "./gates.ts";
import type { Hold } from "./hold.ts";
import { Ledger } from "./ledger.ts";
import { Measure } from "./measure.ts";
import { Misfits } from "./misfits.ts";
import type { Nearby } from "./nearby.ts";
import { Obligations, type ObligationParts } from "./obligations.ts";
import { OfferTurns } from "./offer-turns.ts";
import { Outcomes } from "./outcomes.ts";
import { Overflow } from "./overflow.ts";
import { BEGIN, EXPIRE, Reception, type Turns } from "./reception.ts";
import { Recovery } from "./recovery.ts";
import { Release } from "./release.ts";
import { pledge } from "./reminder.ts";
import { Replies } from "./replies.ts";
import { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { Speech } from "./speech.ts";
import type { StageParts } from "./stage-parts.ts";
import type { Timekeeper } from "./timekeeper.ts";
import { Turning } from "./turning.ts";

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
 * Loaded actors perform: each delivery, and each slot that somebody waited for, becomes a turn, and what follows from it is looked after.
 *
 * Owns: the parts that turn (reception.ts, turning.ts, ledger.ts), release (release.ts) and look after what goes on (obligations.ts,
 * acts.ts, replies.ts); all state is the activation's. Calls in: entrance.ts, admission.ts, nearby.ts, stage.ts. Calls out: its parts.
 * P1. A turn's effects are released by release.ts and by nothing else, but for attempts that a crash may re-run (invariant 2).
 * P2. The slot that a delivery brings along goes to the attempt that its turn asks for, or back.
 */
export class Performer {
  readonly #parts: PerformerParts;
  readonly #room: Room;
  readonly #measure: Measure;
  readonly #obligations: Obligations;
  readonly #replies: Replies;
  readonly #acts: Acts;
  readonly #speech: Speech;
  readonly #overflow: Overflow;
  readonly #dispatch: Dispatch;
  readonly #ledger: Ledger;
  readonly #turning: Turning;
  readonly #reception: Reception;
  readonly outcomes: Outcomes;
  readonly release: Release;
  readonly recovery: Recovery;
  readonly offerTurns: OfferTurns;
  readonly misfits: Misfits;
  /** The turn being made may use up a slot that is taken already. */
  #slotInHand = false;

  constructor(parts: PerformerParts) {
    this.#parts = parts;
    this.#room = new Room(parts.store);
    this.#measure = new Measure(this.#room);
    this.outcomes = new Outcomes(parts.outlet, this.#room);
    this.#obligations = this.#newObligations();
    this.#replies = new Replies(parts);
    this.#acts = this.#newActs();
    this.#speech = this.#newSpeech();
    this.#overflow = this.#newOverflow();
    this.#dispatch = new Dispatch({ ...parts, outcomes: this.outcomes }, this.#obligations, this.#acts, this.#replies);
    const { outcomes } = this;
    const made = { ...parts, outcomes, room: this.#room, measure: this.#measure, dispatch: this.#dispatch, overflow: this.#overflow };
    const lookedAfter = { obligations: this.#obligations, acts: this.#acts, replies: this.#replies };
    this.release = new Release(made);
    this.#ledger = new Ledger({ ...made, ...lookedAfter });
    const ledger = this.#ledger;
    this.#turning = new Turning({ ...made, ledger, takeUp: (activation, causes) => this.recovery.takeUp(activation, causes) });
    const turning = this.#turning;
    this.recovery = new Recovery({
      ...made,
      ...lookedAfter,
      ledger,
      turning,
      hasWaited: (activation) => this.misfits.hasWaited(activation),
    });
    this.offerTurns = new OfferTurns({ ...made, ...lookedAfter, ledger, turning });
    const turns = this.#newTurns();
    this.#reception = new Reception(parts, turns);
    this.misfits = this.#newMisfits(turns);
  }

  #newObligations(): Obligations {
    return new Obligations({
      ...this.#parts,
      takeSlotInHand: () => this.#takeSlotInHand(),
      ended: (activation, name, attempt, end) =>
        this.#overflow.whenRoom(activation, () => this.#turning.ended(activation, name, attempt, end)),
      fired: (activation, fired, holds) => this.#overflow.whenRoom(activation, () => this.#turning.step(activation, fired, holds)),
      told: (activation, attempt, event) => this.#speech.told(activation, attempt, event),
      sent: (activation, attempt, to, event, message) => this.#speech.sent(activation, attempt, to, event, message),
    });
  }

  #newActs(): Acts {
    return new Acts({
      ...this.#parts,
      loose: (session, writes, committed) => this.#parts.committer.loose(session, writes, committed),
      hand: (activation, activity, event) => this.#obligations.hand(activation, activity, event),
      reply: (activation, reply, causes) => this.#replies.send(activation, reply, causes),
      acted: (activation, owed, holds) => this.#overflow.whenRoom(activation, () => this.#turning.acted(activation, owed, holds)),
    });
  }

  #newSpeech(): Speech {
    return new Speech({
      whenRoom: (activation, turn) => this.#overflow.whenRoom(activation, turn),
      step: (activation, event, holds) => this.#turning.step(activation, { kind: "event", event }, holds),
      send: (activation, to, event, message, holds) => this.#acts.send(activation, to, event, message, holds),
    });
  }

  #newOverflow(): Overflow {
    return new Overflow({
      maxWrites: this.#parts.store.maxWrites,
      at: (activation) => this.#ledger.at(activation),
      apply: (activation, turn, handed) => this.#ledger.apply(activation, turn, handed),
    });
  }

  #newTurns(): Turns {
    return {
      at: (activation, hold) => this.#ledger.at(activation, hold),
      fit: (activation, turn) => this.#ledger.fit(activation, turn).turn,
      apply: (activation, turn, handed, causes) => this.#ledger.apply(activation, turn, handed, causes),
      step: (activation, envelope, handed, causes, at) => this.#turning.step(activation, envelope, handed, causes, at),
      adopt: (activation, hold, stance) => this.#ledger.adopt(activation, hold, stance),
      relieve: (activation, hold) => this.#obligations.relieve(activation, hold),
      result: (activation, hold) => this.offerTurns.result(activation, hold),
      outcomes: this.outcomes,
      takeUp: (activation, causes) => this.recovery.takeUp(activation, causes),
    };
  }

  #newMisfits(turns: Turns): Misfits {
    return new Misfits(this.#parts, turns, {
      recover: (activation) => this.recovery.recover(activation),
      // A start for an actor that exists only adds to what it waits for, and needs no slot.
      perform: (activation, hold) =>
        hold.delivery.lane === "event" ? this.perform(activation, hold) : this.#reception.start(activation, hold, "none"),
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
        this.#turning.step(
          activation,
          { kind: "event", event: isLate(activation.actor.record, this.#parts.clock.now()) ? EXPIRE : BEGIN },
          queued,
        );
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

  #takeSlotInHand(): boolean {
    const inHand = this.#slotInHand && !this.#parts.isOver();
    if (inHand) this.#slotInHand = false;
    return inHand;
  }

  abort(activation: Activation, why: TroupeError): void {
    pledge(activation);
    this.#obligations.abortAll(activation, why);
    activation.queued = undefined;
    activation.listeners = NOTHING;
    activation.owing = NOTHING;
    activation.stalled = NOTHING;
  }
}
