import type { Address } from "../core/address.ts";

/**
 * What leaves after a commit and may be lost without harm: answers to whoever waits, emitted events. At most once.
 * Whoever missed an answer reads the record.
 */
export interface Outlet {
  reply(to: string, body: Uint8Array): void;
  event(from: Address, name: string, body: Uint8Array): void;
}
