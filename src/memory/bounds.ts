import { Over } from "../core/over.ts";
import type { Alarm, Clock } from "../ports/clock.ts";
import type { Limits } from "../ports/gateway.ts";

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
