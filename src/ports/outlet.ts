import type { Address } from "../core/address.ts";

/**
 * What leaves after a commit and may be lost without harm: answers to whoever waits, emitted events. At most once,
 * unless it is delivered until it is known to have arrived. Whoever missed an answer reads the record.
 */
export interface Outlet {
  reply(to: string, body: Uint8Array): void;
  /** The same, for what must not be lost: resolves to `true` once the server has it, to `false` where that is not known. */
  deliver(to: string, body: Uint8Array): Promise<boolean>;
  event(from: Address, name: string, body: Uint8Array): void;
}
