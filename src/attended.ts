import type { Address } from "./core/address.ts";
import { TroupeError } from "./core/errors.ts";
import type { Gateway, Limits } from "./ports/gateway.ts";

/**
 * A wait for what an actor does: within its limits, and for as long as the gateway, which may own time, believes in it. `over` aborts at
 * the end, whichever it is. @throws what `late` makes, stopped, the signal's reason
 */
export async function attended<T>(
  gateway: Gateway,
  about: Address,
  limits: Limits,
  late: () => Error,
  work: (over: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  try {
    return await gateway.attend(
      about,
      gateway.within(limits, late, () => work(over.signal)),
    );
  } finally {
    over.abort(OVER);
  }
}

/** Said once for all: a reason that is made for each wait, with its stack, costs more than the rest of it. */
const OVER = new TroupeError("stopped", "What this was for is over");
