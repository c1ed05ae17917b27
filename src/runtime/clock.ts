import type { Alarm, Clock } from "../ports/clock.ts";

/** The longest a Node timer waits; a longer delay is waited for in steps. */
const MOST_TIMEOUT_MS = 2 ** 31 - 1;

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, action) => alarm(delayMs, action),
  every: (everyMs, action) => {
    const timer = setInterval(action, everyMs).unref();
    return { cancel: () => clearInterval(timer) };
  },
  soon: (action) => void setImmediate(action),
};

function alarm(delayMs: number, action: () => void): Alarm {
  let timer: NodeJS.Timeout;
  const wait = (leftMs: number): void => {
    timer = setTimeout(() => (leftMs > MOST_TIMEOUT_MS ? wait(leftMs - MOST_TIMEOUT_MS) : action()), Math.min(leftMs, MOST_TIMEOUT_MS));
    timer.unref();
  };
  wait(delayMs);
  return { cancel: () => clearTimeout(timer) };
}
