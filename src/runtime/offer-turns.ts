import { EXPIRE } from "../core/lifecycle.ts";
import { givenBack, taken, unbegun, withoutOffer } from "../core/offer.ts";
import type { Actor, Turn, TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import { afterCrash } from "./crash.ts";
import { decodeResult } from "./decode.ts";
import type { Hold } from "./hold.ts";
import type { Ledger } from "./ledger.ts";
import { OfferedAttempt, type Worker } from "./offered-attempt.ts";
import type { Offers } from "./offers.ts";
import type { Overflow } from "./overflow.ts";
import type { Room } from "./room.ts";
import type { Session } from "./session.ts";
import type { Turning } from "./turning.ts";
import { attemptUnder } from "./workers.ts";

export interface OfferTurnParts {
  readonly log: Log;
  readonly room: Room;
  readonly offers: Pick<Offers, "withdraw">;
  readonly attempts: Pick<Attempts, "settle">;
  readonly ledger: Ledger;
  readonly overflow: Overflow;
  readonly turning: Pick<Turning, "step" | "ended">;
  readonly dead: (session: Session, hold: Hold, error: unknown) => void;
  readonly retire: (activation: Activation) => void;
}

/**
 * The turns of attempts that others run: who may begin, how it ended, what becomes of it where nobody goes on.
 *
 * Owns: nothing; all state is the activation's. Calls in: workers.ts, untaken.ts, event-reception.ts. Calls out: turning, the
 * ledger.
 */
export class OfferTurns {
  readonly #parts: OfferTurnParts;

  constructor(parts: OfferTurnParts) {
    this.#parts = parts;
  }

  /** It has ended; what it brings is judged like that of one that ran here. */
  ended(attempt: OfferedAttempt, end: AttemptEnd, hold?: Hold): void {
    const { attempts, overflow, turning, retire } = this.#parts;
    const { activation, name } = attempt;
    if (attempt.stage.kind === "over") return;
    attempts.settle(attempt);
    hold?.take();
    overflow.whenRoom(activation, () => {
      turning.ended(activation, name, attempt, end, hold);
      hold?.release();
      retire(activation);
    });
  }

  /** Its deadline has passed, and nobody has begun it. */
  expired(attempt: OfferedAttempt): void {
    const { attempts, overflow, turning, retire } = this.#parts;
    const { activation, name, holds } = attempt;
    if (attempt.stage.kind === "over") return;
    attempts.settle(attempt);
    overflow.whenRoom(activation, () => {
      if (activation.actor !== undefined) activation.actor = unbegun(activation.actor, name);
      turning.step(activation, { kind: "event", event: EXPIRE }, holds);
      retire(activation);
    });
  }

  /** What comes of an attempt that was given up, or has ended, is not looked at (invariant 7). */
  result(activation: Activation, hold: Hold): void {
    try {
      const { token, end } = decodeResult(hold.delivery);
      const attempt = attemptUnder(activation, token);
      if (attempt === undefined) this.#parts.ledger.adopt(activation, hold, "done");
      else this.ended(attempt, end, hold);
    } catch (error) {
      this.#parts.dead(activation.session, hold, error);
    }
  }

  /** Stores who may begin. */
  grant({ activation, name }: OfferedAttempt, worker: Worker): void {
    this.#turn(activation, (actor, at) => taken(actor, name, worker, at), []);
  }

  /** Whoever took it does not go on. */
  gaveUp(attempt: OfferedAttempt): void {
    const { attempts, offers, log, room } = this.#parts;
    const throwing = { log, maxRecordBytes: room.recordBytes };
    const { activation, name, holds } = attempt;
    attempts.settle(attempt);
    this.#turn(activation, (actor, at) => afterCrash(activation, withoutOffer(actor, name), name, { ...throwing, at }), holds);
    // Where it is offered again it is in the same place: whoever takes the old message is told to stop.
    if (!activation.attempts.some((each) => each instanceof OfferedAttempt)) offers.withdraw(attempt);
  }

  /** Nobody has begun it, or will under this token: it is offered again, or waits for a slot here. */
  givenBack(attempt: OfferedAttempt): void {
    const { activation, name, holds } = attempt;
    this.#parts.attempts.settle(attempt);
    this.#turn(activation, (actor, at) => givenBack(actor, name, at), holds);
  }

  #turn(activation: Activation, turn: (actor: Actor, at: TurnAt) => Turn, handed: readonly Hold[]): void {
    const { overflow, ledger } = this.#parts;
    overflow.whenRoom(activation, () => {
      if (activation.actor === undefined || activation.phase === "dropped") return;
      ledger.apply(activation, turn(activation.actor, ledger.at(activation)), handed);
      ledger.queueIfReady(activation, handed);
    });
  }
}
