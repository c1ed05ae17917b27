import { beginsWithSlot } from "../core/definition.ts";
import type { TroupeError } from "../core/errors.ts";
import { BEGIN, EXPIRE, isLate, isReady } from "../core/lifecycle.ts";
import type { Abilities } from "./abilities.ts";
import { NOTHING, type Activation } from "./activation.ts";
import type { Attempt } from "./attempt.ts";
import type { Committer } from "./committer.ts";
import { Dispatch } from "./dispatch.ts";
import { EventReception } from "./event-reception.ts";
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
import { Recovery, type RecoveryParts } from "./recovery.ts";
import { Release } from "./release.ts";
import { pledge } from "./reminder.ts";
import { Room } from "./room.ts";
import type { Session } from "./session.ts";
import { SlotInHand, type SlotInHandParts } from "./slot-in-hand.ts";
import type { StageParts } from "./stage-parts.ts";
import { StartReception } from "./start-reception.ts";
import type { Timekeeper } from "./timekeeper.ts";
import { Turning, type TurningParts } from "./turning.ts";
import type { Turns } from "./turns.ts";

interface PerformerParts extends StageParts, SlotInHandParts, Pick<ObligationParts, "offers" | "turnover" | "wantsSlot"> {
  readonly committer: Committer;
  readonly timekeeper: Timekeeper;
  readonly nearby: Nearby;
  readonly abilities: Abilities;
  readonly gates: Gates;
  readonly dead: (session: Session, hold: Hold, error: unknown) => void;
  /** A task may begin as soon as a slot is free. */
  readonly ready: (activation: Activation) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * Loaded actors perform: each delivery, and each slot that somebody waited for, becomes a turn, and what follows from it is looked after.
 *
 * Owns: the parts that turn (start-reception.ts, event-reception.ts, turning.ts, ledger.ts), that release (release.ts) and that look after
 * what goes on meanwhile (obligations.ts); all state is the activation's. Calls in: entrance.ts, admission.ts, nearby.ts, stage.ts. Calls
 * out: its parts.
 * P1. A turn's effects are released by release.ts and by nothing else, but for attempts that a crash may re-run (invariant 2).
 */
export class Performer {
  readonly #parts: PerformerParts;
  readonly #slotInHand: SlotInHand;
  readonly #obligations: Obligations;
  readonly #overflow: Overflow;
  readonly #ledger: Ledger;
  readonly #turning: Turning;
  readonly #starts: StartReception;
  readonly #events: EventReception;
  readonly outcomes: Outcomes;
  readonly release: Release;
  readonly recovery: Recovery;
  readonly offerTurns: OfferTurns;
  readonly misfits: Misfits;

  constructor(parts: PerformerParts) {
    this.#parts = parts;
    const room = new Room(parts.store);
    const measure = new Measure(room);
    this.outcomes = new Outcomes(parts.outlet, room);
    this.#slotInHand = new SlotInHand(parts);
    this.#overflow = this.#newOverflow();
    this.#obligations = this.#newObligations();
    const { outcomes } = this;
    const dispatch = new Dispatch({ ...parts, outcomes }, this.#obligations);
    const made = { ...parts, room, measure, outcomes, overflow: this.#overflow, obligations: this.#obligations, dispatch };
    this.release = new Release(made);
    this.#ledger = new Ledger(made);
    this.#turning = this.#newTurning(made);
    this.recovery = this.#newRecovery(made);
    this.offerTurns = new OfferTurns({ ...made, attempts: this.#obligations.attempts, ledger: this.#ledger, turning: this.#turning });
    const turns = this.#newTurns();
    this.#starts = new StartReception(made, turns);
    this.#events = new EventReception(made, turns);
    this.misfits = this.#newMisfits(turns);
  }

  #newObligations(): Obligations {
    return new Obligations({
      ...this.#parts,
      slotInHand: this.#slotInHand,
      overflow: this.#overflow,
      step: (activation, envelope, holds) => this.#turning.step(activation, envelope, holds),
      ended: (activation, name, attempt, end) => this.#turning.ended(activation, name, attempt, end),
      acted: (activation, owed, holds) => this.#turning.acted(activation, owed, holds),
    });
  }

  #newOverflow(): Overflow {
    return new Overflow({
      maxWrites: this.#parts.store.maxWrites,
      at: (activation) => this.#ledger.at(activation),
      apply: (activation, turn, handed) => this.#ledger.apply(activation, turn, handed),
    });
  }

  #newTurning(made: Omit<TurningParts, "ledger" | "takeUp">): Turning {
    return new Turning({ ...made, ledger: this.#ledger, takeUp: (activation, causes) => this.recovery.takeUp(activation, causes) });
  }

  #newRecovery(made: Omit<RecoveryParts, "ledger" | "turning" | "hasWaited">): Recovery {
    const hasWaited = (activation: Activation): boolean => this.misfits.hasWaited(activation);
    return new Recovery({ ...made, ledger: this.#ledger, turning: this.#turning, hasWaited });
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
        hold.delivery.lane === "event" ? this.perform(activation, hold) : this.#starts.receive(activation, hold, "none"),
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
    if (hold.delivery.lane === "event") this.#events.receive(activation, hold);
    else if (!beginsWithSlot(activation.definition)) this.#starts.receive(activation, hold, others);
    else this.#withSlot(activation, () => this.#starts.receive(activation, hold, others));
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
    this.#obligations.attempts.grant(activation, attempt);
  }

  #withSlot({ address }: Activation, turn: () => void): void {
    if (this.#parts.abilities.canRun(address.type)) this.#slotInHand.bring(turn);
    // It brings none: what it works at is done elsewhere.
    else turn();
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
