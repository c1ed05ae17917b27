import { START_LANES, type StartLane } from "./address.ts";

/** One in so many goes to a lower lane that has something waiting. */
const ONE_IN = 8;

/**
 * Whose lane's turn it is: the highest that has something, but for a share that keeps the lower ones moving when it is never empty. What
 * the next lane down gets is shared with the one below it in the same way.
 */
export class LaneShare {
  /** How many went before lower ones in a row, by lane. */
  readonly #ahead = { high: 0, normal: 0, low: 0 };

  /** The lane that goes next, of those that have something. Asked once for each that goes. */
  next(has: (lane: StartLane) => boolean): StartLane | undefined {
    for (const lane of START_LANES) {
      if (!has(lane)) continue;
      if (!hasBelow(lane, has) || ++this.#ahead[lane] < ONE_IN) return lane;
      this.#ahead[lane] = 0;
    }
    return undefined;
  }
}

function hasBelow(lane: StartLane, has: (lane: StartLane) => boolean): boolean {
  if (lane === "high") return has("normal") || has("low");
  return lane === "normal" && has("low");
}
