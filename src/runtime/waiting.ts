import type { StartLane } from "../core/address.ts";
import type { Activation } from "./activation.ts";
import type { Attempt } from "./attempt.ts";
import type { Hold } from "./hold.ts";
import type { Session } from "./session.ts";
import type { Waiting } from "./starts.ts";

/* What waits for a slot: a start that nobody has looked at, a task that could begin, an attempt that could. */

export type StartItem = WaitingStart | WaitingTask | WaitingAttempt;

export interface WaitingStart extends Waiting {
  readonly kind: "start";
  readonly session: Session;
  readonly hold: Hold;
  /** Somebody has looked after it already. */
  hasLeft: boolean;
}

interface WaitingTask extends Waiting {
  readonly kind: "ready";
  readonly activation: Activation;
}

interface WaitingAttempt extends Waiting {
  readonly kind: "attempt";
  readonly activation: Activation;
  readonly attempt: Attempt;
}

/** One reading of a source, until it is rewound: what was read and not begun comes again then. */
export interface Reading {
  readonly over: boolean;
}

export function waitingStart(session: Session, hold: Hold, reading: Reading): WaitingStart {
  const item: WaitingStart = {
    kind: "start",
    hold,
    session,
    lane: hold.delivery.lane as StartLane,
    hasLeft: false,
    void: () => !session.accepts || reading.over || item.hasLeft,
  };
  return item;
}

/** A task that has got its permit waits in the lane in which it asked for that. */
export function waitingTask(activation: Activation): WaitingTask {
  const lane = activation.actor?.record.permit?.lane ?? "normal";
  return { kind: "ready", activation, lane, void: () => activation.phase === "dropped" || !activation.session.begins };
}

/** Its actor has got further than any start. */
export function waitingAttempt(activation: Activation, attempt: Attempt): WaitingAttempt {
  return { kind: "attempt", activation, attempt, lane: "high", void: () => attempt.phase !== "prepared" };
}
