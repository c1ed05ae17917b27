import { TroupeError } from "../core/errors.ts";
import { Over } from "../core/over.ts";
import type { Limits } from "../ports/gateway.ts";
import type { Link, LinkListener } from "./link.ts";

/** Work that ends early with its caller. */
export type Work<T> = (over: Over) => Promise<T>;

/**
 * What the work comes to, or the first of: the timeout (what `late` makes), the caller's signal (its reason), the end of the client
 * (`stopped`). Nothing waits without this: what the library promises may never come.
 */
export function bounded<T>(link: Link, { timeoutMs, signal }: Limits, late: () => Error, work: Work<T>): Promise<T> {
  if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
  if (link.state.state === "closed") return Promise.reject(link.unconnected(""));
  return new Promise((resolve, reject) => {
    const over = new Over();
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      link.unlisten(listener);
      settle();
      over.end();
    };
    const aborted = (): void => finish(() => reject(signal?.reason as Error));
    const listener: LinkListener = { closed: (reason) => finish(() => reject(reason)) };
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => finish(() => reject(late())), timeoutMs);
    signal?.addEventListener("abort", aborted, { once: true });
    link.listen(listener);
    work(over).then(
      (value) => finish(() => resolve(value)),
      (error: Error) => finish(() => reject(error)),
    );
  });
}

/** Whether the same may be asked again. */
export type Passing = (error: TroupeError) => boolean;

/** Of what may be done twice: nobody answered. That permissions forbid it will not pass. */
export const isSilence: Passing = ({ code, cause }) => code === "no_connection" || (code === "no_answer" && cause === undefined);

/** Asks again until there is an answer, within limits; then what failed last is thrown. */
export function insist<T>(link: Link, about: string, limits: Limits, attempt: () => Promise<T>, passes = isSilence): Promise<T> {
  let last: Error | undefined;
  const late = (): Error => last ?? new TroupeError("no_answer", `${about}: no answer within ${limits.timeoutMs} ms`, { about });
  return bounded(link, limits, late, async (over) => {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof TroupeError && passes(error))) throw error;
        last = error;
      }
      await pause(AGAIN_AFTER_MS, over);
      if (over.isOver) throw last;
    }
  });
}

const AGAIN_AFTER_MS = 100;

/** @returns after so long, or as soon as it is over */
export function pause(ms: number, over: Over): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      told();
      resolve();
    };
    const timer = setTimeout(done, ms);
    const told = over.tell(done);
  });
}
