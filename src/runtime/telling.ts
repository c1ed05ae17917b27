import { encodeJson } from "../core/codec.ts";
import { isSimple } from "../core/definition.ts";
import { acknowledgementOf, outcomeOf, type Outcome } from "../core/lifecycle.ts";
import { isEnded, type ActorRecord, type Refusal } from "../core/record.ts";
import type { Outlet } from "../ports/outlet.ts";
import type { Store } from "../ports/store.ts";
import { NOTHING, type Activation } from "./activation.ts";
import { Room } from "./room.ts";

/**
 * Whoever waits for an actor is told how it ended; of a plan that acknowledges early, also that.
 *
 * Owns: the number of ends. Calls in: performer.ts, dispatch.ts. Calls out: the outlet.
 * W1. Told only of what is stored.
 * W2. A plan's failure is published under its own name too, and again where it cannot be known that it was: whoever was told early has
 *     nobody else to ask. A task's end is told at most once; its record is there to be asked.
 */
export class Telling {
  /** Actors whose end was stored by this host. */
  finished = 0;
  readonly #outlet: Outlet;
  readonly #messageBytes: number;

  constructor(outlet: Outlet, store: Store) {
    this.#outlet = outlet;
    this.#messageBytes = new Room(store).messageBytes;
  }

  answer(replyTo: string, outcome: Outcome): void {
    this.#outlet.reply(replyTo, this.#written(outcome));
  }

  /** An ask that no turn answers. Whoever misses it is told again with the delivery, or reads the record. */
  refuse(asker: string, answer: Refusal): void {
    this.#outlet.reply(asker, encodeJson(answer));
  }

  ended(activation: Activation): void {
    this.finished++;
    const { record } = activation.actor as { readonly record: ActorRecord };
    const isPlan = isPlanOf(activation);
    if (record.replyTo === undefined && activation.listeners.length === 0 && !isPlan) return;
    const { type, id } = activation.address;
    const outcome = outcomeOf(type, id, record);
    if (record.replyTo !== undefined) this.answer(record.replyTo, outcome);
    if (isPlan) this.#failed(activation, outcome);
    this.#listeners(activation, outcome);
  }

  /** A delivery has come again that the end waited for: its host may have died before it told anybody. */
  endedAgain(activation: Activation): void {
    const record = activation.actor?.record;
    const isUnderWay = activation.pending !== undefined || activation.committing !== undefined;
    if (record === undefined || !isEnded(record) || isUnderWay || !isPlanOf(activation)) return;
    const { type, id } = activation.address;
    const outcome = outcomeOf(type, id, record);
    if (record.replyTo !== undefined) this.answer(record.replyTo, outcome);
    this.#failed(activation, outcome);
  }

  acknowledged(activation: Activation): void {
    const record = activation.actor?.record;
    const { type, id } = activation.address;
    const outcome = record === undefined ? undefined : acknowledgementOf(type, id, record);
    if (outcome === undefined) return;
    if (record?.replyTo !== undefined) this.answer(record.replyTo, outcome);
    this.#listeners(activation, outcome);
  }

  #failed({ address }: Activation, outcome: Outcome): void {
    if (outcome.state === "failed") this.#outlet.event(address, "failed", this.#written(outcome));
  }

  #written(outcome: Outcome): Uint8Array {
    const body = encodeJson(outcome);
    const { type, id, state, attempt } = outcome;
    return body.length <= this.#messageBytes ? body : encodeJson({ type, id, state, attempt, inRecord: true } satisfies Outcome);
  }

  #listeners(activation: Activation, outcome: Outcome): void {
    const { listeners } = activation;
    activation.listeners = NOTHING;
    for (const { replyTo, hold } of listeners) {
      this.answer(replyTo, { ...outcome, duplicate: true });
      hold.release();
    }
  }
}

function isPlanOf({ definition }: Activation): boolean {
  return definition.kind === "task" && !isSimple(definition);
}
