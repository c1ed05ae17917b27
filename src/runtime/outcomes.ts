import { refusalOf, refused } from "../core/asking.ts";
import { encodeAnswer, encodeJson } from "../core/codec.ts";
import { isSimple } from "../core/definition.ts";
import { acknowledgementOf, outcomeOf, type Outcome } from "../core/lifecycle.ts";
import { isEnded, type ActorRecord, type Refusal } from "../core/record.ts";
import type { Turn } from "../core/turn.ts";
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
    this.#outlet.reply(replyTo, this.#written(outcome));
  }

  /** An ask that no turn answers. Whoever misses it is told again with the delivery, or reads the record. */
  refuse(asker: string, answer: Refusal): void {
    this.#outlet.reply(asker, encodeJson(answer));
  }

  /** An ask that its turn leaves without an answer is told why: with the turn, or now where nothing of it is stored. */
  orRefused(activation: Activation, turn: Turn, asker: string): Turn {
    const answer = refusalOf(activation.address, turn, asker);
    if (answer === undefined) return turn;
    if (turn.kind === "changed") return refused(turn, { to: asker, answer });
    const commit = activation.pending ?? activation.committing;
    if (commit === undefined) this.refuse(asker, answer);
    else commit.effects = [...commit.effects, { kind: "reply", reply: { to: asker, answer } }];
    return turn;
  }

  /**
   * Everybody who waits for an actor hears how it ended, once that is stored. A plan's failure is published under its own name too:
   * whoever was told early that it would be done has nobody else to ask.
   */
  tell(activation: Activation, record: ActorRecord): void {
    const { type, id } = activation.address;
    const isPlan = isPlanOf(activation);
    if (record.replyTo === undefined && activation.listeners.length === 0 && !isPlan) return;
    const outcome = outcomeOf(type, id, record);
    if (record.replyTo !== undefined) this.answer(record.replyTo, outcome);
    if (isPlan) this.#failed(activation, outcome);
    this.#tellListeners(activation, outcome);
  }

  /** A delivery has come again that a plan's end waited for: its host may have died before it told anybody. */
  tellAgain(activation: Activation): void {
    const record = activation.actor?.record;
    const isUnderWay = activation.pending !== undefined || activation.committing !== undefined;
    if (record === undefined || !isEnded(record) || isUnderWay || !isPlanOf(activation)) return;
    const { type, id } = activation.address;
    const outcome = outcomeOf(type, id, record);
    if (record.replyTo !== undefined) this.answer(record.replyTo, outcome);
    this.#failed(activation, outcome);
  }

  /** Everybody who waits for a plan hears, long before its end, that it has come so far. */
  acknowledge(activation: Activation): void {
    const record = activation.actor?.record;
    const { type, id } = activation.address;
    const outcome = record === undefined ? undefined : acknowledgementOf(type, id, record);
    if (outcome === undefined) return;
    if (record?.replyTo !== undefined) this.answer(record.replyTo, outcome);
    this.#tellListeners(activation, outcome);
  }

  #failed({ address }: Activation, outcome: Outcome): void {
    if (outcome.state === "failed") this.#outlet.event(address, "failed", this.#written(outcome));
  }

  #written(outcome: Outcome): Uint8Array {
    const body = encodeAnswer(outcome);
    const { type, id, state, attempt } = outcome;
    return body.length <= this.#room.messageBytes ? body : encodeJson({ type, id, state, attempt, inRecord: true } satisfies Outcome);
  }

  #tellListeners(activation: Activation, outcome: Outcome): void {
    const { listeners } = activation;
    activation.listeners = NOTHING;
    for (const { replyTo, hold } of listeners) {
      this.answer(replyTo, { ...outcome, duplicate: true });
      hold.release();
    }
  }
}

/** Whoever waits for it must hear of its end. */
export function isPlanOf({ definition }: Activation): boolean {
  return definition.kind === "task" && !isSimple(definition);
}
