import type { Address } from "./core/address.ts";
import { Over } from "./core/over.ts";
import type { Gateway, Limits } from "./ports/gateway.ts";

/**
 * A wait for what an actor does: within its limits, and for as long as the gateway, which may own time, believes in it. `over` is told
 * of the end, whichever it is. @throws what `late` makes, stopped, the signal's reason
 */
export async function attended<T>(
  gateway: Gateway,
  about: Address,
  limits: Limits,
  late: () => Error,
  work: (over: Over) => Promise<T>,
): Promise<T> {
  const over = new Over();
  try {
    return await gateway.attend(
      about,
      gateway.within(limits, late, () => work(over)),
    );
  } finally {
    over.end();
  }
}
