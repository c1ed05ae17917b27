import { encodeJson } from "../core/codec.ts";
import { outcomeOf, type Outcome } from "../core/lifecycle.ts";
import type { Actor } from "../core/turn.ts";
import type { Outlet } from "../ports/outlet.ts";
import { NOTHING, type Activation } from "./activation.ts";
import type { Room } from "./room.ts";

/**
 * Ends, told to whoever waits for them once they are stored: whoever started the actor, and whoever did so once more. At most once:
 * whoever misses it reads the record.
 */
export class Outcomes {
  readonly #outlet: Outlet;
  readonly #room: Room;
  /** Actors whose end was stored here. */
  finished = 0;

  constructor(outlet: Outlet, room: Room) {
    this.#outlet = outlet;
    this.#room = room;
  }

  tell(activation: Activation): void {
    this.finished++;
    const { record } = activation.actor as Actor;
    const { type, id } = activation.address;
    if (record.replyTo === undefined && activation.listeners.length === 0) return;
    const outcome = outcomeOf(type, id, record);
    if (record.replyTo !== undefined) this.answer(record.replyTo, outcome);
    const { listeners } = activation;
    activation.listeners = NOTHING;
    for (const { replyTo, hold } of listeners) {
      this.answer(replyTo, { ...outcome, duplicate: true });
      hold.release();
    }
  }

  answer(replyTo: string, outcome: Outcome): void {
    const body = encodeJson(outcome);
    const { type, id, state, attempt } = outcome;
    const isLarge = body.length > this.#room.messageBytes;
    this.#outlet.reply(replyTo, isLarge ? encodeJson({ type, id, state, attempt, inRecord: true } satisfies Outcome) : body);
  }
}
