import type { Envelope } from "../core/envelope.ts";
import { performed } from "../core/parking.ts";
import type { OwedRecord } from "../core/record.ts";
import { take, type Turn, type TurnAt } from "../core/turn.ts";
import type { Log } from "../ports/log.ts";
import type { Activation } from "./activation.ts";
import { settledBy, turnOfEnd, type Trying } from "./attempt-end.ts";
import type { AttemptEnd } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import type { Ledger } from "./ledger.ts";
import type { Measure } from "./measure.ts";
import type { Outcomes } from "./outcomes.ts";
import type { Room } from "./room.ts";
import { turnOfThrow, type ThrowParts } from "./throwing.ts";
import { layDown } from "./unheard.ts";

export interface TurningParts {
  readonly log: Log;
  readonly room: Room;
  readonly measure: Measure;
  readonly ledger: Ledger;
  readonly outcomes: Outcomes;
  /** What is open of the actor and does not go on in this host. */
  readonly takeUp: (activation: Activation, causes: readonly Hold[]) => void;
  /** The actor may leave memory. */
  readonly retire: (activation: Activation) => void;
}

/**
 * What a loaded actor's machine makes of one thing that happens to it: an envelope, the end of an attempt, an action that has run.
 *
 * Owns: nothing; all state is the activation's. Calls in: performer.ts, for both receptions and the obligations; offer-turns.ts,
 * recovery.ts. Calls out: core's turn, the ledger.
 * M1. A machine that throws, or asks for what cannot be stored, makes a turn all the same: it parks its actor or ends it (invariant 9).
 */
export class Turning {
  readonly #parts: TurningParts;
  readonly #throwing: Omit<ThrowParts, "at">;

  constructor(parts: TurningParts) {
    this.#parts = parts;
    this.#throwing = { log: parts.log, maxRecordBytes: parts.room.recordBytes };
  }

  /** One envelope through the machine. */
  step(
    activation: Activation,
    envelope: Exclude<Envelope, { kind: "start" }>,
    handed: readonly Hold[],
    causes: readonly Hold[] = [],
    at: TurnAt = this.#parts.ledger.at(activation),
  ): void {
    const { actor } = activation;
    if (actor === undefined || activation.phase === "dropped") return;
    const { ledger, outcomes, room, takeUp } = this.#parts;
    let turn: Turn;
    let bytes: Uint8Array | undefined;
    try {
      ({ turn, bytes } = ledger.fit(activation, take(activation.definition, activation.address, actor, envelope, at)));
    } catch (error) {
      turn = turnOfThrow(activation, actor, envelope, error, { ...this.#throwing, at });
    }
    if (envelope.kind === "event" && envelope.asker !== undefined) {
      const before = turn;
      turn = outcomes.orRefused(activation, turn, envelope.asker);
      if (turn !== before) bytes = undefined;
    }
    ledger.apply(activation, turn, handed, causes, { bytes });
    layDown(activation, actor, envelope, room);
    // It was set aside, perhaps by another host: what it left open goes on with it.
    if (actor.record.parked !== undefined && turn.actor.record.parked === undefined) takeUp(activation, [...handed, ...causes]);
    ledger.queueIfReady(activation, handed, causes);
  }

  /** The attempt's holds are handed over; `hold` brought its end, where another ran it. */
  ended(activation: Activation, name: string, attempt: Trying, end: AttemptEnd, hold?: Hold): void {
    if (activation.phase === "dropped" || activation.actor === undefined) return;
    const { actor } = activation;
    const { ledger, measure, room, log } = this.#parts;
    const at = ledger.at(activation, hold);
    let turn: Turn;
    let bytes: Uint8Array | undefined;
    try {
      const ended = { activation, actor, name, attempt, at, maxRecordBytes: room.recordBytes, measure };
      ({ turn, bytes } = turnOfEnd(ended, end, log));
      const fitted = ledger.fit(activation, turn);
      ({ turn } = fitted);
      bytes = fitted.bytes ?? bytes;
    } catch (error) {
      turn = turnOfThrow(activation, actor, settledBy(attempt, end), error, { ...this.#throwing, at });
    }
    ledger.apply(activation, turn, attempt.holds, hold === undefined ? [] : [hold], { bytes, isEnd: true });
    layDown(activation, actor, settledBy(attempt, end), room);
    ledger.queueIfReady(activation, attempt.holds);
  }

  /** A custom action has run: the record owes it no longer. Whoever waits for the actor's end has heard of it without that. */
  acted(activation: Activation, owed: OwedRecord, holds: readonly Hold[]): void {
    const { actor } = activation;
    const { ledger, retire } = this.#parts;
    if (actor === undefined) activation.letGo(holds);
    else ledger.apply(activation, performed(actor, owed.key, ledger.at(activation)), holds, [], { tellsEnd: false });
    retire(activation);
  }
}
