import type { Envelope } from "../core/envelope.ts";
import type { Turn, TurnAt } from "../core/turn.ts";
import type { Activation } from "./activation.ts";
import type { Hold } from "./hold.ts";
import type { Outcomes } from "./outcomes.ts";

/**
 * What a delivery that changes nothing more waits for: whatever is open, which its last host may have left so; the same, known to be in
 * hand here; nothing.
 */
export type Stance = "open" | "held" | "done";

/** What those ask for who say what a delivery means to its actor. */
export interface Turns {
  at(activation: Activation, hold?: Hold): TurnAt;
  /** The turn as far as its commit has room. @throws bad_payload, too_large */
  fit(activation: Activation, turn: Turn): Turn;
  apply(activation: Activation, turn: Turn, handed: readonly Hold[], causes: readonly Hold[]): void;
  step(
    activation: Activation,
    envelope: Exclude<Envelope, { kind: "start" }>,
    handed: readonly Hold[],
    causes: readonly Hold[],
    at?: TurnAt,
  ): void;
  adopt(activation: Activation, hold: Hold, stance?: Stance): void;
  /** What has just been adopted stands alone for all that goes on. */
  relieve(activation: Activation, hold: Hold): void;
  /** How work ended that somebody took. */
  result(activation: Activation, hold: Hold): void;
  readonly outcomes: Outcomes;
  /** What is open of the actor and does not go on in this host. */
  takeUp(activation: Activation, causes: readonly Hold[]): void;
}
