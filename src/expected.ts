import { decodeBody } from "./core/codec.ts";
import type { Over } from "./core/over.ts";
import type { Clock } from "./ports/clock.ts";
import type { Gateway } from "./ports/gateway.ts";

/**
 * One answer that will be pushed, and the waiting for it or for a reason to look whether it was lost on its way.
 *
 * Owns: the answer's subject, until `forget`. Calls in: run and ask.
 */
export class Expected<TAnswer> {
  readonly subject: string;
  readonly #clock: Clock;
  readonly #ends: readonly (() => void)[];
  #heard: TAnswer | undefined;
  #wake: () => void = () => {};

  constructor(gateway: Gateway) {
    this.#clock = gateway.clock;
    const expected = gateway.expect((body) => {
      this.#heard = decodeBody(body, "") as TAnswer;
      this.#wake();
    });
    this.subject = expected.subject;
    // What was pushed while the connection was away was not heard.
    this.#ends = [() => expected.forget(), gateway.listen({ reconnected: () => this.#wake() })];
  }

  get heard(): TAnswer | undefined {
    return this.#heard;
  }

  /** Until something is heard, the connection has mended, so long has passed, or it is over. */
  news(withinMs: number, over: Over): Promise<void> {
    if (this.#heard !== undefined || over.isOver) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        alarm.cancel();
        told();
        this.#wake = () => {};
        resolve();
      };
      // Housekeeping: a virtual clock need not live through a year of looks.
      const alarm = this.#clock.every(withinMs, done);
      this.#wake = done;
      const told = over.tell(done);
    });
  }

  forget(): void {
    for (const end of this.#ends) end();
  }
}
