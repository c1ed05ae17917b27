import { setImmediate, setTimeout } from "node:timers";

/** The real clock and the real event loop, also where a test runner has put its own in the place of the global timers. */

const now = performance.now.bind(performance);
/** Turns of the event loop that are taken at full speed; then it is given a millisecond each, so that waiting costs nothing. */
const FAST_TURNS = 20;
/** The event loop has come round so often before its time is said to be over: a machine that stalls takes nothing away. */
const LEAST_TURNS = 10;

/** Everything of the event loop that is ready runs once. */
export function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

/** A bounded wait for what only the real world can do. */
export class Patience {
  readonly #sinceMs = now();
  readonly #patienceMs: number;
  #turns = 0;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  get isOver(): boolean {
    return this.#turns >= LEAST_TURNS && now() - this.#sinceMs >= this.#patienceMs;
  }

  async turn(): Promise<void> {
    this.#turns++;
    if (this.#turns <= FAST_TURNS) await turnOfLoop();
    else await new Promise<void>((resolve) => void setTimeout(resolve, 1));
  }
}
