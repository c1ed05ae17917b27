import type { TroupeError } from "../core/errors.ts";
import { Over } from "../core/over.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Limits } from "../ports/gateway.ts";
import type { Connection } from "./connection.ts";

/** Ends whatever waits. Returns the way to wait no longer. */
type OnClosed = (closed: (reason: Error) => void) => () => void;

/**
 * What the work comes to, or the first of: the timeout (what `late` makes), the caller's signal (its reason), the end of the client.
 * `over` is told of the end, whichever it is.
 */
export function bounded<T>(
  { clock, onClosed }: { readonly clock: Clock; readonly onClosed: OnClosed },
  { timeoutMs, signal }: Limits,
  late: () => Error,
  work: (over: Over) => Promise<T>,
): Promise<T> {
  if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const over = new Over();
    let deadline: Alarm | undefined;
    const finish = (settle: () => void): void => {
      deadline?.cancel();
      signal?.removeEventListener("abort", aborted);
      deaf();
      settle();
      over.end();
    };
    const aborted = (): void => finish(() => reject(signal?.reason as Error));
    const deaf = onClosed((reason) => finish(() => reject(reason)));
    if (timeoutMs !== undefined) deadline = clock.after(timeoutMs, () => finish(() => reject(late())));
    signal?.addEventListener("abort", aborted, { once: true });
    work(over).then(
      (value) => finish(() => resolve(value)),
      (error: Error) => finish(() => reject(error)),
    );
  });
}

/** Whether the same may be asked again. */
export type Passing = (error: TroupeError) => boolean;

/** Nobody answered. */
export function isSilence({ code }: TroupeError): boolean {
  return code === "no_answer" || code === "no_connection";
}

/** Certainly not done: nobody heard it. */
export function isUnheard({ code }: TroupeError): boolean {
  return code === "no_connection" || code === "no_host";
}

const AGAIN_AFTER_MS = 100;

/** A little, or while there is no connection; no longer than until it is over. */
export function pause({ clock, connection }: { readonly clock: Clock; readonly connection: Connection }, over: Over): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stop();
      told();
      resolve();
    };
    let stop = (): void => {};
    if (connection.phase === "down") stop = connection.listen({ reconnected: done });
    else {
      const alarm = clock.after(AGAIN_AFTER_MS, done);
      stop = () => alarm.cancel();
    }
    const told = over.tell(done);
    if (over.isOver) done();
  });
}
