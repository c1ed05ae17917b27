import type { Alarm, Clock } from "./ports/clock.ts";

/** How long somebody is believed to answer before the record is looked at: an answer may be lost, a record is not. */
const LOOK_EVERY_MS = 2_000;
/** The rests between two looks grow up to half a minute. */
const MOST_RESTS = 15;

/** Looks after two seconds, then less and less often, one look at a time, until it is cancelled. */
export function lookNowAndThen(clock: Clock, look: () => Promise<void>): Alarm {
  let rests = 1;
  let left = 1;
  let isLooking = false;
  return clock.every(LOOK_EVERY_MS, () => {
    if (isLooking || --left > 0) return;
    rests = Math.min(rests * 2, MOST_RESTS);
    left = rests;
    isLooking = true;
    void look().finally(() => (isLooking = false));
  });
}
