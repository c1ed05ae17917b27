import { encodeJson } from "../core/codec.ts";
import { outcomeOf, type Outcome } from "../core/lifecycle.ts";
import type { ActorRecord, Refusal } from "../core/record.ts";
import type { Outlet } from "../ports/outlet.ts";
import { NOTHING, type Activation } from "./activation.ts";
import type { Room } from "./room.ts";

/** What those are told who wait outside for an actor's end, or for an answer that it will not give. */
export class Outcomes {
  readonly #outlet: Outlet;
  readonly #room: Room;

  constructor(outlet: Outlet, room: Room) {
    this.#outlet = outlet;
    this.#room = room;
  }

  answer(replyTo: string, outcome: Outcome): void {
    const body = encodeJson(outcome);
    const { type, id, state, attempt } = outcome;
    const isLarge = body.length > this.#room.messageBytes;
    this.#outlet.reply(replyTo, isLarge ? encodeJson({ type, id, state, attempt, inRecord: true } satisfies Outcome) : body);
  }

  /** An ask that no turn answers. Whoever misses it is told again with the delivery, or reads the record. */
  refuse(asker: string, answer: Refusal): void {
    this.#outlet.reply(asker, encodeJson(answer));
  }

  /** Everybody who waits for an actor hears how it ended, once that is stored. */
  tell(activation: Activation, record: ActorRecord): void {
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
}
