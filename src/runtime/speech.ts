import type { ActorEvent } from "../core/envelope.ts";
import type { RefText } from "../core/ref.ts";
import type { Activation } from "./activation.ts";
import type { Attempt } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import type { Overflow } from "./overflow.ts";

export interface SpeechParts {
  readonly overflow: Pick<Overflow, "whenRoom">;
  /** The actor hears an event of its own work; the holds are handed over. */
  readonly step: (activation: Activation, event: ActorEvent, holds: readonly Hold[]) => void;
  /** Stores an event for somebody else. */
  readonly send: (activation: Activation, to: RefText, event: ActorEvent, message: string, holds: readonly Hold[]) => void;
}

/**
 * What work says while it runs: to its actor, and by the references that it was given.
 *
 * Owns: nothing. Calls in: attempts.ts. Calls out: turning.ts (`step`), acts.ts (`send`).
 * S1. What work says once a turn has stopped it comes too late, as XState has it, also while that turn is not stored yet.
 * S2. The attempt keeps its holds, whether what it says is heard or not: with each event it takes them once more, and no more of them.
 */
export class Speech {
  readonly #parts: SpeechParts;

  constructor(parts: SpeechParts) {
    this.#parts = parts;
  }

  told(activation: Activation, attempt: Attempt, event: ActorEvent): void {
    this.#parts.overflow.whenRoom(activation, () => {
      if (!isCurrent(activation, attempt)) return;
      const holds = [...attempt.holds];
      for (const hold of holds) hold.take();
      this.#parts.step(activation, event, holds);
    });
  }

  /** To its own actor it is as what it sends back: heard in order with that, and before its end. */
  sent(activation: Activation, attempt: Attempt, to: RefText, event: ActorEvent, message: string): void {
    if (to === activation.key) this.told(activation, attempt, event);
    else if (isCurrent(activation, attempt)) this.#parts.send(activation, to, event, message, [...attempt.holds]);
  }
}

/** No turn has stopped the work or put another in its place. */
function isCurrent({ actor }: Activation, { name, generation }: Attempt): boolean {
  return actor?.record.activities[name]?.generation === generation;
}
