import type { Alarm, Clock } from "../ports/clock.ts";

/** The longest a Node timer waits; a longer delay is waited for in steps. */
const MOST_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, action) => alarm(delayMs, action),
  soon: (action) => void setImmediate(action),
};

/** Never early: Node counts from the whole millisecond in which its loop began, so that its own timers may be by up to one. */
function alarm(delayMs: number, action: () => void): Alarm {
  const dueAt = performance.now() + delayMs;
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    timer = setTimeout(() => (performance.now() < dueAt ? wait(dueAt - performance.now()) : action()), Math.min(leftMs, MOST_TIMEOUT_MS));
    timer.unref();
  };
  wait(delayMs);
  return { cancel: () => clearTimeout(timer) };
}
