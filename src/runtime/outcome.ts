import { outcomeOf, type Outcome } from "../core/lifecycle.ts";
import type { ActorRecord } from "../core/record.ts";
import { NOTHING, type Activation } from "./activation.ts";

/** Tells everybody who waits for it how an actor ended, once that is stored. */
export function tellOutcome(activation: Activation, record: ActorRecord, answer: (replyTo: string, outcome: Outcome) => void): void {
  const { type, id } = activation.address;
  if (record.replyTo === undefined && activation.listeners.length === 0) return;
  const outcome = outcomeOf(type, id, record);
  if (record.replyTo !== undefined) answer(record.replyTo, outcome);
  const { listeners } = activation;
  activation.listeners = NOTHING;
  for (const { replyTo, hold } of listeners) {
    answer(replyTo, { ...outcome, duplicate: true });
    hold.release();
  }
}
